/** Events for tests, as short as can be. */

let version = 0;

/** Number the events anew from 1. */
export function restart() {
  version = 0;
}

/** The next event of a kind. */
export function event(kind, unit, members = {}) {
  version += 1;
  const base = { system: "site", version, at: 1000 + version, kind, unit, before: {}, after: {} };
  return { ...base, source: "ps-1", sequence: version, deadline: false, details: {}, ...members };
}

/** A snapshot without anything in it. */
export function emptySnapshot(members = {}) {
  const head = { system: "site", version: 0, era: 0, time: null, mode: "AXXIS100", control_unit: null, operation: null };
  return { ...head, open_blast: null, whole: true, trouble: null, units: [], warnings: [], blasts: [], ...members };
}

/** A booster with some detonators, as events. */
export function booster(windows) {
  restart();
  return [
    event("unit_added", "3/158", { after: { type: 3, serial: 158, first_seen: 1, communication_status: true } }),
    ...windows.map((window) =>
      event("unit_added", `3/158/4/${window}`, {
        after: { type: 4, window_id: window, parent: "3/158", first_seen: 2, communication_status: false },
      }),
    ),
  ];
}
