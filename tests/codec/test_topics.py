import pytest

from stateserver.codec.topics import (
    Topics,
    blast_key,
    name_trouble,
    split_unit_key,
    system_key,
    system_trouble,
    unit_key,
)


def test_topics_have_the_prefix() -> None:
    assert Topics.with_prefix("blasting.") == (
        *("blasting.packets", "blasting.changes", "blasting.units"),
        *("blasting.blasts", "blasting.systems", "blasting.rejected", "blasting.history", "blasting.claims"),
        "blasting.heartbeats",
    )


def test_keys() -> None:
    assert system_key("Grube Süd") == "Grube Süd".encode()
    assert unit_key("Grube Süd", "3/158/4/37") == "Grube Süd/3/158/4/37".encode()
    assert blast_key("08f0e6ef", "report", 1) == b"08f0e6ef/report/1"


def test_a_tombstones_key_tells_its_unit() -> None:
    assert split_unit_key(unit_key("Grube Süd", "3/158/4/37")) == ("Grube Süd", "3/158/4/37")


@pytest.mark.parametrize("key", [b"", b"mine-7", b"mine-7/", b"/3/158", b"\xff/3"])
def test_what_is_no_units_key_is_refused(key: bytes) -> None:
    with pytest.raises(ValueError, match=r"unit path|utf-8"):
        split_unit_key(key)


@pytest.mark.parametrize("system", ["m", "Grube Süd 7", "\N{PICK}", " ", "a\0b", "s" * 1024, "*"])
def test_any_unicode_without_a_slash_is_a_system_id(system: str) -> None:
    assert system_trouble(system) is None


@pytest.mark.parametrize("system", ["", "/", "a/b", "s" * 1025, "ü" * 513, "\ud800"])
def test_what_is_no_system_id_has_a_reason(system: str) -> None:
    assert system_trouble(system)


def test_a_source_may_be_empty_and_have_a_slash() -> None:
    assert name_trouble("") is None
    assert name_trouble("a/b") is None
