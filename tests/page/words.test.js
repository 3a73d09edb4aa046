import assert from "node:assert/strict";
import { test } from "node:test";

import { outcomes, ranges, standingOf, tally } from "../../stateserver/gateway/page/detonators.js";
import { LINES_MAX, addEvent, lineText, windowsText } from "../../stateserver/gateway/page/event_list.js";
import { judge } from "../../stateserver/gateway/page/standing.js";
import { dateAndTime, duration, eventText, said, unitName, warningText } from "../../stateserver/gateway/page/words.js";
import { backoff } from "../../stateserver/gateway/page/connection.js";
import { booster, event, restart } from "./changes.js";

test("a detonator's standing follows from what was reported of it", () => {
  assert.equal(standingOf({}), "unheard");
  assert.equal(standingOf({ communication_status: false }), "unheard");
  assert.equal(standingOf({ detonator_status: false, program: true }), "silent");
  assert.equal(standingOf({ detonator_status: true, program: false }), "answering");
  assert.equal(standingOf({ detonator_status: true, program: true }), "programmed");
  assert.deepEqual(tally([{}, { detonator_status: true, program: true }]), { programmed: 1, answering: 0, silent: 0, unheard: 1 });
});

test("numbers are written as ranges", () => {
  assert.equal(ranges([]), "");
  assert.equal(ranges([3, 1, 2, 7, 9, 10]), "1–3, 7, 9–10");
});

test("a blast marks the detonators that were there, and no others", () => {
  const detonator = (window, seen) => ({ type: 4, parent: "3/158", window_id: window, first_seen: seen });
  const units = new Map([1, 2, 3, 4].map((window) => [`3/158/4/${window}`, detonator(window, 50)]));
  units.set("3/158/4/5", detonator(5, 200));
  units.set("3/9/4/1", { ...detonator(1, 50), parent: "3/9" });
  const active = { unit: "3/158", silent_before: [{ window_id: 2 }], not_fired: [{ window_id: 1, outcome: "unreported" }, { window_id: 3, outcome: "missed" }] };
  const state = { units, changedAt: new Map([["3/158/4/3", 150]]) };
  const found = outcomes({ initiated: 100, active: [active] }, state);
  assert.deepEqual(Object.fromEntries(found), {
    "3/158/4/1": { outcome: "unreported", since: false },
    "3/158/4/2": { outcome: "silent_before", since: false },
    "3/158/4/3": { outcome: "missed", since: true },
    "3/158/4/4": { outcome: "fired", since: false },
  });
  const open = outcomes({ initiated: 100, active: [{ ...active, not_fired: null }] }, state);
  assert.equal(open.get("3/158/4/1")?.outcome, "watched");
  assert.equal(outcomes(null, state).size, 0);
});

test("one frame's many detonators are one line, with their delays", () => {
  booster([]);
  const lines = [];
  for (const window of [1, 2, 4]) {
    const before = { detonator_status: null, tagged: null, delay: null };
    const after = { detonator_status: true, tagged: false, delay: window * 100 };
    addEvent(lines, event("unit_changed", `3/158/4/${window}`, { before, after, at: 5, sequence: 9 }));
  }
  assert.equal(lines.length, 1);
  assert.equal(windowsText(lines[0]), "3 detonators (1–2, 4)");
  assert.equal(lineText(lines[0]), "answers, delays 100 to 400 ms");
  addEvent(lines, event("unit_changed", "3/158/4/5", { before: { delay: 1 }, after: { delay: 7 }, at: 6 }));
  assert.equal(lines.length, 2);
  assert.equal(lineText(lines[0]), "delay 7 ms");
});

test("counts alone make no line, and lines are bounded", () => {
  restart();
  const lines = [];
  assert.equal(addEvent(lines, event("unit_changed", "3/158", { before: { children: 0 }, after: { children: 12 } })), null);
  for (let number = 0; number < LINES_MAX + 10; number += 1) addEvent(lines, event("sequence_gap", null, { details: { expected: 1, got: 3 } }));
  assert.equal(lines.length, LINES_MAX);
});

test("every kind of event has words", () => {
  const kinds = {
    unit_added: "seen for the first time",
    detonators_cleared: "has forgotten its 7 detonators",
    warning_raised: "warning: mains off",
    warning_cleared: "warning over: mains off",
    warning_acknowledged: "warning seen by anna: mains off",
    sequence_gap: "frames are missing: expected 4, got 9",
    sequence_restarted: "the source counts anew: expected 4, got 9",
    stale_frame: "data came late: older than 00:00:01",
    command_refused: "refused: label unit (unknown unit)",
    blast_opened: "blast initiated",
    blast_firing_complete: "firing complete",
    blast_firing_aborted: "firing aborted",
    blast_closed: "blast closed: the report time is over",
    fire_button_repeated: "fire button pressed again in the same blast",
  };
  const details = { count: 7, field: "mains", actor: "anna", expected: 4, got: 9, as_of: 1000, action: "label_unit", why: "unknown_unit", how: "timer_completed" };
  for (const [kind, words] of Object.entries(kinds)) assert.equal(eventText(event(kind, "3/1", { details })), words);
  assert.equal(eventText(event("operation_changed", "0/1", { after: { operation: "firing_aborted" } })), "Firing aborted");
  assert.equal(eventText(event("mode_changed", null, { after: { mode: "IBS" } })), "mode IBS");
  assert.equal(eventText(event("unit_labelled", "3/1", { after: { label: null } })), "label taken away");
});

test("a detonator that stops answering is never said to have fired", () => {
  const text = eventText(event("unit_changed", "3/1/4/2", { before: { detonator_status: true }, after: { detonator_status: false } }));
  assert.equal(text, "no longer answers");
});

test("units, fields and times in words", () => {
  assert.equal(unitName("3/158/4/37"), "Booster 158, detonator 37");
  assert.equal(unitName("0/23"), "Control unit 23");
  assert.equal(said("qos", 99), "signal quality % 99");
  assert.equal(warningText("cable_fault"), "cable fault");
  assert.equal(dateAndTime(1563531134999), "2019-07-19 10:12:14 UTC");
  assert.equal(dateAndTime(null), "–");
  assert.equal(duration(18560), "18.56 s");
  assert.equal(duration(420000), "7 min 0 s");
});

test("nothing is called live unless all of it is", () => {
  const live = { link: "open", gatewayLive: true, condition: "live", subscribed: true, whole: true, trouble: null };
  assert.equal(judge(live).outlook, "live");
  assert.equal(judge({ ...live, link: "lost" }).outlook, "lost");
  assert.equal(judge({ ...live, link: "connecting" }).outlook, "waiting");
  assert.equal(judge({ ...live, link: "logged_out" }).outlook, "logged_out");
  assert.equal(judge({ ...live, gatewayLive: false, condition: "broker_lost" }).outlook, "lost");
  assert.equal(judge({ ...live, subscribed: false }).outlook, "waiting");
  assert.equal(judge({ ...live, whole: false, trouble: "events_missing" }).outlook, "doubtful");
});

test("attempts to connect come less and less often, up to a bound", () => {
  const waits = [0, 1, 2, 3, 4, 5, 99].map((attempt) => backoff(attempt, 0.5));
  assert.deepEqual(waits, [250, 500, 1000, 2000, 5000, 5000, 5000]);
  assert.ok(backoff(0, 0) < backoff(0, 1));
});
