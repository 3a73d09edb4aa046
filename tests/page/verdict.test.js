import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { attentionText, headlineNow, headlineOf, stageOf } from "../../stateserver/gateway/page/verdict.js";

/** A closed blast of ten detonators that all fired, and what is different here. */
function blast(verdict, counts = {}, members = {}) {
  const detonators = { total: 10, answering_before: 10, silent_before: 0, misfires: 0, fired: 10, missed: 0, unreported: 0, ...counts };
  const times = { firing_complete: 5, aborted: null, closed: 9 };
  return { verdict, detonators, attention: [], boosters: { possibly_live: 0 }, ...times, ...members };
}

test("the headline is the document's verdict, and calm where all fired alone", () => {
  const headline = (...given) => {
    const { tone, word, text } = headlineOf(blast(...given));
    return [tone, word, text];
  };
  assert.deepEqual(headline("all_fired"), ["calm", "All presumed fired", "10 of 10 no longer answer, presumed fired."]);
  assert.deepEqual(headline("doubtful", {}, { attention: [{}, {}] }), [
    ...["alarm", "DOUBTFUL"],
    "10 of 10 no longer answer, presumed fired. 2 things need attention.",
  ]);
  assert.deepEqual(headline("not_all_fired", { misfires: 3, fired: 7, missed: 1, unreported: 2 }), [
    ...["alarm", "NOT ALL FIRED"],
    "3 misfires (1 missed, 2 unreported): by law each is to be treated as a misfire.",
  ]);
  assert.deepEqual(headline("not_all_fired", { total: 0, answering_before: 0, fired: 0 }, { boosters: { possibly_live: 1 } }), [
    ...["alarm", "NOTHING WAS WATCHED"],
    "No detonator was watched. 1 possibly live booster was not part of it.",
  ]);
  assert.deepEqual(headline("aborted", { misfires: 1, fired: 9, silent_before: 1, answering_before: 9 }), [
    ...["alarm", "ABORTED"],
    "1 misfire (1 silent before): by law each is to be treated as a misfire.",
  ]);
  assert.equal(headline(undefined)[1], "NO VERDICT");
});

test("while a blast is open it says who is awaited, and no outcome", () => {
  const open = (members) => headlineOf(blast(null, { misfires: null, fired: null, answering_before: 9, silent_before: 1 }, { closed: null, ...members }));
  assert.deepEqual(open({ firing_complete: null }), {
    ...{ tone: "open", verdict: "open", word: "Blast under way" },
    text: "9 awaited: no answer yet. 1 silent before.",
  });
  assert.equal(open({}).word, "Blast watched");
  const aborted = open({ firing_complete: null, aborted: 5 });
  assert.deepEqual([aborted.tone, aborted.word], ["alarm", "FIRING ABORTED"]);
  assert.equal(stageOf(blast(null, {}, { closed: null, firing_complete: null })), "firing");
});

test("what answers or has come since leaves nothing calm", () => {
  const alarm = (what, windows) => ({ what, toldAs: "fired", booster: "3/1", windows });
  const told = headlineNow(blast("all_fired"), [alarm("answers", [1]), alarm("others", [2, 3])]);
  assert.deepEqual([told.tone, told.word], ["alarm", "ANSWERS SINCE THE BLAST"]);
  assert.equal(headlineNow(blast("all_fired"), [alarm("others", [2])]).word, "NEW DETONATORS SINCE THE BLAST");
  assert.equal(headlineNow(blast("aborted"), [alarm("answers", [2])]).word, "ABORTED");
  assert.match(told.text, / 1 answers since the blast\. 2 are there that were not in it\.$/);
  assert.equal(headlineNow(blast("all_fired"), []).tone, "calm");
});

test("what needs attention is said with booster, windows and labels", () => {
  const text = (what, windows = [5, 6, 9], field = null) => attentionText({ what, unit: "3/158", windows, field }, (_, window) => (window === 9 ? "A-9" : null));
  assert.equal(text("answers_at_end"), "Booster 158, windows 5-6, 9 (A-9): answered at the end, after firing had ended");
  assert.equal(text("fault_at_end", null, "mains"), "Booster 158: mains off at the end");
  assert.equal(text("some_new_thing", [5]), "Booster 158, window 5: some new thing");
  assert.match(attentionText({ what: "start_unseen", unit: "0/23", windows: null, field: null }), /^Control unit 23: the press/);
});

test("every kind of attention in the examples has words", () => {
  for (const example of ["AXXIS100", "AXXIS100_CFC", "AXXIS500", "AXXIS500_CFC", "AXXIS500_WIFI", "HYDRA", "IBS", "field-2019-08-30"]) {
    const lines = readFileSync(new URL(`../data/${example}/blasts.jsonl`, import.meta.url), "utf8").split("\n").filter(Boolean);
    for (const document of lines.map((line) => JSON.parse(line))) {
      const { tone, verdict } = headlineOf(document);
      assert.equal(tone === "calm", document.verdict === "all_fired");
      assert.equal(verdict, document.verdict ?? "open");
      for (const row of document.attention ?? []) {
        const words = attentionText(row).split(": ")[1];
        assert.ok(words !== row.what.replaceAll("_", " ") || row.what === "partial_blast", row.what);
      }
    }
  }
});
