"""What a seed decides before anything happens: the site's journals, the cluster, and how rough it gets."""

from functools import cache
from random import Random
from typing import NamedTuple

from stateserver.domain.records import Record
from stateserver.protocol.modes import Mode
from stateserver.stream.layout import Layout
from tests.oracle.journals import journal
from tests.stream.journals import records_in

BEGINNING_MS = 1_560_000_000_000
LATEST_MS = BEGINNING_MS + 30 * 24 * 3600 * 1000
RECORDS_MAX = 45
JOURNALS = 20


@cache
def site_records(mode: Mode, number: int) -> list[Record]:
    """One of a few random journals of a mode, as making one takes longer than all that is done with it here."""
    return list(records_in(journal(mode, number)[:RECORDS_MAX], mode))


class Line(NamedTuple):
    """A record to be appended to a topic's partition by a Packet Server."""

    topic: str
    partition: int
    system: str
    record: Record


class Scenario:
    """All of it, drawn from a seed."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.random = random = Random(f"scenario {seed}")
        self.transactions = random.random() < 0.65
        self.workers = random.choice([1, 1, 2, 2, 3, 4])
        if not self.transactions:
            self.workers = 1  # nobody is fenced there, so more are not promised to do no harm
        self.partitions = random.choice([1, 1, 2, 3])
        journals = random.choice([("t.packets",), ("t.packets", "t.more")])
        self.layout = Layout.with_prefix("t.", journals)
        self.in_order = random.random() < 0.3
        self.lines = self._lines(random.choice([1, 2, 2, 3]))
        # How often a process dies at some await, one step in so many; is paused; a batch gets lost.
        self.kill_every = random.choice([0, 100, 400, 1500, 4000])
        self.pause_every = random.choice([0, 0, 500, 2000])
        self.loses = random.choice([0, 0, 0, 0.03])
        self.storms = random.random() < 0.5
        self.disk_troubles = random.random() < 0.5
        self.compaction = self.transactions and random.random() < 0.5
        self.damage = random.choice([None, None, "changelog", "retention"])
        self.accidents = random.randint(2, 8)
        self.standbys = random.random() < 0.5
        # How many events may come before a cut is due, and how many units' as_of go into one: sites are small here.
        self.uncut_changes_max = random.choice([1, 10, 20_000])
        self.published_units_max = random.choice([1, 3, 250])
        # Drawn apart, so that the rest of a seed stays what it is.
        withdrawals = Random(f"withdrawals {seed}")
        fit = self.transactions and self.damage != "retention"
        # Somebody runs `stateserver rebuild`; all workers are stopped, and those of the next release, with one more
        # key, find the state of the one before.
        self.rebuilds = fit and withdrawals.random() < 0.35
        self.upgrade = fit and self.damage is None and withdrawals.random() < 0.35
        self.upgrade_at = withdrawals.randrange(self.accidents) if self.upgrade else None
        self.late = [self.upgrade and withdrawals.random() < 0.3 for _ in self.lines]
        self.layout = self.layout._replace(partitions=self.partitions)

    def _lines(self, systems: int) -> list[Line]:
        """The systems' journals, mixed as they come."""
        random = self.random
        left = {}
        for number in range(systems):
            place = (random.choice(self.layout.journals), random.randrange(self.partitions), f"site {number}")
            left[place] = self._records(random.randint(5, RECORDS_MAX))
        lines: list[Line] = []
        while left:
            place = random.choice(list(left))
            count = random.choice([1, 3, 10])
            lines += [Line(*place, record) for record in left[place][:count]]
            left[place] = left[place][count:]
            if not left[place]:
                del left[place]
        return lines

    def _records(self, length: int) -> list[Record]:
        """The beginning of a random journal, of usual times."""
        while True:
            records = site_records(self.random.choice(list(Mode)), self.random.randrange(JOURNALS))[:length]
            if all(BEGINNING_MS - 10_000_000 < record.created_at < LATEST_MS for record in records):
                return records

    def shown(self) -> str:
        """In a line, for a person."""
        kind = "with transactions" if self.transactions else "without transactions"
        kinds = ("storms", "disk_troubles", "compaction", "standbys", "rebuilds", "upgrade")
        troubles = [name for name in kinds if getattr(self, name)]
        return (
            f"seed {self.seed}: {len(self.lines)} records, {self.workers} workers, {self.partitions} partitions, "
            f"{len(self.layout.journals)} topics, {kind}, {self.accidents} accidents, kill 1/{self.kill_every}, "
            f"pause 1/{self.pause_every}, loses {self.loses}, damage {self.damage}, a cut every "
            f"{self.uncut_changes_max} events with {self.published_units_max} units, {', '.join(troubles)}"
        )
