"""The Avro schemas of schemas/, known by fingerprint, and Avro's single-object encoding (spec page 4).

A value is the marker `C3 01`, the eight bytes of the CRC-64-AVRO fingerprint of its writer's schema, and the
body. Versions of a schema lie beside each other: `packet.avsc`, `packet.v2.avsc` and so on. A reader finds
the writer's by fingerprint and resolves it into the newest; writers write the newest, but for the
hand-written encoders, which name the version that they were written for.
"""

import json
from collections.abc import Iterable, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from stateserver.errors import StateServerError

MARKER = b"\xc3\x01"
PREFIX_SIZE = len(MARKER) + 8

AvroSchema = dict[str, Any]


class SchemaTrouble(StateServerError):
    """The schemas themselves are missing, broken or contradict each other."""


class UnreadableValue(StateServerError):
    """Bytes that are no single-object value of the schema that was asked for."""

    def __init__(self, name: str, detail: str) -> None:
        super().__init__(f"not a {name} value: {detail}", "Is it the right topic, and are all schemas installed?")
        self.detail = detail


class UnwritableValue(StateServerError):
    """A record that does not fit its schema: a fault of the program, never of the input."""


class Schema(NamedTuple):
    """One version of one schema. `prefix` is what each value written with it begins with."""

    name: str
    version: int
    avro: AvroSchema
    prefix: bytes

    @property
    def fields(self) -> list[AvroSchema]:
        fields: list[AvroSchema] = self.avro["fields"]
        return fields


class SchemaRegistry:
    """All versions of all schemas."""

    def __init__(self, schemas: Iterable[Schema]) -> None:
        self._versions: dict[str, dict[int, Schema]] = {}
        self._by_prefix: dict[bytes, Schema] = {}
        for schema in schemas:
            twin = self._by_prefix.setdefault(schema.prefix, schema)
            if twin is not schema:
                raise SchemaTrouble(
                    f"schema {schema.name} v{schema.version} says the same as {twin.name} v{twin.version}",
                    "Remove one of the two: a fingerprint must lead to one schema.",
                )
            self._versions.setdefault(schema.name, {})[schema.version] = schema

    @classmethod
    def from_directory(cls, directory: Path) -> "SchemaRegistry":
        """Reads every `<name>.avsc` (version 1) and `<name>.v<N>.avsc` of a directory."""
        schemas = [_read_schema(path) for path in sorted(directory.glob("*.avsc"))]
        if not schemas:
            raise SchemaTrouble(
                f"no schemas in {directory}", "Install State Server again, or run it from its checkout."
            )
        return cls(schemas)

    def version(self, name: str, version: int) -> Schema:
        try:
            return self._versions[name][version]
        except KeyError:
            raise SchemaTrouble(f"there is no schema {name} v{version}", "Add it to schemas/.") from None

    def newest(self, name: str) -> Schema:
        versions = self._versions.get(name)
        if versions is None:
            raise SchemaTrouble(f"there is no schema {name}", "Add it to schemas/.")
        return versions[max(versions)]

    def writer_of(self, name: str, value: bytes) -> Schema:
        """The schema a value was written with. Raises UnreadableValue unless it is a version of `name`."""
        if not value.startswith(MARKER):
            raise UnreadableValue(name, "it does not begin with the marker c301")
        schema = self._by_prefix.get(value[:PREFIX_SIZE])
        if schema is None or schema.name != name:
            raise UnreadableValue(name, f"unknown fingerprint {value[len(MARKER) : PREFIX_SIZE].hex() or '(none)'}")
        return schema

    def encode(self, name: str, record: Mapping[str, object]) -> bytes:
        """A record in the newest version of its schema. Timestamps are ints, in ms."""
        return write_value(self.newest(name), record)

    def decode(self, name: str, value: bytes) -> dict[str, Any]:
        """The record in a value, resolved into the newest version. Raises UnreadableValue, nothing else."""
        writer = self.writer_of(name, value)
        record, end = read_body(name, value, writer.avro, self.newest(name).avro)
        if end != len(value):
            raise UnreadableValue(name, f"{len(value) - end} bytes follow its end")
        return record


def write_value(schema: Schema, record: Mapping[str, object]) -> bytes:
    """A record as a single-object value, in the one shortest form. Raises UnwritableValue."""
    out = BytesIO()
    out.write(schema.prefix)
    try:
        fastavro.schemaless_writer(out, schema.avro, record, strict=True)
    except Exception as trouble:  # fastavro promises no set of exceptions
        raise UnwritableValue(f"this is no {schema.name} record: {trouble}") from trouble
    return out.getvalue()


def read_body(name: str, value: bytes, writer: AvroSchema, reader: AvroSchema) -> tuple[dict[str, Any], int]:
    """The record that begins behind a value's prefix, and the offset of its end."""
    source = BytesIO(value)
    source.seek(PREFIX_SIZE)
    try:
        record = fastavro.schemaless_reader(source, writer, None if writer is reader else reader)
    except Exception as trouble:  # foreign bytes: fastavro raises whatever they lead it to
        raise UnreadableValue(name, f"truncated or broken ({type(trouble).__name__})") from trouble
    if not isinstance(record, dict):
        raise UnreadableValue(name, "it holds no record")
    return record, source.tell()


def parse_schema(name: str, version: int, document: AvroSchema) -> Schema:
    """A schema's JSON document as a Schema. Raises SchemaTrouble."""
    try:
        avro = fastavro.parse_schema(_without_logical_types(document), named_schemas={})
        print_of_it = bytes.fromhex(fingerprint(to_parsing_canonical_form(document), "CRC-64-AVRO"))
    except Exception as trouble:  # fastavro promises no set of exceptions
        raise SchemaTrouble(f"schema {name} version {version} is broken: {trouble}", "Mend it.") from trouble
    if not isinstance(avro, dict) or avro.get("type") != "record":
        raise SchemaTrouble(f"schema {name} version {version} is no record", "Mend it.")
    return Schema(name, version, avro, MARKER + print_of_it)


def _read_schema(path: Path) -> Schema:
    name, _, version = path.name.removesuffix(".avsc").partition(".v")
    try:
        document = json.loads(path.read_bytes())
        return parse_schema(name, int(version or 1), document)
    except (OSError, ValueError) as trouble:
        raise SchemaTrouble(
            f"cannot read {path.name}: {trouble}", "Mend it or install State Server again."
        ) from trouble


def _without_logical_types(schema: Any) -> Any:
    """Timestamps stay the integers they are: a datetime would be slower and ends with the year 9999."""
    if isinstance(schema, dict):
        return {key: _without_logical_types(part) for key, part in schema.items() if key != "logicalType"}
    if isinstance(schema, list):
        return [_without_logical_types(part) for part in schema]
    return schema


def _schema_directory() -> Path:
    """Installed, the schemas lie in the package; in a checkout, beside it."""
    package = Path(__file__).parent.parent
    installed = package / "schemas"
    return installed if installed.is_dir() else package.parent / "schemas"


SCHEMAS = SchemaRegistry.from_directory(_schema_directory())
