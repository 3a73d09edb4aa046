"""Avro's own Python package, as the judge of what we write and read. It knows the schemas from their files."""

import io
import json
from pathlib import Path
from typing import Any

import avro.io
import avro.schema

SCHEMA_DIRECTORY = Path(__file__).parents[2] / "schemas"
PREFIX_SIZE = 10


def schema_file(name: str, version: int | None = None) -> Path:
    """That version's file, or the newest one's."""
    newest = len(list(SCHEMA_DIRECTORY.glob(f"{name}.*")))
    number = version or newest
    return SCHEMA_DIRECTORY / (f"{name}.avsc" if number == 1 else f"{name}.v{number}.avsc")


def schema_document(name: str, version: int | None = None) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(schema_file(name, version).read_bytes())
    return document


def reference_decode(name: str, value: bytes) -> dict[str, Any]:
    """The record in a value, which must end with it. Timestamps as ints."""
    source = io.BytesIO(value[PREFIX_SIZE:])
    record = avro.io.DatumReader(_schema(name)).read(avro.io.BinaryDecoder(source))
    assert source.read() == b""
    assert isinstance(record, dict)
    return record


def reference_encode(name: str, record: dict[str, Any]) -> bytes:
    """The body of a value: what follows its prefix."""
    out = io.BytesIO()
    avro.io.DatumWriter(_schema(name)).write(record, avro.io.BinaryEncoder(out))
    return out.getvalue()


def _schema(name: str) -> avro.schema.Schema:
    # The package turns timestamps into datetimes, which end with the year 9999; the bytes are those of a long.
    return avro.schema.parse(json.dumps(_plain(schema_document(name))))


def _plain(schema: Any) -> Any:
    if isinstance(schema, dict):
        return {name: _plain(part) for name, part in schema.items() if name != "logicalType"}
    return [_plain(part) for part in schema] if isinstance(schema, list) else schema
