/**
 * Logging in: a token is traded for a cookie that no script can read, and then forgotten.
 *
 * @typedef {object} Login  Who is logged in.
 * @property {string} id
 * @property {string} role
 * @property {string[] | null} systems  null: every one
 * @property {boolean} reads  may it look at systems at all
 */

const SESSION = "/api/v1/session";

/**
 * Take the token out of the address (`#token=…`), so that it stays in no history.
 * @param {Location} location
 * @param {History} history
 * @returns {string | null}
 */
export function takeToken(location, history) {
  const given = new URLSearchParams(location.hash.slice(1));
  const token = given.get("token");
  if (token === null) return null;
  given.delete("token");
  const rest = given.toString();
  history.replaceState(null, "", location.pathname + (rest ? `#${rest}` : ""));
  return token;
}

/**
 * Why somebody could not log in, and whether the same token may be good later.
 * @typedef {{ why: string, later: boolean }} NotLoggedIn
 */

/** @type {NotLoggedIn} */
const REFUSED = { why: "This token is not good here. Ask for another.", later: false };
/** @type {NotLoggedIn} */
const TOO_MANY = { why: "Too many have tried to log in from here. Wait a minute, then try again.", later: true };
/** @type {NotLoggedIn} */
const AWAY = { why: "The gateway can't be reached now, so nobody knows whether this token is good. Try again.", later: true };
/** @type {Record<number, NotLoggedIn>} */
const ANSWERS = { 400: REFUSED, 401: REFUSED, 403: REFUSED, 429: TOO_MANY };

/**
 * Trade a token for a session. Null where that went well, else why it didn't.
 * @param {string} token
 * @returns {Promise<NotLoggedIn | null>}
 */
export async function logIn(token) {
  // What no header can hold is no token.
  if (!/^[\x21-\x7e]+$/.test(token)) return REFUSED;
  try {
    const answer = await fetch(SESSION, { method: "POST", headers: { authorization: `Bearer ${token}` } });
    return answer.ok ? null : (ANSWERS[answer.status] ?? AWAY);
  } catch {
    return AWAY;
  }
}

/**
 * Whether this browser has a session that is good. True too while the gateway can't be asked.
 * @returns {Promise<boolean>}
 */
export async function isLoggedIn() {
  try {
    const answer = await fetch(SESSION);
    return answer.status !== 401 && answer.status !== 403;
  } catch {
    return true;
  }
}

/**
 * Who is logged in; null where that can't be told now.
 * @returns {Promise<Omit<Login, "reads"> | null>}
 */
export async function whoIsLoggedIn() {
  try {
    const answer = await fetch(SESSION);
    return answer.ok ? await answer.json() : null;
  } catch {
    return null;
  }
}

/**
 * Forget the session. False where the gateway could not be told, so that it is still good.
 * @returns {Promise<boolean>}
 */
export async function logOut() {
  try {
    const answer = await fetch(SESSION, { method: "DELETE" });
    return answer.ok || answer.status === 401;
  } catch {
    return false;
  }
}
