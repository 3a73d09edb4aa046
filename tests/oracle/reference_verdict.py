"""Page 2's verdict of a closed blast and what contradicts a good one, read plainly."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from tests.oracle.reference_blast import Blast, boosters_of, children_of
from tests.oracle.reference_frame import MODES

Row = dict[str, Any]


def misfires(blast: Blast) -> int:
    return sum(len(blast.those_told(outcome)) for outcome in ("missed", "unreported", "silent_before"))


def successful(blast: Blast, booster: str) -> bool:
    return {blast.told(path) for path in children_of(blast.start, booster)} == {"fired"}


def verdict(blast: Blast) -> str:
    if blast.aborted is not None and blast.completed is None:
        return "aborted"
    if misfires(blast) or not blast.watched:
        return "not_all_fired"
    if attention(blast) or blast.sorted_boosters["possibly_live"]:
        return "doubtful"
    return "all_fired"


def attention(blast: Blast) -> list[Row]:
    """In the order of the page's table."""
    rows: list[Row] = []
    rows += detonator_rows("answers_at_end", answering_at_end(blast))
    rows += detonator_rows("not_marked_fired", set(blast.those_told("fired")) - blast.marked_fired)
    rows += detonator_rows("bridge_wire_whole", at_end(blast, blast.those_told("fired"), "bridge_wire"))
    if blast.mode == "IBS":
        rows += detonator_rows("partial_blast", at_end(blast, active_at_end(blast), "partial_blast"))
        rows += detonator_rows("missing_pulse", at_end(blast, active_at_end(blast), "missing_pulse_detected"))
    rows += faults_at_end(blast)
    rows += control_unit_rows(blast)
    rows += [row("detonator_error", booster) for booster in boosters_in_error(blast)]
    rows += detonator_rows("bridge_wire_open", bridge_wire_open(blast))
    rows += detonator_rows("delay_over_limit", delay_over_limit(blast))
    rows += detonator_rows("uid_twice", uid_twice(blast))
    return rows


def row(what: str, unit: str, windows: list[int] | None = None, field: str | None = None) -> Row:
    return {"what": what, "unit": unit, "windows": windows, "field": field}


def detonator_rows(what: str, paths: Iterable[str]) -> list[Row]:
    """A row a booster, its windows ascending."""
    windows: dict[tuple[int, int], list[int]] = {}
    for path in paths:
        kind, serial, _, window = map(int, path.split("/"))
        windows.setdefault((kind, serial), []).append(window)
    return [row(what, f"{kind}/{serial}", sorted(windows[kind, serial])) for kind, serial in sorted(windows)]


def answering_at_end(blast: Blast) -> list[str]:
    assert blast.end is not None
    found = []
    for booster in boosters_of(blast.end, blast.mode):
        for path in children_of(blast.end, booster):
            unit = blast.end[path]
            if unit.get("detonator_status") and heard_since(blast, path) and blast.told(path) != "missed":
                found.append(path)
    return found


def heard_since(blast: Blast, path: str) -> bool:
    """At the end its `as_of` lies since firing ended."""
    assert blast.end is not None
    as_of = blast.end[path]["as_of"]
    assert isinstance(as_of, int)
    return as_of >= blast.since


def active_at_end(blast: Blast) -> list[str]:
    """Units below the active boosters as they are at the end."""
    assert blast.end is not None
    return [path for booster in blast.sorted_boosters["active"] for path in children_of(blast.end, booster)]


def at_end(blast: Blast, paths: Iterable[str], bit: str) -> list[str]:
    assert blast.end is not None
    return [path for path in paths if blast.end[path].get(bit)]


def faults_at_end(blast: Blast) -> list[Row]:
    """Warnings of an active booster's own, in the order they are listed in anyway."""
    assert blast.warnings_after is not None
    active = blast.sorted_boosters["active"]
    return [
        row("fault_at_end", warning["unit"], field=warning["field"])
        for warning in blast.warnings_after
        if warning["unit"] in active
    ]


def control_unit_rows(blast: Blast) -> list[Row]:
    rows = []
    if blast.mode != "IBS" and not blast.start[blast.control_unit]["firing"]:
        rows.append(row("start_unseen", blast.control_unit))
    told = {change["kind"] for change in blast.timeline}
    if blast.source_was_ahead or told & {"clock_set_back", "clock_ahead"}:
        rows.append(row("clock_changed", blast.control_unit))
    return rows


def boosters_in_error(blast: Blast) -> list[str]:
    active = blast.sorted_boosters["active"]
    return [path for path in active if blast.start[path].get("detonator_error") and not successful(blast, path)]


def bridge_wire_open(blast: Blast) -> list[str]:
    return [path for path in blast.watched if blast.start[path].get("bridge_wire") is False]


def delay_over_limit(blast: Blast) -> list[str]:
    limit, found = MODES[blast.mode].max_delay, []
    for path in blast.active_detonators:
        delay = blast.start[path].get("delay")
        if limit is not None and isinstance(delay, int) and delay > limit:
            found.append(path)
    return found


def uid_twice(blast: Blast) -> list[str]:
    uids = {
        path: blast.start[path]["uid"]
        for booster in boosters_of(blast.start, blast.mode)
        for path in children_of(blast.start, booster)
        if blast.start[path].get("uid") is not None
    }
    times = Counter(uids.values())
    return [path for path, uid in uids.items() if times[uid] > 1]
