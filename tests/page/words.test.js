import assert from "node:assert/strict";
import { test } from "node:test";

import { ranges, standingOf, tally } from "../../stateserver/gateway/page/detonators.js";
import { LINES_MAX, addEvent, lineText, windowsText } from "../../stateserver/gateway/page/event_list.js";
import { judge } from "../../stateserver/gateway/page/standing.js";
import { dateAndTime, duration, eventText, eventTone, said, unitName, warningText } from "../../stateserver/gateway/page/words.js";
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
  assert.equal(ranges([3, 1, 2, 7, 9, 10]), "1-3, 7, 9-10");
});

test("a label stands beside its window", () => {
  const labels = { 2: "A-2", 3: "A-3", 7: "B" };
  assert.equal(ranges([1, 2, 3, 4, 5, 7], (window) => labels[window] ?? null), "1, 2 (A-2), 3 (A-3), 4-5, 7 (B)");
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
  assert.equal(windowsText(lines[0]), "3 detonators (1-2, 4)");
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
    sequence_gap: "5 frames are missing: expected 4, got 9",
    clock_set_back: "clock set back by 19.64 s",
    clock_ahead: "clock ahead by 19.64 s",
    unit_retired: "retired by anna, with 7 below it",
    answers_after_blast: "ANSWERS AFTER THE BLAST, though told as presumed fired",
    sequence_restarted: "the source counts anew: expected 4, got 9",
    stale_frame: "data came late: older than 00:00:01",
    command_refused: "refused: label unit (unknown unit)",
    blast_opened: "blast initiated",
    blast_firing_complete: "firing complete",
    blast_firing_aborted: "firing aborted",
    blast_closed: "blast closed: the report time is over",
    fire_button_repeated: "fire button pressed again in the same blast",
  };
  const details = { missing: 5, by: 19639, outcome: "fired", count: 7, field: "mains", actor: "anna", expected: 4, got: 9, as_of: 1000, action: "label_unit", why: "unknown_unit", how: "timer_completed" };
  for (const [kind, words] of Object.entries(kinds)) assert.equal(eventText(event(kind, "3/1", { details })), words);
  const gap = (details) => eventText(event("sequence_gap", null, { details: { expected: 4, got: 9, ...details } }));
  assert.equal(gap({ missing: 1 }), "1 frame is missing: expected 4, got 9");
  assert.equal(gap({}), "frames are missing: expected 4, got 9");
  const retired = { actor: "anna", count: 0, note: "never was" };
  assert.equal(eventText(event("unit_retired", "3/1", { details: retired })), "retired by anna: never was");
  assert.equal(eventText(event("operation_changed", "0/1", { after: { operation: "firing_aborted" } })), "Firing aborted");
  assert.equal(eventText(event("mode_changed", null, { after: { mode: "IBS" } })), "mode IBS");
  assert.equal(eventText(event("unit_labelled", "3/1", { after: { label: null } })), "label taken away");
});

test("what new fields say", () => {
  const changed = (after) => eventText(event("unit_changed", "3/1", { before: {}, after }));
  assert.equal(changed({ detonator_error: true }), "detonator error: not all could be programmed");
  assert.equal(changed({ firing: true, resetting: true }), "firing, resetting: it lost its Packet Server");
  assert.equal(changed({ energy_storing: true }), "stores energy");
});

test("what contradicts the picture has the alarm's tone", () => {
  for (const kind of ["answers_after_blast", "clock_set_back", "clock_ahead", "sequence_gap"]) assert.equal(eventTone(kind), "alarm", kind);
  assert.equal(eventTone("unit_retired"), "notice");
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
  assert.equal(duration(119_700), "2 min 0 s");
  assert.equal(duration(90_061_000), "25 h 1 min");
});

test("nothing is called live unless all of it is", () => {
  const here = { link: "open", gatewayLive: true, condition: "live", troubles: [], systemLive: true, nothing: false, login: null };
  const live = { ...here, subscribed: true, whole: true, trouble: null };
  assert.equal(judge(live).outlook, "live");
  assert.equal(judge({ ...live, link: "lost" }).outlook, "lost");
  assert.equal(judge({ ...live, link: "connecting" }).outlook, "waiting");
  assert.equal(judge({ ...live, link: "logged_out" }).outlook, "logged_out");
  assert.equal(judge({ ...live, gatewayLive: false, condition: "broker_lost" }).outlook, "lost");
  assert.equal(judge({ ...live, subscribed: false }).outlook, "waiting");
  assert.equal(judge({ ...live, whole: false, trouble: "events_missing" }).outlook, "doubtful");
});

test("a token without systems is told why there is nothing to see", () => {
  const sight = { link: "open", gatewayLive: true, condition: "live", troubles: [], systemLive: null, nothing: true, subscribed: false, whole: false, trouble: null };
  const told = (login) => judge({ ...sight, login: login && { id: "t", role: "viewer", reads: true, ...login } });
  assert.equal(told(null).outlook, "empty");
  assert.equal(told({ systems: [] }).title, "Signed in, but nothing to see");
  assert.match(told({ systems: [] }).text, /“t” is good for no system\. /);
  assert.match(told({ systems: ["north"] }).text, /no system but north, of which nothing has been heard/);
  assert.match(told({ systems: null }).text, /Nothing has been heard of any system yet/);
  assert.match(told({ role: "packet_server", systems: null, reads: false }).text, /packet_server\) may not look at systems/);
  assert.equal(judge({ ...sight, login: null, gatewayLive: false }).outlook, "lost", "a gateway that isn't live knows nothing of that");
});

test("a system is not live where its own worker is missing, and says since when", () => {
  const troubles = [
    { condition: "worker_silent", partitions: [1, 3], since: 1563531134999 },
    { condition: "catching_up", partitions: [0], since: null },
  ];
  const sight = {
    ...{ link: "open", gatewayLive: false, condition: "worker_silent", troubles, systemLive: false },
    ...{ nothing: false, login: null, subscribed: true, whole: true, trouble: null },
  };
  const verdict = judge(sight);
  assert.equal(verdict.outlook, "lost");
  assert.match(verdict.text, /No worker gives a sign of life.* Partitions 1, 3, since 2019-07-19 10:12:14 UTC\./);
  assert.equal(judge({ ...sight, systemLive: null }).outlook, "lost", "as long as nobody has said that it is live");
  assert.equal(judge({ ...sight, systemLive: true }).outlook, "live", "the others' workers are no matter of its own");
  assert.equal(judge({ ...sight, systemLive: true, condition: "broker_lost" }).outlook, "lost");
  assert.equal(judge({ ...sight, condition: "awaiting_worker", troubles: [] }).outlook, "waiting");
});

test("attempts to connect come less and less often, up to a bound", () => {
  const waits = [0, 1, 2, 3, 4, 5, 99].map((attempt) => backoff(attempt, 0.5));
  assert.deepEqual(waits, [250, 500, 1000, 2000, 5000, 5000, 5000]);
  assert.ok(backoff(0, 0) < backoff(0, 1));
});
