"""What was rejected, told once a minute in few lines."""

from stateserver.stream.rejections import KINDS_MAX, TELL_EVERY_MS, Rejections, sender_shown

A, B = ("north", "ps-1"), ("north", "ps-2")


def test_at_once_then_each_minute_with_reason_source_and_count() -> None:
    rejections = Rejections()
    assert rejections.due(0) == []
    rejections.count("unknown_key", A, "no such key", "offset 7 of packets")
    assert rejections.due(5) == [
        "rejected: 1 of system 'north', source 'ps-1', unknown_key (no such key; the last one is offset 7 of packets)"
    ]
    for offset in range(8, 20):
        rejections.count("unknown_key", A, "no", f"offset {offset}")
    rejections.count("bad_seal", A, "no", "offset 20")
    rejections.count("unknown_key", B, "no", "offset 21")
    assert rejections.due(5 + TELL_EVERY_MS - 1) == []
    assert rejections.due(5 + TELL_EVERY_MS) == [
        "rejected: 12 of system 'north', source 'ps-1', unknown_key (no; the last one is offset 19)",
        "rejected: 1 of system 'north', source 'ps-1', bad_seal (no; the last one is offset 20)",
        "rejected: 1 of system 'north', source 'ps-2', unknown_key (no; the last one is offset 21)",
    ]
    assert rejections.due(5 + 3 * TELL_EVERY_MS) == []


def test_however_many_there_are_the_lines_stay_few() -> None:
    rejections = Rejections()
    for number in range(10 * KINDS_MAX):
        rejections.count("bad_seal", ("north", f"made up {number}"), "x" * 5_000, "offset 1")
    told = rejections.due(0)
    assert len(told) == KINDS_MAX + 1
    assert told[-1] == f"rejected: {9 * KINDS_MAX} more, of other sources or for other reasons"
    assert all(len(line) < 500 for line in told)


def test_reasons_are_counted_for_whoever_takes_them() -> None:
    rejections = Rejections()
    rejections.count("bad_seal", A, "", "")
    rejections.count("bad_seal", B, "", "")
    assert rejections.take_reasons() == {"bad_seal": 2}
    assert rejections.take_reasons() == {}


def test_a_name_can_not_begin_a_line_of_its_own() -> None:
    shown = sender_shown(("north\n2026-01-31 ERROR all is well", "ps" * 1_000))
    assert "\n" not in shown
    assert len(shown) < 500
    assert sender_shown((None, None)) == "a system that can't be read, a source that can't be read"
