/**
 * Whether what is shown is the present. Pure. Nothing here is ever shown as live unless all of it is.
 *
 * @typedef {"connecting" | "open" | "lost" | "logged_out"} Link
 * @typedef {object} Sight
 * @property {Link} link  between the page and the gateway
 * @property {boolean} gatewayLive  does the gateway see the present
 * @property {string} condition  the gateway's own word for it
 * @property {Trouble[]} troubles  why it doesn't, the worst first
 * @property {boolean | null} systemLive  is the system's own part of it the present, as far as that is known since
 * @property {boolean} subscribed  has the system's state come since the link was opened
 * @property {boolean} whole  is it without a gap
 * @property {string | null} trouble
 *
 * @property {boolean} nothing  the gateway has told that there is no system for us to see
 * @property {import("./session.js").Login | null} login
 *
 * @typedef {{ condition: string, partitions: number[], since: number | null }} Trouble
 * @typedef {"live" | "waiting" | "lost" | "doubtful" | "logged_out" | "empty"} Outlook
 * @typedef {{ outlook: Outlook, title: string, text: string }} Verdict
 */

import { dateAndTime } from "./words.js";

/** @type {Record<string, string>} */
const CONDITIONS = {
  starting: "The gateway is starting and has not read the journal yet.",
  no_topics: "The broker has no topics yet: has a worker been started?",
  broker_lost: "The gateway has lost the broker: nothing new can reach it.",
  journal_unread: "Records arrive in the journal, but nothing comes of them: is a worker running?",
  reading_anew: "The gateway is reading everything anew, since something was missing.",
  worker_silent: "No worker gives a sign of life: nothing new can be seen, and no deadline is judged.",
  partition_stopped: "The worker can't go on: its log says why.",
  catching_up: "The worker has not read the journal to its end yet: what you see is the past.",
  awaiting_worker: "The gateway waits for a worker's next sign of life.",
};
/** Where it is workers that are missing, only the systems in their care are not live. */
const OF_WORKERS = new Set(["journal_unread", "worker_silent", "partition_stopped", "catching_up", "awaiting_worker"]);

/** @type {Record<string, string>} */
const TROUBLES = {
  events_missing: "Events of this system are missing.",
  events_contradict: "Two different events of this system bear the same number.",
  withdrawn: "What was told of this system was withdrawn, and is being told anew from its journal.",
  units_differ: "The units as recorded differ from what the events say.",
  rows_differ: "What is recorded of the system differs from what the events say.",
};

/**
 * @param {Sight} sight
 * @returns {Verdict}
 */
export function judge(sight) {
  if (sight.link === "logged_out") {
    return { outlook: "logged_out", title: "Logged out", text: "Log in to see anything." };
  }
  if (sight.link === "lost") {
    const text = "The connection to the gateway is lost. What you see is the past. Trying to connect again.";
    return { outlook: "lost", title: "Not live", text };
  }
  if (sight.link === "connecting") {
    return { outlook: "waiting", title: "Connecting", text: "Waiting for the gateway." };
  }
  if (!sight.gatewayLive && !(OF_WORKERS.has(sight.condition) && sight.systemLive === true)) {
    const outlook = sight.condition === "awaiting_worker" ? "waiting" : "lost";
    return { outlook, title: "Not live", text: whyNotLive(sight) };
  }
  if (sight.nothing) {
    return { outlook: "empty", title: "Signed in, but nothing to see", text: nothingText(sight.login) };
  }
  if (!sight.subscribed) {
    return { outlook: "waiting", title: "Waiting", text: "Waiting for the state of a system." };
  }
  if (!sight.whole) {
    const text = TROUBLES[sight.trouble ?? ""] ?? "The state of this system is not complete.";
    return { outlook: "doubtful", title: "Not to be trusted", text: `${text} Do not rely on what you see.` };
  }
  return { outlook: "live", title: "Live", text: "" };
}

/**
 * Why there is nothing to see.
 * @param {import("./session.js").Login | null} login
 * @returns {string}
 */
function nothingText(login) {
  const another = "Log in with another token, or ask for one that is good for your systems.";
  if (login === null) return another;
  if (!login.reads) return `The token “${login.id}” (${login.role}) may not look at systems. ${another}`;
  if (login.systems === null) return "Nothing has been heard of any system yet. What comes is shown here at once.";
  const good = login.systems.length === 0 ? "no system" : `no system but ${login.systems.join(", ")}, of which nothing has been heard`;
  return `The token “${login.id}” is good for ${good}. ${another}`;
}

/**
 * @param {Sight} sight
 * @returns {string}
 */
function whyNotLive({ condition, troubles }) {
  const text = CONDITIONS[condition] ?? "The gateway is not live.";
  const { partitions = [], since = null } = troubles.find((one) => one.condition === condition) ?? {};
  if (partitions.length === 0) return text;
  const which = `Partition${partitions.length > 1 ? "s" : ""} ${partitions.join(", ")}`;
  return `${text} ${which}, ${since === null ? "nobody knows since when" : `since ${dateAndTime(since)}`}.`;
}
