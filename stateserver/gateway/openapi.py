"""The OpenAPI document: what FastAPI knows of the routes, and beside it what each may answer, refuse and show.

Access is that of the table in `operations`, and the refusals are those of `refusals`: nothing is said here twice.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from stateserver.gateway import api_models as models
from stateserver.gateway import refusals, turned_away
from stateserver.gateway.operations import OPERATIONS, Bound
from stateserver.gateway.packet_bodies import AVRO, JSON
from stateserver.gateway.parameters import RECORDS_A_CALL_MAX
from stateserver.gateway.refusals import Refusal
from stateserver.reports.views import VIEWS
from stateserver.security.tokens import Permission

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


class Told(NamedTuple):
    """What an operation may answer: a model by status, and refusals of its own."""

    answers: Mapping[int, type[BaseModel] | None]
    refusals: tuple[type[Refusal], ...] = ()
    tagged: bool = False


def _read(model: type[BaseModel], *own: type[Refusal]) -> Told:
    return Told({200: model}, (refusals.NotReady, *own), tagged=True)


_PAST: Final = (
    *(refusals.NotYet, refusals.NotASystemThen, refusals.PastGone),
    *(refusals.HistoryUnreachable, refusals.Busy),
)
"""What `at` may be refused with."""

TOLD: Final[dict[str, Told]] = {
    "status.get": Told({200: models.Status}),
    "systems.list": _read(models.Systems),
    "systems.get": _read(models.SystemDocument, refusals.UnknownSystem, *_PAST),
    "units.list": _read(models.Units, refusals.UnknownSystem, *_PAST),
    "units.get": _read(models.Unit, refusals.UnknownSystem, refusals.UnknownUnit, *_PAST),
    "warnings.list": _read(models.Warnings, refusals.UnknownSystem, refusals.UnknownPlace, *_PAST),
    "changes.list": _read(
        models.Changes,
        *(refusals.UnknownSystem, refusals.UnknownVersion, refusals.HistoryGone, refusals.HistoryUnreachable),
    ),
    "blasts.list": _read(models.Blasts, refusals.UnknownSystem, refusals.UnknownPlace),
    "blasts.get": _read(models.BlastReport, refusals.UnknownBlast, refusals.UnknownVersion),
    "blasts.detonators": _read(
        models.BlastDetonators,
        *(refusals.UnknownBlast, refusals.UnknownVersion, refusals.UnknownPlace, refusals.NotThereYet),
        *(refusals.Busy, refusals.ReportFailed),
    ),
    "blasts.report": Told(
        {200: None},
        (refusals.NotReady, refusals.UnknownBlast, refusals.UnknownView, refusals.Busy, refusals.ReportFailed),
        tagged=True,
    ),
    "commands.send": Told(
        {200: models.CommandAnswer, 202: models.CommandAnswer},
        (
            *(refusals.NotReady, refusals.NotThereYet, refusals.UnknownSystem, refusals.HomeUnknown),
            *(refusals.NotAtHome, refusals.CommandsOff, refusals.IdReused, refusals.CommandRefused),
            *(refusals.CommandLost, refusals.JournalUnreachable),
        ),
    ),
    "packets.append": Told(
        {200: models.PacketsAnswer},
        (refusals.Busy, refusals.JournalUnreachable, refusals.TooLarge, refusals.UnknownMediaType),
    ),
    "session.get": Told({200: models.Session}),
    "session.open": Told({201: models.Session}),
    "session.close": Told({204: None}, (refusals.ForeignOrigin,)),
    "health.live": Told({200: models.Live}),
    "health.ready": Told({200: models.Ready, 503: models.Ready}),
    "metrics": Told({200: None}),
}
_WITHOUT_A_BODY: Final = frozenset({"health.live", "health.ready", "metrics", "session.get"})
SAID: Final = {200: "As asked", 201: "Done", 202: "Under way", 204: "Done, nothing to say", 503: "Not ready"}
MODELS: Final = sorted(
    {model for told in TOLD.values() for model in told.answers.values() if model is not None} | {models.Problem},
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


def _complete(operation: Document) -> None:
    """Say what an operation may answer, and what it takes."""
    name = operation["operationId"]
    told = TOLD[name]
    for parameter in operation.get("parameters", ()):
        parameter["schema"] = _without_null(parameter["schema"])
    operation["responses"] = {
        **{str(status): _answer(status, model, told, name) for status, model in told.answers.items()},
        **({"304": {"description": "The client has it: nothing has changed"}} if told.tagged else {}),
        **_problems(name, told),
    }
    if told.tagged:
        operation.setdefault("parameters", []).append(IF_NONE_MATCH)
    operation["security"] = [] if OPERATIONS[name].open else [{"token": []}, {"session": []}]
    if name == "packets.append":
        operation["requestBody"] = _packets()


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


def _answer(status: int, model: type[BaseModel] | None, told: Told, name: str) -> Document:
    answer: Document = {"description": SAID[status]}
    if model is not None:
        reference = {"$ref": f"#/components/schemas/{model.__name__}"}
        answer["content"] = {JSON: {"schema": reference, "example": models.example_of(model)}}
    elif name == "metrics":
        answer["content"] = {"text/plain": {"schema": {"type": "string"}}}
    elif name == "blasts.report":
        kinds = sorted({view.media_type for view in VIEWS.values()})
        answer["content"] = {kind: {"schema": _file(kind)} for kind in kinds}
    if told.tagged:
        answer["headers"] = {"ETag": {"schema": {"type": "string"}, "description": "Its tag, for If-None-Match"}}
    return answer


def _file(kind: str) -> Document:
    return {"type": "object"} if kind == JSON else {"type": "string", "format": "binary"}


def _problems(name: str, told: Told) -> Document:
    operation = OPERATIONS[name]
    found: set[type[Refusal]] = set(told.refusals)
    if not name.startswith("health") and name != "metrics":
        found |= {refusals.BadRequest, turned_away.TooManyRequests, turned_away.TooManyFailures}
    if not operation.open:
        found |= {refusals.NotLoggedIn, refusals.ForeignOrigin}
        if operation.needs not in (None, Permission.READ) or operation.bound is not Bound.NOT:
            found.add(refusals.NotAllowed)
    if name not in _WITHOUT_A_BODY and operation.needs is not Permission.READ:
        found |= {refusals.TooLarge, turned_away.BodyTooSlow}
    if operation.command:
        found.add(turned_away.NotWrittenDown)
    found.add(turned_away.CredentialInQuery)
    by_status: dict[int, list[type[Refusal]]] = {}
    for refusal in sorted(found, key=lambda one: (one.status, one.problem)):
        by_status.setdefault(refusal.status, []).append(refusal)
    by_status.setdefault(HTTPStatus.INTERNAL_SERVER_ERROR, [])
    return {str(status): _problem(status, kinds) for status, kinds in by_status.items() if status not in told.answers}


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
    records = {
        "type": "object",
        "additionalProperties": False,
        "required": ["records"],
        "properties": {
            "records": {
                "type": "array",
                "minItems": 1,
                "maxItems": RECORDS_A_CALL_MAX,
                "items": {"type": "string", "contentEncoding": "base64", "pattern": BASE64},
            }
        },
    }
    binary = {"type": "string", "format": "binary", "description": "An Avro array of bytes, in Avro's binary encoding"}
    return {
        "required": True,
        "content": {
            JSON: {"schema": records, "example": {"records": ["wwH1"]}},
            **{kind: {"schema": binary} for kind in AVRO},
        },
    }
