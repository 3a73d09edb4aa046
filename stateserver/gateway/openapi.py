"""The OpenAPI document: what FastAPI knows of the routes, and beside it all that `operations` says of each.

Nothing is said here twice: parameters, answers, refusals and access are those of that table.
"""

from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from stateserver.gateway import api_models as models
from stateserver.gateway.command_parameters import COMMANDS
from stateserver.gateway.operation import Operation, refused_over_http
from stateserver.gateway.operations import OPERATIONS
from stateserver.gateway.packet_bodies import AVRO, JSON
from stateserver.gateway.parameters import PacketsCall
from stateserver.gateway.refusals import Refusal
from stateserver.reports.views import VIEWS

Document = dict[str, Any]

DESCRIPTION: Final = """\
What a blasting system's state is, and what became of each blast. Times are ms since 1970 (UTC); systems and unit paths
are percent-encoded where they stand in an address. Errors are problem documents (RFC 9457), named by their `type`.
Answers about one system bear an `ETag`: asked again with `If-None-Match`, a 304 says that nothing has changed.
Nothing here commands equipment.
"""
PROBLEM_TYPE: Final = "application/problem+json"
SECURITY: Final = {
    "token": {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `stateserver keys token`, or a signed one",
    },
    "session": {"type": "apiKey", "in": "cookie", "name": "__Secure-stateserver", "description": "A browser's log-in"},
}
BASE64: Final = "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"


SAID: Final = {200: "As asked", 201: "Done", 202: "Under way", 204: "Done, nothing to say", 503: "Not ready"}
MODELS: Final = sorted(
    {
        model
        for operation in OPERATIONS.values()
        if operation.http is not None
        for model in operation.answers.values()
        if model is not None
    }
    | {models.Problem},
    key=lambda model: model.__name__,
)


def describe(app: FastAPI) -> Document:
    """The document of an app's routes. Raises KeyError for a route of which nothing is said here."""
    document: Document = get_openapi(
        title=app.title,
        version=app.version,
        summary=app.summary,
        description=DESCRIPTION,
        routes=app.routes,
        tags=[
            {"name": "read", "description": "States, warnings, changes, blasts and their reports"},
            {"name": "journal", "description": "What goes into the journal: commands, and Packet Servers' records"},
            {"name": "session", "description": "A browser's log-in"},
            {"name": "operations", "description": "For those who run the gateway"},
        ],
        license_info=None,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):  # FastAPI's own, which are not told here
        schemas.pop(name, None)
    template = "#/components/schemas/{model}"
    _, defined = models_json_schema([(model, "serialization") for model in MODELS], ref_template=template)
    schemas |= defined["$defs"]
    document["components"]["securitySchemes"] = SECURITY
    for path in document["paths"].values():
        for operation in path.values():
            _complete(operation)
    return document


def _complete(document: Document) -> None:
    """Say what an operation takes, what it may answer, and what it refuses."""
    operation = OPERATIONS[document["operationId"]]
    parameters = [*_parameters(operation), *([IF_NONE_MATCH] if operation.tagged else [])]
    if parameters:
        document["parameters"] = parameters
    document["responses"] = {
        **{str(status): _answer(status, model, operation) for status, model in operation.answers.items()},
        **({"304": {"description": "The client has it: nothing has changed"}} if operation.tagged else {}),
        **_problems(operation),
    }
    document["security"] = [] if operation.open else [{"token": []}, {"session": []}]
    if operation.name in _BODIES:
        document["requestBody"] = _BODIES[operation.name]()


def _parameters(operation: Operation) -> list[Document]:
    """Those that an address names, and those that stand behind it."""
    in_path = operation.path_parameters
    in_query = operation.query_parameters if operation.name not in _BODIES else []
    schema = operation.takes.model_json_schema()
    return [
        _parameter(name, "path" if name in in_path else "query", schema["properties"][name])
        for name in (*in_path, *in_query)
    ]


def _parameter(name: str, place: str, schema: Document) -> Document:
    known = {key: value for key, value in _without_null(schema).items() if key != "title"}
    if known.get("default", ...) is None:
        del known["default"]
    return {
        "name": name,
        "in": place,
        "required": place == "path",
        "description": known.pop("description", ""),
        "schema": known,
    }


def _without_null(schema: Document) -> Document:
    """What isn't given is left out of an address: there is no null in it."""
    choices: list[Document] = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    if len(choices) != 1:
        return schema
    return {name: value for name, value in schema.items() if name != "anyOf"} | choices[0]


IF_NONE_MATCH: Final[Document] = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "description": "The `ETag` of an answer that the client has",
    "schema": {"type": "string"},
}


def _answer(status: int, model: type[BaseModel] | None, operation: Operation) -> Document:
    answer: Document = {"description": SAID[status]}
    if model is not None:
        reference = {"$ref": f"#/components/schemas/{model.__name__}"}
        answer["content"] = {JSON: {"schema": reference, "example": models.example_of(model)}}
    elif operation.name == "metrics":
        answer["content"] = {"text/plain": {"schema": {"type": "string"}}}
    elif operation.name == "blasts.report":
        kinds = sorted({view.media_type for view in VIEWS.values()})
        answer["content"] = {kind: {"schema": _file(kind)} for kind in kinds}
    if operation.tagged:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "Its tag, for If-None-Match"}}
    return answer


def _file(kind: str) -> Document:
    return {"type": "object"} if kind == JSON else {"type": "string", "format": "binary"}


def _problems(operation: Operation) -> Document:
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in sorted(refused_over_http(operation), key=lambda one: (one.status, one.problem)):
        by_status.setdefault(refusal.status, []).append(refusal)
    by_status.setdefault(HTTPStatus.INTERNAL_SERVER_ERROR, [])
    return {
        str(status): _problem(status, kinds) for status, kinds in by_status.items() if status not in operation.answers
    }


def _problem(status: int, kinds: list[type[Refusal]]) -> Document:
    reference = {"$ref": "#/components/schemas/Problem"}
    content: Document = {"schema": reference}
    if kinds:
        content["examples"] = {
            kind.problem: {
                "summary": (kind.__doc__ or "").splitlines()[0],
                "value": {
                    "type": f"urn:stateserver:problem:{kind.problem}",
                    "title": kind.title,
                    "status": status,
                    "detail": (kind.__doc__ or "").splitlines()[0],
                },
            }
            for kind in kinds
        }
    answer: Document = {
        "description": "; ".join(kind.title for kind in kinds) or HTTPStatus(status).phrase,
        "content": {PROBLEM_TYPE: content},
    }
    if status in (429, 503):
        answer["headers"] = {"Retry-After": {"schema": {"type": "string"}, "description": "In so many seconds"}}
    return answer


def _packets() -> Document:
    records = PacketsCall.model_json_schema()
    records["properties"]["records"]["items"] |= {"contentEncoding": "base64", "pattern": BASE64}
    binary = {"type": "string", "format": "binary", "description": "An Avro array of bytes, in Avro's binary encoding"}
    return {
        "required": True,
        "content": {
            JSON: {"schema": records, "example": {"records": ["wwH1"]}},
            **{kind: {"schema": binary} for kind in AVRO},
        },
    }


def _command() -> Document:
    """What a method says by its name, HTTP says by `action`; the system stands in the address."""
    kinds = [_command_of(action, command.model_json_schema()) for action, command in COMMANDS.items()]
    example = {"action": "label_unit", "unit": "3/158", "label": "North wall", "id": "north-wall-1"}
    return {"required": True, "content": {JSON: {"schema": {"oneOf": kinds}, "example": example}}}


def _command_of(action: str, schema: Document) -> Document:
    properties = {name: one for name, one in schema["properties"].items() if name != "system"}
    return schema | {
        "properties": {"action": {"const": action, "type": "string"}, **properties},
        "required": ["action", *(name for name in schema["required"] if name != "system")],
    }


_BODIES: Final = {"commands.send": _command, "packets.append": _packets}
