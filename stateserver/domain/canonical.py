"""JSON that is the same bytes for the same content, for hashes, snapshots and checkpoints (spec page 4)."""

import orjson


def canonical_json(value: object) -> bytes:
    """`value` as JSON in UTF-8, keys sorted, no spaces."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def canonical_line(value: object) -> bytes:
    """As `canonical_json`, ended by a line feed."""
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)
