/**
 * What the gateway sends, and what the page makes of it: types alone, for the checker.
 *
 * @typedef {null | boolean | number | string} Value
 * @typedef {Record<string, Value>} Fields
 *
 * @typedef {object} Change  An event of a system, known by its version. `at` in ms since 1970.
 * @property {string} system
 * @property {number} version
 * @property {number} at
 * @property {string} kind
 * @property {string | null} unit
 * @property {Fields} before
 * @property {Fields} after
 * @property {string | null} source
 * @property {number | null} sequence
 * @property {boolean} deadline
 * @property {Fields} details
 *
 * @typedef {object} Warning
 * @property {string} unit
 * @property {string} field
 * @property {number | null} raised
 * @property {number | null} acknowledged
 * @property {string | null} actor
 * @property {string | null} note
 *
 * @typedef {object} SystemHead  A system in a list.
 * @property {string} system
 * @property {boolean | null} live  is it the present, as far as that is known
 * @property {number} version
 * @property {number} era  which history the version is of: another one begins where all was told anew
 * @property {number | null} time
 * @property {string | null} mode
 * @property {string | null} control_unit
 * @property {string | null} operation
 * @property {number} units
 * @property {number} warnings
 * @property {number} blasts
 * @property {string | null} open_blast
 * @property {boolean} whole
 * @property {string | null} trouble
 * @property {Answered[]} [answered_after_blast]
 *
 * @typedef {{ system: string, unit: string } & Fields} UnitRow
 *
 * @typedef {{ unit: string, blast: string, outcome: string, at: number }} Answered  A detonator that answers after a
 *   blast, and what it was told as.
 *
 * @typedef {Omit<SystemHead, "units" | "warnings" | "blasts"> & {
 *   units: UnitRow[], warnings: Warning[], blasts: { blast: string, version: number }[] }} Snapshot
 *
 * @typedef {"fired" | "missed" | "unreported" | "silent_before"} Outcome
 * @typedef {"cleared" | "replaced" | "no_evidence"} Why  Why one is unreported.
 *
 * @typedef {object} DetonatorRow  A detonator that was in a blast, as it was at its start. Outcome null: not known yet.
 * @property {string} unit  its booster's path
 * @property {number} window_id
 * @property {string | null} uid
 * @property {number | null} serial  in IBS systems
 * @property {string | null} label
 * @property {number | null} first_seen
 * @property {Outcome | null} outcome
 * @property {Why | null} why
 *
 * @typedef {{ detonators: number, tagged: number, logged: number, answering: number, programmed: number }} Counts
 * @typedef {{ window_id: number, uid: string | null }} Detonator
 * @typedef {Detonator & { outcome: "missed" | "unreported", why: Why | null }} NotFired
 * @typedef {{ unit: string, serial: number | null, label: string | null, before: Counts, after: Counts | null,
 *   successful: boolean | null, silent_before: Detonator[], not_fired: NotFired[] | null }} ActiveBooster
 * @typedef {{ unit: string, serial: number | null, label: string | null, detonators: number, why: string[] }} OtherBooster
 * @typedef {{ what: string, unit: string, windows: number[] | null, field: string | null }} Attention
 *
 * @typedef {object} Blast  A blast's report document, as far as the page shows it.
 * @property {string} blast
 * @property {string} control_unit
 * @property {number} initiated
 * @property {number | null} firing_complete
 * @property {number | null} aborted
 * @property {number | null} closed
 * @property {string | null} how
 * @property {{ total: number, active: number, possibly_live: number, excluded: number, inactive: number,
 *   fired: number | null }} boosters
 * @property {{ total: number, answering_before: number, silent_before: number, misfires: number | null,
 *   fired: number | null, missed: number | null, unreported: number | null }} detonators
 * @property {ActiveBooster[]} active
 * @property {OtherBooster[]} possibly_live
 * @property {OtherBooster[]} excluded
 * @property {OtherBooster[]} inactive
 * @property {"all_fired" | "doubtful" | "not_all_fired" | "aborted" | null} verdict
 * @property {Attention[] | null} attention
 * @property {{ opened: number, closed: number | null }} versions
 */

export {};
