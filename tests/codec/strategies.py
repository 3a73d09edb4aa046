"""Anything that could lie in a topic, for the property tests."""

from typing import Any

from hypothesis import strategies as st

from stateserver.codec.packet import SEQUENCE_MAX, Kind
from stateserver.domain.change import KINDS, Change, Fields
from stateserver.protocol.modes import Mode

unicode_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=80)
system_ids = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/"), min_size=1, max_size=80)
longs = st.integers(-(2**63), 2**63 - 1)
times_ms = st.integers(0, 2**53 - 1)

packet_records: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "system": system_ids,
        "source": unicode_texts,
        "sequence": st.integers(-SEQUENCE_MAX, SEQUENCE_MAX) | st.integers(0, 300),
        "created_at": longs | st.integers(1_500_000_000_000, 1_900_000_000_000),
        "mode": st.sampled_from(list(Mode)),
        "kind": st.sampled_from(list(Kind)),
        "key_id": unicode_texts,
        "nonce": st.binary(min_size=12, max_size=12),
        "ciphertext": st.binary(max_size=300),
    }
)

field_values = st.none() | st.booleans() | longs | unicode_texts
field_maps: st.SearchStrategy[Fields] = st.dictionaries(
    st.sampled_from(["detonator_status", "delay", "uid", "label"]) | unicode_texts, field_values, max_size=12
)

changes = st.builds(
    Change,
    system=system_ids,
    version=longs,
    at=times_ms,
    kind=st.sampled_from(KINDS) | unicode_texts,
    unit=st.none() | unicode_texts,
    before=field_maps,
    after=field_maps,
    source=st.none() | unicode_texts,
    sequence=st.none() | longs,
    deadline=st.booleans(),
    details=field_maps,
)
