"""The headers by which a record of `changes` is a CloudEvent."""

from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from stateserver.codec.cloud_event import cloud_event_headers
from stateserver.codec.era import era_of
from stateserver.domain.change import KINDS, NOTHING, Change

systems = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=20)


@given(systems, st.lists(st.sampled_from(KINDS), min_size=1, max_size=5), st.integers(1, 2**53))
def test_each_event_says_who_it_is(system: str, kinds: list[str], first: int) -> None:
    changes = [
        Change(system, version, 0, kind, None, NOTHING, NOTHING, None, None, False, NOTHING)
        for version, kind in enumerate(kinds, first)
    ]
    for change, headers in zip(changes, cloud_event_headers(changes), strict=True):
        said = {name: value.decode() for name, value in headers}
        assert list(said) == ["ce_specversion", "ce_id", "ce_source", "ce_type"]
        assert said["ce_specversion"] == "1.0"
        assert said["ce_id"] == f"{system}/{change.version}"
        assert said["ce_type"] == f"stateserver.{change.kind}"
        assert said["ce_source"].isascii()
        prefix, _, name = said["ce_source"].rpartition("/")
        assert (prefix, unquote(name)) == ("/systems", system)


@given(systems, st.integers(1, 2**53), st.integers(1, 2**53))
def test_in_a_later_era_no_event_is_known_by_the_name_of_an_earlier_one(system: str, version: int, era: int) -> None:
    change = Change(system, version, 0, KINDS[0], None, NOTHING, NOTHING, None, None, False, NOTHING)
    (first,), (later,) = cloud_event_headers([change]), cloud_event_headers([change], era)
    assert (era_of(first), era_of(later)) == (0, era)
    assert dict(later)["ce_id"] == f"{system}/{era}/{version}".encode() != dict(first)["ce_id"]
