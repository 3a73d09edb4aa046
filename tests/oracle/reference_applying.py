"""Page 2's applying of a record, read plainly: its seven steps, around what the frame or command itself does."""

from tests.oracle.reference_commands import apply_command
from tests.oracle.reference_frame import Reject, decode
from tests.oracle.reference_lines import Record, check_command
from tests.oracle.reference_speaking import apply_frame
from tests.oracle.reference_state import Source, State
from tests.oracle.reference_tables import CLOCK_MAY_STRAY


def apply(state: State, record: Record) -> None:
    """Apply a record; Reject where it is rejected."""
    state.at, state.cause, state.deadline = record.time, (None, None), False
    if record.kind == "frame":
        _frame_record(state, record)
    elif record.kind == "tick":
        _tick_record(state, record)
    else:
        check_command(record.command)
        state.apply_deadlines()
        apply_command(state, record)
        state.recount()
        state.apply_deadlines()


def _tick_record(state: State, record: Record) -> None:
    if state.clock is not None and record.time <= state.clock:
        return
    state.clock = record.time
    state.apply_deadlines()
    _adopt_mode(state, record.mode)
    state.recount()
    state.apply_deadlines()


def _frame_record(state: State, record: Record) -> None:
    source = state.sources.get(record.source)
    # Step 1.
    try:
        frame = decode(record.mode, record.packet)
    except Reject as rejected:
        if rejected.reason != "bad_hex":
            _count(state, "received")
            _count(state, "rejected")
        if source is not None:
            _account(source, record.sequence)
        raise
    # Step 2.
    _count(state, "received")
    if source is not None and _is_duplicate(source, record):
        _count(state, "duplicate")
        return
    expected = record.sequence if source is None else source.sequence + 1
    missing = 0 if source is None else _missing(source, record.sequence)
    _count(state, "missing", missing)
    # Steps 3 and 4.
    state.cause = record.source, record.sequence
    set_back = source is not None and record.time < source.time - CLOCK_MAY_STRAY
    if not set_back:
        state.clock = record.time if state.clock is None else max(state.clock, record.time)
        state.apply_deadlines()
    _tell_clock(state, record, source)
    if missing:
        state.event("sequence_gap", None, details={"expected": expected, "got": record.sequence, "missing": missing})
    elif record.sequence < expected:
        state.event("sequence_restarted", None, details={"expected": expected, "got": record.sequence})
    # Steps 5 to 7.
    _adopt_mode(state, record.mode)
    apply_frame(state, frame, record.source)
    state.apply_deadlines()


def _account(source: Source, sequence: int) -> None:
    """A frame that was rejected for its own reasons did come."""
    if sequence > source.sequence and (source.last_accounted is None or sequence > source.last_accounted):
        source.accounted += 1
        source.last_accounted = sequence


def _is_duplicate(source: Source, record: Record) -> bool:
    if record.sequence == 1 and record.created_at != source.first_as_sent:
        return False
    return record.sequence <= source.sequence and record.created_at <= source.highest_as_sent


def _missing(source: Source, got: int) -> int:
    accounted = source.accounted if source.last_accounted is None or source.last_accounted < got else 0
    return max(0, got - (source.sequence + 1) - accounted)


def _tell_clock(state: State, record: Record, source: Source | None) -> None:
    """Step 4 of a clock, and what is kept of a source from this frame on."""
    ahead = 0 if record.appended_at is None else record.created_at - record.appended_at
    now = Source(record.sequence, record.time, record.created_at, ahead=ahead > CLOCK_MAY_STRAY)
    state.sources[record.source] = now
    if source is not None:
        set_back = source.time - record.time > CLOCK_MAY_STRAY
        if not set_back and record.sequence > source.sequence:
            now.highest_as_sent = max(source.highest_as_sent, record.created_at)
        now.first_as_sent = source.first_as_sent
        if set_back:
            state.event("clock_set_back", None, details={"by": source.time - record.time})
            _set_clock_back(state)
    if record.sequence == 1:
        now.first_as_sent = record.created_at
    if now.ahead and not (source is not None and source.ahead):
        state.event("clock_ahead", None, details={"by": ahead})


def _set_clock_back(state: State) -> None:
    clock = state.clock = max(source.time for source in state.sources.values())
    for path, unit in state.units.items():
        unit["as_of"] = min(state.as_of(path), clock)
    for kept in (state.spoken, state.cleared):
        kept.update({path: min(time, clock) for path, time in kept.items()})
    if state.open_blast is not None:
        state.open_blast.set_clock_back(clock)


def _adopt_mode(state: State, mode: str) -> None:
    before, state.mode = state.mode, mode
    if before not in {None, mode}:
        state.event("mode_changed", None, {"mode": before}, {"mode": mode})


def _count(state: State, name: str, by: int = 1) -> None:
    if state.open_blast is not None:
        state.open_blast.frames[name] += by
