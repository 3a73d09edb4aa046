"""Page 2's state and the applying of a record to it, read plainly."""

from typing import Any

from tests.oracle.reference_blast import Blast, Units, booster_type, children_of, copied, path_key
from tests.oracle.reference_frame import Fields, Frame, Reject, Value, decode
from tests.oracle.reference_lines import Record, check_command
from tests.oracle.reference_tables import CONTROL_UNIT_COUNTS, COUNTS, OFF_THE_LINE, OPERATIONS, SILENCE, WARNING_FIELDS


class Aggregate:
    """One blasting system. `changes` grows; everything else is as it stands."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.mode: str | None = None
        self.time: int | None = None
        self.units: Units = {}
        self.spoken: dict[str, int] = {}
        self.cleared: dict[str, int] = {}
        self.sources: dict[str, tuple[int, int]] = {}
        self.warnings: dict[tuple[str, str], dict[str, Any]] = {}
        self.blasts: list[Blast] = []
        self.changes: list[dict[str, Any]] = []
        self.cause: tuple[str | None, int | None] = (None, None)
        self.at = 0
        self.deadline = False

    @property
    def open_blast(self) -> Blast | None:
        return next((blast for blast in self.blasts if blast.closed is None), None)

    @property
    def control_unit(self) -> str | None:
        """The first inserted; a control unit is never removed."""
        return next((path for path, unit in self.units.items() if path.startswith("0/")), None)

    # What happens to the journal's record.

    def apply(self, record: Record) -> None:
        """Apply a record; Reject where it is rejected."""
        self.at, self.cause, self.deadline = record.created_at, (None, None), False
        if record.kind == "frame":
            self.apply_frame_record(record)
        elif record.kind == "tick":
            self.apply_tick(record)
        else:
            self.apply_command_record(record)

    def apply_frame_record(self, record: Record) -> None:
        try:
            frame = decode(record.mode, record.packet)
        except Reject as rejected:
            if rejected.reason != "bad_hex":
                self.count("received")
                self.count("rejected")
            raise
        self.count("received")
        last, highest = self.sources.get(record.source, (record.sequence - 1, -1))
        if record.sequence <= last and record.created_at <= highest:
            self.count("duplicate")
            return
        self.count("missing", max(0, record.sequence - last - 1))
        self.cause = (record.source, record.sequence)
        self.pass_time(record.created_at)
        self.apply_deadlines()
        if record.sequence != last + 1:
            kind = "sequence_gap" if record.sequence > last else "sequence_restarted"
            self.event(kind, None, details={"expected": last + 1, "got": record.sequence})
        self.sources[record.source] = (record.sequence, max(highest, record.created_at))
        self.adopt_mode(record.mode)
        self.apply_frame(frame)
        self.apply_deadlines()

    def apply_tick(self, record: Record) -> None:
        if self.time is not None and record.created_at <= self.time:
            return
        self.pass_time(record.created_at)
        self.apply_deadlines()
        self.adopt_mode(record.mode)
        self.recount()
        self.apply_deadlines()

    def apply_command_record(self, record: Record) -> None:
        check_command(record.command)
        self.apply_deadlines()
        self.adopt_mode(record.mode)
        self.apply_command(record.command)
        self.recount()
        self.apply_deadlines()

    def pass_time(self, created_at: int) -> None:
        self.time = created_at if self.time is None else max(self.time, created_at)

    def adopt_mode(self, mode: str) -> None:
        before, self.mode = self.mode, mode
        if before not in {None, mode}:
            self.event("mode_changed", None, {"mode": before}, {"mode": mode})

    def count(self, name: str, by: int = 1) -> None:
        if self.open_blast is not None:
            self.open_blast.frames[name] += by

    # Events.

    def event(
        self,
        kind: str,
        unit: str | None,
        before: Fields | None = None,
        after: Fields | None = None,
        details: Fields | None = None,
    ) -> dict[str, Any]:
        source, sequence = self.cause
        change = {
            "system": self.name,
            "version": len(self.changes) + 1,
            "at": self.at,
            "kind": kind,
            "unit": unit,
            "before": before or {},
            "after": after or {},
            "source": source,
            "sequence": sequence,
            "deadline": self.deadline,
            "details": details or {},
        }
        self.changes.append(change)
        if self.open_blast is not None:
            self.open_blast.timeline.append(change)
        return change

    def change(self, path: str, fields: Fields) -> None:
        """Set a unit's fields; unit_changed where any differs."""
        unit = self.units[path]
        after = {name: value for name, value in fields.items() if unit.get(name) != value}
        before = {name: unit.get(name) for name in after}
        unit.update(after)
        if after:
            self.event("unit_changed", path, before, after)

    def add(self, path: str, fields: Fields, communicates: bool) -> None:
        numbers = path.split("/")
        unit: Fields = {"type": int(numbers[-2])}
        if len(numbers) == 2:
            unit["serial"] = int(numbers[1])
        else:
            unit["window_id"], unit["parent"] = int(numbers[3]), "/".join(numbers[:2])
        unit |= {"first_seen": self.at, "as_of": self.at, "communication_status": communicates} | fields
        self.units[path] = unit
        unit.update(self.counts(path))
        self.event("unit_added", path, after=dict(unit))

    # Counts.

    def counts(self, path: str) -> Fields:
        """A fresh count of what a parent holds; nothing for other units."""
        if path == self.control_unit:
            assert self.mode is not None
            prefix = f"{booster_type(self.mode)}/"
            children = [p for p in self.units if p.startswith(prefix) and p.count("/") == 1]
            bits = CONTROL_UNIT_COUNTS
        elif path.count("/") == 1 and self.units[path]["type"] in {1, 3}:
            children = children_of(self.units, path)
            bits = COUNTS[int(path[0])]
        else:
            return {}
        fresh: Fields = {"children": len(children)}
        for name, bit in bits.items():
            fresh[name] = sum(bool(self.units[child].get(bit)) for child in children)
        return fresh

    def recount(self) -> None:
        parents = [path for path in self.units if path.count("/") == 1 and path[0] in "13"]
        parents.sort(key=path_key)
        if self.control_unit is not None:
            parents.append(self.control_unit)
        for path in parents:
            self.change(path, self.counts(path))

    # A frame.

    def apply_frame(self, frame: Frame) -> None:
        first_event = len(self.changes)
        speaker = frame.speaker
        key_switch_before = self.units.get(speaker, {}).get("key_switch")
        speaker_stale = speaker in self.units and self.at < self.as_of(speaker)
        if speaker_stale:
            self.event("stale_frame", speaker, details={"as_of": self.as_of(speaker)})
        else:
            self.spoken[speaker] = self.at
            self.tell(speaker, frame.own | {"communication_status": True}, communicates=True)
        heard = [(path, fields) for path, fields in frame.chunks if self.tell_chunk(frame, path, fields)]
        if frame.clears and not speaker_stale:
            self.clear(speaker)
        if speaker[0] == "3" and key_switch_before is True and self.units[speaker]["key_switch"] is False:
            self.lose_detonators(speaker, {path for path, _ in frame.chunks})
        self.warn(self.changes[first_event:])
        self.recount()
        self.take_evidence(speaker, heard)
        if frame.command == 8 and not speaker_stale:
            self.judge_operation(speaker)
        self.close_blast_by_data()

    def as_of(self, path: str) -> int:
        as_of = self.units[path]["as_of"]
        assert isinstance(as_of, int)
        return as_of

    def tell(self, path: str, fields: Fields, *, communicates: bool) -> None:
        if path not in self.units:
            self.add(path, fields, communicates)
            return
        self.units[path]["as_of"] = self.at
        self.change(path, fields)

    def tell_chunk(self, frame: Frame, path: str, fields: Fields) -> bool:
        """Apply a chunk of the payload unless it is stale; whether it was not."""
        if path in self.units and self.at < self.as_of(path):
            return False
        if frame.speaker in self.cleared and self.at < self.cleared[frame.speaker]:
            return False
        if "detonator_status" in fields:
            fields = fields | {"communication_status": fields["detonator_status"]}
        self.tell(path, fields, communicates=False)
        if self.open_blast is not None:
            self.open_blast.identify(path, fields)
        return True

    def clear(self, booster: str) -> None:
        detonators = children_of(self.units, booster)
        for path in detonators:
            del self.units[path]
        self.cleared[booster] = self.at
        if self.open_blast is not None:
            self.open_blast.clear(booster)
        if detonators:
            self.event("detonators_cleared", booster, details={"count": len(detonators)})

    def lose_detonators(self, booster: str, named: set[str]) -> None:
        for path in children_of(self.units, booster):
            if path not in named and self.units[path].get("detonator_status"):
                self.change(path, {"detonator_status": False, "communication_status": False})

    def warn(self, changes: list[dict[str, Any]]) -> None:
        for change in changes:
            for name, bad in WARNING_FIELDS.items():
                if name not in change["after"]:
                    continue
                key = change["unit"], name
                if change["after"][name] == bad and key not in self.warnings:
                    raised = {"unit": key[0], "field": name, "raised": self.at}
                    self.warnings[key] = raised | {"acknowledged": None, "actor": None, "note": None}
                    self.event("warning_raised", key[0], details={"field": name})
                elif change["after"][name] != bad and key in self.warnings:
                    del self.warnings[key]
                    self.event("warning_cleared", key[0], details={"field": name})

    def take_evidence(self, booster: str, heard: list[tuple[str, Fields]]) -> None:
        if self.open_blast is None:
            return
        key_switch = bool(self.units[booster].get("key_switch"))
        for path, fields in heard:
            if "detonator_status" in fields:
                self.open_blast.hear(path, bool(fields["detonator_status"]), self.at, key_switch)

    # The operation and the blast.

    def judge_operation(self, path: str) -> None:
        unit = self.units[path]
        before = unit.get("operation")
        buttons = (unit["key_switch"], unit["fire_button"])
        after = OPERATIONS.get((before, *buttons))  # type: ignore[arg-type]
        if after is None:
            return
        unit["operation"] = after
        self.event("operation_changed", path, {"operation": before}, {"operation": after})
        if after == "firing":
            self.press(path)
        elif after in {"firing_complete", "firing_aborted"}:
            self.end_firing(path, after)

    def press(self, path: str) -> None:
        here = [blast for blast in self.blasts if blast.initiated == self.at]
        if here:
            self.event("fire_button_repeated", path, details={"blast": here[0].id})
            return
        blast = self.open_blast
        if blast is not None and blast.aborted is None and self.at < blast.firing_over:
            self.event("fire_button_repeated", path, details={"blast": blast.id})
            return
        if blast is not None:
            self.close_blast(blast, "superseded")
        assert self.mode is not None
        self.blasts.append(Blast(self.name, self.mode, path, self.at, copied(self.units), self.open_warnings()))
        self.event("blast_opened", path, details={"blast": self.blasts[-1].id})

    def open_warnings(self) -> list[dict[str, Any]]:
        order = list(WARNING_FIELDS)
        keys = sorted(self.warnings, key=lambda key: (path_key(key[0]), order.index(key[1])))
        return [dict(self.warnings[key]) for key in keys]

    def end_firing(self, path: str, operation: str) -> None:
        blast = self.open_blast
        if blast is None or blast.control_unit != path:
            return
        if operation == "firing_complete" and blast.completed is None:
            blast.completed = self.at
            self.event("blast_firing_complete", path, details={"blast": blast.id})
        if operation == "firing_aborted" and blast.aborted is None:
            blast.aborted = self.at
            self.event("blast_firing_aborted", path, details={"blast": blast.id})
        if blast.ended is None:
            blast.ended = self.at

    def close_blast_by_data(self) -> None:
        blast = self.open_blast
        if blast is None or not blast.watch_list_became_empty():
            return
        if self.units[blast.control_unit]["operation"] != "firing":
            self.close_blast(blast, "data_completed")

    def close_blast(self, blast: Blast, how: str) -> None:
        self.event("blast_closed", blast.control_unit, details={"blast": blast.id, "how": how})
        blast.close(self.at, how, self.units)

    # Deadlines.

    def deadlines(self) -> list[tuple[int, int, tuple[int, ...], str]]:
        """(time, rank at one instant, path order, path) of each."""
        found = []
        for path, spoken in self.spoken.items():
            if self.units[path]["communication_status"]:
                found.append((spoken + SILENCE, 0, path_key(path), path))
        blast = self.open_blast
        if blast is not None:
            if not blast.left_the_line:
                found.append((blast.initiated + OFF_THE_LINE, 1, (), ""))
            found.append((blast.times_out, 2, (), ""))
        return found

    def apply_deadlines(self) -> None:
        at = self.at
        while self.time is not None and (due := min(self.deadlines(), default=None)) and due[0] <= self.time:
            self.at, self.deadline = due[0], True
            self.apply_deadline(due[1], due[3])
            self.recount()
        self.at, self.deadline = at, False

    def apply_deadline(self, rank: int, path: str) -> None:
        blast = self.open_blast
        if rank == 0:
            self.change(path, {"communication_status": False})
            return
        assert blast is not None
        if rank == 1:
            blast.left_the_line = True
            for booster in sorted(self.units, key=path_key):
                if booster.count("/") == 1 and self.units[booster]["type"] == booster_type(blast.mode):
                    self.change(booster, {"communication_status": False})
        else:
            self.close_blast(blast, "timer_completed")

    # Commands.

    def apply_command(self, command: dict[str, Any]) -> None:
        action, path, actor = command["action"], command["unit"], command["actor"]
        field: Value = command.get("field")
        warning = self.warnings.get((path, str(field)))
        why = None
        if path not in self.units:
            why = "unknown_unit"
        elif action == "acknowledge_warning" and warning is None:
            why = "no_open_warning"
        if why is not None:
            details = {"action": action, "why": why, "actor": actor} | ({} if field is None else {"field": field})
            self.event("command_refused", path, details=details)
        elif action == "label_unit":
            self.label(path, command["label"] or None, actor)
        elif warning is not None and warning["acknowledged"] is None:
            self.acknowledge(warning, command)

    def label(self, path: str, label: str | None, actor: str) -> None:
        before = self.units[path].pop("label", None)
        if label is not None:
            self.units[path]["label"] = label
        if label != before:
            self.event("unit_labelled", path, {"label": before}, {"label": label}, {"actor": actor})

    def acknowledge(self, warning: dict[str, Any], command: dict[str, Any]) -> None:
        actor, note = command["actor"], command.get("note")
        warning |= {"acknowledged": self.at, "actor": actor, "note": note}
        details = {"field": warning["field"], "actor": actor} | ({} if note is None else {"note": note})
        self.event("warning_acknowledged", warning["unit"], details=details)
