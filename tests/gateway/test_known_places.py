"""What is remembered of where events lie narrows a search, and never leads it astray."""

from hypothesis import given
from hypothesis import strategies as st

from stateserver.gateway import known_places
from stateserver.gateway.known_places import Between, KnownPlaces

# Events of one system by offset: a worker that dies repeats some, identically, further on.
steps = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=60)


def offsets(steps: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """(version, offset) in the order of offsets; each step goes on, some after a step back."""
    found, version, offset = [], 0, 0
    for apart, back in steps:
        version = max(1, version + 1 - back)
        offset += apart
        found.append((version, offset))
    return found


@given(steps, st.data())
def test_a_search_in_between_misses_nothing(steps: list[tuple[int, int]], data: st.DataObject) -> None:
    events = offsets(steps)
    places = KnownPlaces()
    for version, offset in data.draw(st.permutations(events)):
        places.note("site", version, offset)
    after = data.draw(st.integers(0, 60))
    low, high = places.between("site", after)
    if low is not None:
        assert next(version for version, offset in events if offset >= low) <= after
    if low is not None and high is not None:
        assert low < high


def test_nothing_is_known_of_what_was_not_seen() -> None:
    places = KnownPlaces()
    places.note("site", 5, 50)
    assert places.between("other", 5) == Between(None, None)
    assert places.between("site", 4) == Between(None, 50)
    assert places.between("site", 5) == Between(50, None)
    places.forget()
    assert places.between("site", 5) == Between(None, None)


def test_it_stays_within_its_bounds() -> None:
    places = KnownPlaces()
    for version in range(1, 3 * known_places.PLACES_A_SYSTEM_MAX):
        places.note("site", version, version)
    assert len(places._systems["site"]) <= known_places.PLACES_A_SYSTEM_MAX + 1
    for number in range(known_places.SYSTEMS_MAX + 1):
        places.note(f"site-{number}", 1, 1)
    assert len(places._systems) == known_places.SYSTEMS_MAX
    assert places.between("site", 1) == Between(None, None)
