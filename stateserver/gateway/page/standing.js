/**
 * Whether what is shown is the present. Pure. Nothing here is ever shown as live unless all of it is.
 *
 * @typedef {"connecting" | "open" | "lost" | "logged_out"} Link
 * @typedef {object} Sight
 * @property {Link} link  between the page and the gateway
 * @property {boolean} gatewayLive  does the gateway see the present
 * @property {string} condition  the gateway's own word for it
 * @property {boolean} subscribed  has the system's state come since the link was opened
 * @property {boolean} whole  is it without a gap
 * @property {string | null} trouble
 *
 * @typedef {"live" | "waiting" | "lost" | "doubtful" | "logged_out"} Outlook
 * @typedef {{ outlook: Outlook, title: string, text: string }} Verdict
 */

/** @type {Record<string, string>} */
const CONDITIONS = {
  starting: "The gateway is starting and has not read the journal yet.",
  no_topics: "The broker has no topics yet: has a worker been started?",
  broker_lost: "The gateway has lost the broker: nothing new can reach it.",
  journal_unread: "Records arrive in the journal, but nothing comes of them: is a worker running?",
  reading_anew: "The gateway is reading everything anew, since something was missing.",
};

/** @type {Record<string, string>} */
const TROUBLES = {
  events_missing: "Events of this system are missing.",
  events_contradict: "Two different events of this system bear the same number.",
  units_differ: "The units as recorded differ from what the events say.",
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
  if (!sight.gatewayLive) {
    return { outlook: "lost", title: "Not live", text: CONDITIONS[sight.condition] ?? "The gateway is not live." };
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
