"""Everything that can be asked of a gateway, over HTTP or JSON-RPC: the one table of it.

A route names its operation by `operation_id`, a method by its own name. What isn't in the table cannot be served:
the app isn't built with such a route, and such a method is refused. `guard` holds people to it, and the documents of
the interface (OpenAPI, AsyncAPI) say what stands here.
"""

from typing import Final

from pydantic import BaseModel

from stateserver.gateway import api_models as models
from stateserver.gateway import blast_models as blasts
from stateserver.gateway import command_parameters as commands
from stateserver.gateway import parameters as takes
from stateserver.gateway import refusals
from stateserver.gateway.operation import Bound, Http, Operation, Refusals
from stateserver.gateway.parameters import Parameters
from stateserver.security.tokens import Permission

_READ, _COMMAND, _APPEND = Permission.READ, Permission.COMMAND, Permission.APPEND

_OF_SYSTEM: Final[Refusals] = (refusals.NotReady, refusals.UnknownSystem)
_PAST: Final[Refusals] = (
    *(refusals.NotYet, refusals.NotASystemThen, refusals.PastGone),
    *(refusals.HistoryUnreachable, refusals.Busy),
)
"""What `at` may be refused with."""
_OF_COMMANDS: Final[Refusals] = (
    *_OF_SYSTEM,
    *(refusals.NotThereYet, refusals.HomeUnknown, refusals.NotAtHome, refusals.CommandsOff, refusals.IdReused),
    *(refusals.CommandRefused, refusals.CommandLost, refusals.JournalUnreachable),
)


def _read(
    name: str,
    path: str,
    parameters: type[Parameters],
    answer: type[BaseModel] | None,
    summary: str,
    description: str,
    refuses: Refusals = (),
    *,
    bound: Bound = Bound.NAMED,
    rpc: bool = True,
) -> Operation:
    return Operation(
        name=name,
        summary=summary,
        description=description,
        needs=_READ,
        bound=bound,
        http=Http("GET", path),
        rpc=rpc,
        takes=parameters,
        answers={200: answer},
        refuses=(refusals.NotReady, *((refusals.UnknownSystem,) if bound is Bound.NAMED else ()), *refuses),
        tagged=True,
    )


READS: Final = (
    Operation(
        name="status.get",
        summary="Whether what is told is the present",
        description="Why it isn't where it isn't, of which partitions and since when; and which sources send nothing"
        " of use.",
        needs=_READ,
        bound=Bound.FILTERED,
        http=Http("GET", "/status"),
        rpc=True,
        answers={200: models.Status},
    ),
    _read(
        "systems.list",
        "/systems",
        takes.SystemsPage,
        models.Systems,
        "All systems, each in brief",
        "The systems that the credential is good for, by name.",
        bound=Bound.FILTERED,
    ),
    _read(
        "systems.get",
        "/systems/{system}",
        takes.OfSystemAt,
        models.SystemDocument,
        "One system",
        "With what its latest checkpoint says: counters, gaps, the journal's position; of a past instant without it.",
        _PAST,
    ),
    _read(
        "units.list",
        "/systems/{system}/units",
        takes.UnitsPage,
        models.Units,
        "Units, in path order",
        "`next` is what to give as `after` for the next page, or null at the end; a page may be short before it.",
        _PAST,
    ),
    _read(
        "units.get",
        "/systems/{system}/units/{unit:path}",
        takes.OfUnit,
        models.Unit,
        "One unit",
        "A unit as it stands, or stood.",
        (refusals.UnknownUnit, *_PAST),
    ),
    _read(
        "warnings.list",
        "/systems/{system}/warnings",
        takes.WarningsPage,
        models.Warnings,
        "Open warnings",
        "Those that are open, acknowledged or not. `after` is `<unit>:<field>`, as `next` gives it.",
        (refusals.UnknownPlace, *_PAST),
    ),
    _read(
        "changes.list",
        "/systems/{system}/changes",
        takes.ChangesPage,
        models.Changes,
        "Events that follow a version",
        "In their order, however old. 410 where these are not kept any more.",
        (refusals.UnknownVersion, refusals.HistoryGone, refusals.HistoryUnreachable),
    ),
    _read(
        "blasts.list",
        "/systems/{system}/blasts",
        takes.ListPage,
        blasts.Blasts,
        "Reports of the system's blasts, without timelines",
        "Oldest first, each at its latest stage: opened, firing_complete, firing_aborted or closed.",
        (refusals.UnknownPlace,),
    ),
    _read(
        "blasts.get",
        "/blasts/{blast}",
        takes.OfBlast,
        blasts.BlastReport,
        "A blast's whole report document",
        "With its timeline.",
        (refusals.UnknownBlast, refusals.UnknownVersion),
        bound=Bound.LOOKED_UP,
    ),
    _read(
        "blasts.detonators",
        "/blasts/{blast}/detonators",
        takes.DetonatorsPage,
        blasts.BlastDetonators,
        "What became of each detonator of a blast",
        "Those of boosters active at the start, in path order. `after` is `<booster>:<window>`, as `next` gives it.",
        (
            *(refusals.UnknownBlast, refusals.UnknownVersion, refusals.UnknownPlace, refusals.NotThereYet),
            *(refusals.Busy, refusals.ReportFailed),
        ),
        bound=Bound.LOOKED_UP,
    ),
    _read(
        "blasts.report",
        "/blasts/{blast}/report.{view}",
        takes.ReportOfBlast,
        None,
        "A blast's report as a file",
        "The same blast gives the same bytes each time. A PDF of a huge blast takes a while: one is made at a time.",
        (refusals.UnknownBlast, refusals.UnknownView, refusals.Busy, refusals.ReportFailed),
        bound=Bound.LOOKED_UP,
        rpc=False,
    ),
)
"""What is read, alike over both."""

_ANSWERED: Final = {200: models.CommandAnswer, 202: models.CommandAnswer}
JOURNAL: Final = (
    Operation(
        name="commands.send",
        summary="Acknowledge a warning, label a unit, retire one",
        description="Sealed into the journal with who gave it, and answered once a worker has applied it. 202 where"
        " that takes long: it lies in the journal and will be applied, unless it comes to it more than 60 s after it"
        f" was given (`too_old`). `id`: {commands.ID_SAYS[0].lower()}{commands.ID_SAYS[1:]}.",
        needs=_COMMAND,
        bound=Bound.NAMED,
        command=True,
        http=Http("POST", "/systems/{system}/commands"),
        takes=takes.OfSystem,
        answers=_ANSWERED,
        refuses=_OF_COMMANDS,
        refuses_http=(refusals.UnknownMediaType,),
    ),
    *(
        Operation(
            name=name,
            summary=summary,
            needs=_COMMAND,
            bound=Bound.NAMED,
            command=True,
            rpc=True,
            takes=parameters,
            answers=_ANSWERED,
            refuses=_OF_COMMANDS,
        )
        for name, summary, parameters in (
            ("warnings.acknowledge", "Say that an open warning has been seen", commands.Acknowledge),
            ("units.label", "Give a unit a label, or take it away", commands.Label),
            ("units.retire", "Say that a unit is no more: it goes, with all below it", commands.Retire),
        )
    ),
    Operation(
        name="packets.append",
        summary="Append sealed records to the journal",
        description="For Packet Servers that can't speak Kafka. Each record is answered by itself, in its order. What"
        " failed may be sent again as it is: a record that is in the journal already is not appended twice while this"
        " gateway remembers it, and the worker passes over what it has applied.",
        needs=_APPEND,
        bound=Bound.LOOKED_UP,
        body_bytes_max=1 << 20,
        http=Http("POST", "/packets"),
        rpc=True,
        takes=takes.PacketsCall,
        answers={200: models.PacketsAnswer},
        refuses=(refusals.Busy, refusals.JournalUnreachable),
        refuses_http=(refusals.UnknownMediaType,),
    ),
)
"""What goes into the journal."""

CONNECTION: Final = (
    Operation(
        name="subscribe",
        summary="Have a system's changes from a version on",
        needs=_READ,
        bound=Bound.NAMED,
        rpc=True,
        takes=takes.Subscribe,
        answers={200: models.Subscribed},
        refuses=(*_OF_SYSTEM, refusals.TooMany),
    ),
    Operation(
        name="unsubscribe",
        summary="Have them no longer",
        needs=_READ,
        rpc=True,
        takes=takes.Unsubscribe,
        answers={200: models.Unsubscribed},
        refuses=(refusals.UnknownSubscription,),
    ),
    Operation(name="ping", summary="Is the gateway there?", needs=None, rpc=True, answers={200: models.Standing}),
    Operation(name="connect", summary="The WebSocket itself", needs=None),
)
"""What one WebSocket has of its own."""

SESSION: Final = (
    Operation(
        name="session.get",
        summary="Who is logged in",
        description="Whom the credential belongs to, and which systems it is good for (null: all).",
        needs=None,
        http=Http("GET", "/session"),
        answers={200: models.Session},
    ),
    Operation(
        name="session.open",
        summary="Trade a bearer token for a session cookie",
        description="The cookie can't be read by scripts, and is sent to this gateway's own page alone.",
        needs=None,
        http=Http("POST", "/session"),
        answers={201: models.Session},
    ),
    Operation(
        name="session.close",
        summary="Log out of this browser",
        description="The browser forgets its cookie.",
        needs=None,
        open=True,  # a browser may always forget its cookie
        http=Http("DELETE", "/session"),
        answers={204: None},
        refuses_http=(refusals.ForeignOrigin,),
    ),
)
"""A browser's log-in."""

RUNNING: Final = (
    Operation(
        name="health.live",
        summary="The process answers",
        needs=None,
        open=True,
        http=Http("GET", "/health/live", absolute=True),
        answers={200: models.Live},
    ),
    Operation(
        name="health.ready",
        summary="The gateway sees its topics as they are",
        needs=None,
        open=True,
        http=Http("GET", "/health/ready", absolute=True),
        answers={200: models.Ready, 503: models.Ready},
    ),
    Operation(
        name="metrics",
        summary="Prometheus metrics",
        needs=None,
        open=True,
        http=Http("GET", "/metrics", absolute=True),
    ),
)
"""For those who run it; open to all, as they tell nothing of any system."""

_FILES: Final = tuple(Operation(name=name, needs=None, open=True) for name in ("page", "openapi", "docs"))

OPERATIONS: Final[dict[str, Operation]] = {
    operation.name: operation for operation in (*READS, *JOURNAL, *CONNECTION, *SESSION, *RUNNING, *_FILES)
}
METHODS: Final = {name: operation for name, operation in OPERATIONS.items() if operation.rpc}
"""Those of JSON-RPC."""
