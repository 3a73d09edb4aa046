"""The interface's descriptions as they lie in docs/: `python -m tests.gateway.described` writes them anew."""

import json
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel

from stateserver import __version__
from stateserver.codec.topics import Topics
from stateserver.gateway import json_rpc, refusals, turned_away
from stateserver.gateway.app import build_app
from stateserver.gateway.auth import Visitor
from stateserver.gateway.command_parameters import Command
from stateserver.gateway.operation import Operation, refused_over_rpc
from stateserver.gateway.operations import METHODS
from stateserver.gateway.queries import Queries
from stateserver.gateway.refusals import Refusal
from stateserver.gateway.rpc import Session
from stateserver.security.tokens import Principal, Role
from tests.codec.reference import schema_file
from tests.gateway.serving import make_parts, make_tokens

DOCS: Final = Path(__file__).parents[2] / "docs"
OPENAPI: Final = DOCS / "openapi.json"
ASYNCAPI: Final = DOCS / "asyncapi.yaml"
WEBSOCKET: Final = DOCS / "websocket.md"

Document = dict[str, Any]

# The topic's name without its prefix: the Avro schema of its values, its key, how long it is kept, what it is.
TOPICS: Final = {
    "packets": ("packet", "the system", "by time", "The journal: sealed frames, ticks and commands"),
    "changes": ("change", "the system", "by time", "Every event, once for each (system, version)"),
    "units": ("unit", "<system>/<unit path>", "compacted", "Each unit as it stands; one that is gone is a tombstone"),
    "blasts": ("blast", "<blast>/<what>/<part>", "compacted", "Each blast's report and snapshots, in parts"),
    "systems": ("system", "the system", "compacted", "Each system at its latest checkpoint"),
    "rejected": ("rejected", "the record's own", "by time", "Records that could not be read, with the reason"),
    "history": ("still", "the system", "by time", "Systems as they stood, now and then: a look back begins there"),
    "claims": ("claim", "the system", "by time", "Commands that carry a client's own id, agreed on between gateways"),
    "heartbeats": (
        "heartbeat",
        "the partition",
        "compacted",
        "A sign of life of each partition's worker, every 2 s",
    ),
}
_OF_SUBSCRIPTION: Final[Document] = {"subscription": {"type": "string"}, "cursor": {"type": "integer"}}
# Each notification's parameters, and when it comes.
NOTIFICATIONS: Final[dict[str, tuple[str, Document]]] = {
    "changes": ("Events after the cursor before, in order", _OF_SUBSCRIPTION | {"changes": {"type": "array"}}),
    "snapshot": (
        "In the place of all that was told: why is its reason",
        _OF_SUBSCRIPTION | {"reason": {"type": "string"}, "snapshot": {"type": "object"}},
    ),
    "standing": (
        "Whether what was told can be trusted, when that changes",
        _OF_SUBSCRIPTION | {"whole": {"type": "boolean"}, "trouble": {"type": ["string", "null"]}},
    ),
    "status": (
        "Whether the gateway sees the present",
        {"live": {"type": "boolean"}, "condition": {"type": "string"}, "troubles": {"type": "array"}},
    ),
    "closing": ("The last message before we close", {"code": {"type": "integer"}, "reason": {"type": "string"}}),
}


def openapi() -> str:
    """What the gateway serves at /api/v1/openapi.json."""
    document = build_app(make_parts(make_tokens())).openapi()
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def asyncapi() -> str:
    """The topics and the WebSocket."""
    topics = Topics.with_prefix("blasting.")
    document = {
        "asyncapi": "3.0.0",
        "info": {
            "title": "State Server",
            "version": __version__,
            "description": "Topics have the prefix of STATESERVER_TOPIC_PREFIX; this is the default one. Values are"
            " Avro, single-object encoded: C3 01, the fingerprint of the writer's schema, the body.",
        },
        "servers": {
            "kafka": {"host": "127.0.0.1:9092", "protocol": "kafka"},
            "gateway": {
                "host": "127.0.0.1:8080",
                "pathname": "/api/v1",
                "protocol": "ws",
                "description": "JSON-RPC 2.0; a token in the Authorization header, or a session's cookie and Origin",
            },
        },
        "channels": {
            **{name: _topic(name, getattr(topics, name)) for name in TOPICS},
            "websocket": _websocket(),
        },
        "operations": _operations(),
    }
    return yaml.safe_dump(document, sort_keys=False, width=120, allow_unicode=True)


ERA: Final[Document] = {
    "type": "string",
    "description": "Which history it belongs to, where all was withdrawn and told anew: when that began, ms since 1970"
    " in decimal. None in the first. Versions begin at 1 again then: drop what was told of an earlier era, also what"
    " still comes of it",
}
# What a record of `changes` says beside its value.
CHANGES_HEADERS: Final[Document] = {
    "type": "object",
    "description": "Those of a CloudEvent in Kafka's binary mode, and two more; older events have none of them",
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": {"type": "string", "description": "<system>/<version>, or <system>/<era>/<version>"},
        "era": ERA,
        "ce_source": {"type": "string", "description": "/systems/<system, percent-encoded>"},
        "ce_type": {"type": "string", "description": "stateserver.<kind>, such as stateserver.unit_changed"},
        "time": {
            "type": "string",
            "description": "The system's time once the event's record was applied, ms since 1970 in decimal (empty"
            " before its first frame or tick). Only where it is not the event's own `at`: deadlines, commands, late"
            " frames",
        },
    },
}


HEADERS: Final = {
    "changes": CHANGES_HEADERS,
    **{name: {"type": "object", "properties": {"era": ERA}} for name in ("systems", "rejected", "heartbeats")},
}


def _topic(name: str, address: str) -> Document:
    schema, key, kept, summary = TOPICS[name]
    headers = {"headers": HEADERS[name]} if name in HEADERS else {}
    return {
        "address": address,
        "servers": [{"$ref": "#/servers/kafka"}],
        "description": f"{summary}. Kept {kept}.",
        "messages": {
            schema: {
                "contentType": "avro/binary",
                **headers,
                "payload": {
                    "schemaFormat": "application/vnd.apache.avro+json;version=1.9.0",
                    "schema": {"$ref": f"../schemas/{schema_file(schema).name}"},
                },
                "bindings": {"kafka": {"key": {"type": "string", "description": f"UTF-8: {key}"}}},
            }
        },
    }


def _websocket() -> Document:
    messages: Document = {}
    for method, operation in METHODS.items():
        messages[f"{method}.request"] = {
            "summary": operation.summary,
            "payload": _call(method, _schema(operation.takes), {"id": {}}),
        }
        messages[f"{method}.result"] = {"payload": _answered(operation)}
    for method, (summary, properties) in NOTIFICATIONS.items():
        told = {"type": "object", "required": list(properties), "properties": properties}
        messages[method] = {"summary": summary, "payload": _call(method, told, {})}
    return {"address": "/ws", "servers": [{"$ref": "#/servers/gateway"}], "messages": messages}


def _answered(operation: Operation) -> Document:
    """The result, or one of the errors that a method may be answered with."""
    model = operation.answers[200]
    assert model is not None
    codes = [kind.code for kind in sorted(refused_over_rpc(operation), key=lambda kind: kind.code)]
    return {
        "type": "object",
        "required": ["jsonrpc", "id"],
        "properties": {"jsonrpc": {"const": "2.0"}, "id": {}, "result": _schema(model), "error": _error(codes)},
    }


def _error(codes: list[int]) -> Document:
    return {
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"enum": [*codes, json_rpc.INTERNAL_ERROR]},
            "message": {"type": "string"},
            "data": {"type": "object", "description": "The problem document (RFC 9457) that HTTP would answer with"},
        },
    }


def _call(method: str, params: Document, more: Document) -> Document:
    properties = {"jsonrpc": {"const": "2.0"}, "method": {"const": method}, **more, "params": params}
    return {"type": "object", "required": ["jsonrpc", "method"], "properties": properties}


def _schema(model: type[BaseModel]) -> Document:
    """A model's schema, whole by itself: nothing in it refers to elsewhere."""
    document = model.model_json_schema()
    known = document.pop("$defs", {})

    def inlined(part: Any) -> Any:
        if isinstance(part, dict):
            if "$ref" in part:
                return inlined(known[part["$ref"].rpartition("/")[2]])
            return {name: inlined(one) for name, one in part.items()}
        return [inlined(one) for one in part] if isinstance(part, list) else part

    whole = inlined(document)
    assert isinstance(whole, dict)
    return json.loads(json.dumps(whole))  # type: ignore[no-any-return]


def _operations() -> Document:
    channel = {"$ref": "#/channels/websocket"}
    operations: Document = {
        "append": {"action": "receive", "channel": {"$ref": "#/channels/packets"}, "summary": "By Packet Servers"}
    }
    for name in list(TOPICS)[1:]:
        operations[f"tell.{name}"] = {"action": "send", "channel": {"$ref": f"#/channels/{name}"}}
    for method in METHODS:
        operations[method] = {
            "action": "receive",
            "channel": channel,
            "messages": [{"$ref": f"#/channels/websocket/messages/{method}.request"}],
            "reply": {
                "channel": channel,
                "messages": [{"$ref": f"#/channels/websocket/messages/{method}.result"}],
            },
        }
    for method in NOTIFICATIONS:
        operations[f"notify.{method}"] = {
            "action": "send",
            "channel": channel,
            "messages": [{"$ref": f"#/channels/websocket/messages/{method}"}],
        }
    return operations


def refusals_there_are() -> list[type[Refusal]]:
    """Every one, in the order of their codes."""

    def below(kind: type[Refusal]) -> list[type[Refusal]]:
        return [one for child in kind.__subclasses__() for one in (child, *below(child))]

    return sorted((kind for kind in below(Refusal) if kind is not turned_away.Later), key=lambda kind: -kind.code)


# What JSON-RPC itself says, of messages that are no call of a method.
OF_THE_PROTOCOL: Final = {
    json_rpc.PARSE_ERROR: "The message is no JSON, or JSON that could be read in two ways",
    json_rpc.INVALID_REQUEST: "The message is no request",
    json_rpc.INTERNAL_ERROR: "Something went wrong in the gateway; its log says what",
}


def codes_table() -> str:
    """Every JSON-RPC error code, with the problem of the same meaning over HTTP."""
    rows = {code: ("", "", means) for code, means in OF_THE_PROTOCOL.items()}
    of_methods = {json_rpc.MethodNotFound, refusals.TooMany}.union(*map(refused_over_rpc, METHODS.values()))
    for kind in refusals_there_are():
        if kind.code != refusals.UNCODED:
            means = (kind.__doc__ or "").splitlines()[0].rstrip(".")
            only = "" if kind in of_methods else " (over HTTP alone)"
            rows[kind.code] = (f"`{kind.problem}`", str(kind.status), means + only)
    lines = [f"| {code} | {' | '.join(rows[code])} |" for code in sorted(rows, reverse=True)]
    return "\n".join(["| code | problem | HTTP | means |", "|---|---|---|---|", *lines])


def methods_table() -> str:
    """Every method, with its parameters and what is the same over HTTP."""
    lines = [f"| `{name}` | {_names(one)} | {_over_http(one)} | {one.summary} |" for name, one in METHODS.items()]
    return "\n".join(["| method | parameters | over HTTP | |", "|---|---|---|---|", *lines])


def _names(operation: Operation) -> str:
    fields = operation.takes.model_fields.items()
    return ", ".join(f"`{name}`" if field.is_required() else f"`{name}`?" for name, field in fields) or "none"


def _over_http(operation: Operation) -> str:
    if issubclass(operation.takes, Command):
        return f"`POST /systems/{{system}}/commands`, action `{operation.takes.action}`"
    if operation.http is None:
        return "-"
    return f"`{operation.http.method} {operation.http.path.replace(':path', '')}`"


def with_tables(text: str) -> str:
    """A document with the tables in it that begin as ours do."""
    for table in (codes_table(), methods_table()):
        head = table[: table.index("\n")]
        begin = text.index(head)
        end = text.index("\n\n", begin)
        text = text[:begin] + table + text[end:]
    return text


def methods_of_a_session() -> set[str]:
    """The JSON-RPC methods there are."""
    parts = make_parts(make_tokens())
    visitor = Visitor(Principal("a", Role.ADMIN, None), lambda: True)
    queries = Queries(parts.reading, parts.liveness, None, parts.journal)
    return set(Session(visitor, parts.guard, queries, parts.hub, parts.liveness, None).methods())  # type: ignore[arg-type]


if __name__ == "__main__":
    OPENAPI.write_text(openapi(), encoding="utf-8")
    ASYNCAPI.write_text(asyncapi(), encoding="utf-8")
    WEBSOCKET.write_text(with_tables(WEBSOCKET.read_text(encoding="utf-8")), encoding="utf-8")
