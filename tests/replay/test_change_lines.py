"""Changes as JSON lines: put together quickly, they are what their objects are."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stateserver.domain.change import NOTHING, UNIT_CHANGED, Change, Fields, SharedFields, change_to_json
from stateserver.replay.change_lines import change_lines, json_line

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | texts
fields: st.SearchStrategy[Fields] = st.dictionaries(texts, values, max_size=3)
numbers = st.integers(0, 2**53 - 1)


@st.composite
def records(draw: st.DrawFn) -> list[Change]:
    """What one record caused: usual changes of units, and others among them."""
    system, source, sequence, at = draw(texts), draw(st.none() | texts), draw(st.none() | numbers), draw(numbers)
    usual: dict[str, st.SearchStrategy[Any]] = {
        "version": numbers,
        "at": st.just(at),
        "kind": st.just(UNIT_CHANGED),
        "unit": st.sampled_from(["0/23", "3/158", "3/158/4/7"]),
        "before": fields.map(SharedFields),
        "after": fields.map(SharedFields),
        "deadline": st.just(value=False),
        "details": st.just(NOTHING),
    }
    other: dict[str, st.SearchStrategy[Any]] = {
        "at": numbers,
        "kind": st.sampled_from(["unit_added", "command_refused"]),
        "before": fields,
        "after": fields,
        "deadline": st.booleans(),
        "details": fields,
    }
    named = draw(st.lists(st.fixed_dictionaries(usual, optional={}), min_size=1, max_size=4))
    changes = []
    for said in named:
        name = draw(st.none() | st.sampled_from(sorted(other)))
        more = {} if name is None else {name: draw(other[name])}
        changes.append(Change(**{**said, **more}, system=system, source=source, sequence=sequence))
    return changes


@given(records())
def test_a_line_is_what_its_change_is_as_an_object(changes: list[Change]) -> None:
    expected = [json_line(change_to_json(change)) for change in changes]
    assert list(change_lines(changes)) == expected
    assert list(change_lines(changes)) == expected, "shared fields were encoded before"
