"""Sources of which nothing is of use: told after a minute, with why, and no longer once that is over."""

from stateserver.codec.heartbeat import TroubledSource
from stateserver.stream import sources
from stateserver.stream.sources import FORGOTTEN_AFTER_MS, TROUBLED_AFTER_MS, SourceWatch

A = ("north", "ps-1")


def troubled(watch: SourceWatch, now_ms: int = TROUBLED_AFTER_MS) -> list[TroubledSource]:
    return watch.troubled(now_ms)


def test_all_rejected_for_a_minute() -> None:
    watch = SourceWatch()
    watch.bad(A, "unknown_key", 1_000)
    watch.bad(A, "unknown_key", TROUBLED_AFTER_MS + 999)
    assert troubled(watch) == []
    watch.bad(A, "bad_seal", TROUBLED_AFTER_MS + 1_000)
    assert troubled(watch) == [TroubledSource("north", "ps-1", "rejected", "unknown_key", 3, 1_000)]


def test_all_duplicates_for_a_minute() -> None:
    watch = SourceWatch()
    for at in range(0, TROUBLED_AFTER_MS + 1, 10_000):
        watch.bad(A, None, at)
    assert troubled(watch) == [TroubledSource("north", "ps-1", "duplicates", None, 7, 0)]


def test_of_both_the_more_frequent_is_its_name() -> None:
    watch = SourceWatch()
    for at, reason in ((0, None), (1, "bad_crc"), (TROUBLED_AFTER_MS, "bad_crc")):
        watch.bad(A, reason, at)
    assert [(one.why, one.reason, one.frames) for one in troubled(watch)] == [("rejected", "bad_crc", 3)]
    for at in (1, 2, 3):
        watch.bad(A, None, TROUBLED_AFTER_MS + at)
    assert [(one.why, one.reason, one.frames) for one in troubled(watch)] == [("duplicates", None, 6)]


def test_one_good_frame_ends_it() -> None:
    watch = SourceWatch()
    watch.bad(A, "bad_seal", 0)
    watch.bad(A, "bad_seal", TROUBLED_AFTER_MS)
    watch.good("north", "another")
    assert len(troubled(watch)) == 1
    watch.good(*A)
    assert troubled(watch) == []
    watch.bad(A, "bad_seal", TROUBLED_AFTER_MS + 1)
    assert troubled(watch) == []


def test_what_sends_nothing_any_more_is_forgotten() -> None:
    watch = SourceWatch()
    watch.bad(A, None, 0)
    watch.bad(A, None, TROUBLED_AFTER_MS)
    assert len(troubled(watch, TROUBLED_AFTER_MS + FORGOTTEN_AFTER_MS)) == 1
    assert troubled(watch, TROUBLED_AFTER_MS + FORGOTTEN_AFTER_MS + 1) == []


def test_each_source_stands_for_itself_and_the_longest_comes_first() -> None:
    watch = SourceWatch()
    for system, source, since in (("north", "b", 5), (None, None, 1), ("north", "a", 5), ("south", "b", 4)):
        watch.bad((system, source), "bad_encoding", since)
        watch.bad((system, source), "bad_encoding", since + TROUBLED_AFTER_MS)
    told = [(one.system, one.source) for one in troubled(watch)]
    assert told == [(None, None), ("south", "b"), ("north", "a"), ("north", "b")]


def test_made_up_names_do_not_fill_the_memory() -> None:
    watch = SourceWatch()
    watch.bad(A, "bad_seal", 0)
    for number in range(3 * sources.SOURCES_MAX):
        watch.bad(("north", f"made up {number}"), "bad_seal", 1)
        watch.bad(A, "bad_seal", TROUBLED_AFTER_MS)
    assert len(watch.runs) <= sources.SOURCES_MAX
    assert [one.source for one in troubled(watch)] == ["ps-1"], "whoever goes on sending is not pushed out"
