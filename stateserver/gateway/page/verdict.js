/**
 * What the report says of a blast as a whole, in words: its verdict and what needs attention are the document's own,
 * decided where it was closed; nothing is judged here. Pure.
 *
 * @typedef {import("./alarms.js").Alarm} Alarm
 * @typedef {import("./types.js").Attention} Attention
 * @typedef {import("./types.js").Blast} Blast
 *
 * @typedef {"firing" | "watched" | "closed"} Stage
 * @typedef {"calm" | "open" | "alarm"} Tone
 * @typedef {{ tone: Tone, verdict: string, word: string, text: string }} Headline
 */

import { alarmed } from "./alarms.js";
import { ranges } from "./detonators.js";
import { placesWord, unitName, warningText } from "./words.js";

const LAW = "by law each is to be treated as a misfire";

/** Of a blast that was opened, and of which no report has come yet. @type {Headline} */
export const REPORT_TO_COME = { tone: "open", verdict: "open", word: "Blast under way", text: "Its report has not come yet." };

/**
 * @param {Blast} blast
 * @returns {Stage}
 */
export function stageOf(blast) {
  if (blast.closed !== null) return "closed";
  return blast.firing_complete === null && blast.aborted === null ? "firing" : "watched";
}

/**
 * The headline of a blast by its report alone. Calm only where all that were in it are presumed fired, and nothing else.
 * @param {Blast} blast
 * @returns {Headline}
 */
export function headlineOf(blast) {
  if (blast.closed === null) return openHeadline(blast);
  const { verdict, detonators } = blast;
  switch (verdict) {
    case "all_fired":
      return { tone: "calm", verdict, word: "All presumed fired", text: firedText(blast) };
    case "doubtful":
      return { tone: "alarm", verdict, word: "DOUBTFUL", text: sentences(firedText(blast), doubtsText(blast)) };
    case "not_all_fired": {
      const word = detonators.misfires ? "NOT ALL FIRED" : "NOTHING WAS WATCHED";
      return { tone: "alarm", verdict, word, text: sentences(misfiresText(blast), doubtsText(blast)) };
    }
    case "aborted":
      return { tone: "alarm", verdict, word: "ABORTED", text: sentences(misfiresText(blast) || firedText(blast), doubtsText(blast)) };
    default:
      return { tone: "alarm", verdict: "none", word: "NO VERDICT", text: "Its report is of an older version: replay its journal." };
  }
}

/**
 * The headline as it is now: what answers since, or has come since, leaves nothing calm.
 * @param {Blast} blast
 * @param {Alarm[]} alarms
 * @returns {Headline}
 */
export function headlineNow(blast, alarms) {
  const told = headlineOf(blast);
  const [answer, others] = [alarmed(alarms, "answers"), alarmed(alarms, "others")];
  const since = [
    ...(answer ? [`${answer} ${answer === 1 ? "answers" : "answer"} since the blast.`] : []),
    ...(others ? [`${others} ${others === 1 ? "is" : "are"} there that ${others === 1 ? "was" : "were"} not in it.`] : []),
  ];
  const text = sentences(told.text, ...since);
  if (told.tone !== "calm" || !since.length) return { ...told, text };
  return { ...told, tone: "alarm", word: answer ? "ANSWERS SINCE THE BLAST" : "NEW DETONATORS SINCE THE BLAST", text: `Its report said: ${text}` };
}

/**
 * @param {Blast} blast
 * @returns {Headline}
 */
function openHeadline(blast) {
  const { answering_before: watched, silent_before: silent } = blast.detonators;
  const parts = [`${watched} awaited: no answer yet.`, ...(silent ? [`${silent} silent before.`] : [])];
  if (blast.aborted !== null && blast.firing_complete === null) {
    return { tone: "alarm", verdict: "open", word: "FIRING ABORTED", text: sentences("The blast is still watched.", ...parts) };
  }
  const word = stageOf(blast) === "firing" ? "Blast under way" : "Blast watched";
  return { tone: "open", verdict: "open", word, text: sentences(...parts) };
}

/**
 * One number with the law's word, and what it is made of.
 * @param {Blast} blast
 * @returns {string}
 */
export function misfiresText({ detonators }) {
  const { misfires, missed, unreported, silent_before: silent, answering_before: watched } = detonators;
  if (!misfires) return watched ? "" : "No detonator was watched.";
  const parts = Object.entries({ missed, unreported, "silent before": silent }).filter(([, count]) => count);
  const made = parts.map(([word, count]) => `${count} ${word}`).join(", ");
  return `${misfires} ${misfires === 1 ? "misfire" : "misfires"} (${made}): ${LAW}.`;
}

/**
 * @param {Blast} blast
 * @returns {string}
 */
function firedText({ detonators }) {
  return `${detonators.fired} of ${detonators.total} no longer answer, presumed fired.`;
}

/**
 * @param {Blast} blast
 * @returns {string}
 */
function doubtsText({ attention, boosters }) {
  const [needs, live] = [attention?.length ?? 0, boosters.possibly_live];
  return sentences(
    needs ? `${needs} ${needs === 1 ? "thing needs" : "things need"} attention.` : "",
    live ? `${live} possibly live ${live === 1 ? "booster was" : "boosters were"} not part of it.` : "",
  );
}

/**
 * @param {...string} some
 * @returns {string}
 */
function sentences(...some) {
  return some.filter(Boolean).join(" ");
}

/** What contradicts a good blast (specification, page 2). @type {Record<string, string>} */
const ATTENTION = {
  answers_at_end: "answered at the end, after firing had ended",
  not_marked_fired: "told as fired, but never marked so by the booster",
  bridge_wire_whole: "told as fired, but the bridge wire is whole",
  partial_blast: "partial blast",
  missing_pulse: "a pulse was missing",
  start_unseen: "the press that opened the blast was refused, or came earlier: who was silent may have fired",
  clock_changed: "a clock was put right or ran ahead: times and durations are doubtful",
  detonator_error: "detonator error at the start: not all could be programmed",
  bridge_wire_open: "answered at the start with the bridge wire open",
  delay_over_limit: "the delay was above the limit",
  uid_twice: "another has the same uid",
};

/**
 * What needs attention, in words.
 * @param {Attention} row
 * @param {(booster: string, window: number) => string | null} [labelOf]
 * @returns {string}
 */
export function attentionText({ what, unit, windows, field }, labelOf = () => null) {
  const text = what === "fault_at_end" ? `${warningText(field ?? "fault")} at the end` : (ATTENTION[what] ?? what.replaceAll("_", " "));
  if (!windows?.length) return `${unitName(unit)}: ${text}`;
  return `${unitName(unit)}, ${placesWord(unit, windows.length)} ${ranges(windows, (window) => labelOf(unit, window))}: ${text}`;
}
