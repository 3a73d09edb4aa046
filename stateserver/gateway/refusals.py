"""What the gateway refuses, by name: each is an RFC 9457 problem over HTTP and an error object in JSON-RPC."""

from typing import Any, Final

from stateserver.errors import StateServerError
from stateserver.logs import without_credentials

UNCODED: Final = -32000


class Refusal(StateServerError):
    """A request that is not carried out. `status` is HTTP's, `code` JSON-RPC's, `problem` the name of both.

    Each has a code of its own, but for what is said before a request is one: that is HTTP's alone, and has UNCODED.
    """

    status = 400
    code = UNCODED
    problem = "refused"
    title = "Refused"

    def __init__(self, message: str, hint: str = "") -> None:
        # What is refused is often said again, and somebody may have put a token in its place.
        super().__init__(without_credentials(message), hint)

    def document(self) -> dict[str, Any]:
        """The problem document (RFC 9457)."""
        document = {
            "type": f"urn:stateserver:problem:{self.problem}",
            "title": self.title,
            "status": self.status,
            "detail": self.message,
        }
        return document | {"hint": self.hint} if self.hint else document


class BadRequest(Refusal):
    """The request itself is wrong."""

    status, code, problem, title = 400, -32602, "bad-request", "The request is wrong"


class NotLoggedIn(Refusal):
    """No credential, or none that is good."""

    status, code, problem, title = 401, -32001, "not-logged-in", "Log in first"

    def __init__(self) -> None:
        super().__init__("this needs a token or a session", "send 'Authorization: Bearer <token>', or log in")


class ForeignOrigin(Refusal):
    """A browser carries out what another site's page wants."""

    status, code, problem, title = 403, -32006, "foreign-origin", "Not from this page"

    def __init__(self) -> None:
        super().__init__("a session is good for requests from the gateway's own page only")


class NotAllowed(Refusal):
    """The credential is good, but not for this."""

    status, code, problem, title = 403, -32003, "not-allowed", "Not allowed"

    def __init__(self, role: str, what: str) -> None:
        super().__init__(f"the role {role} may not {what}", "ask for a token of another role")


class UnknownSystem(Refusal):
    """There is no such system, or not for this principal."""

    status, code, problem, title = 404, -32004, "unknown-system", "No such system"

    def __init__(self, system: str) -> None:
        super().__init__(f"there is no system {system!r}", "the list of systems has all that you may see")


class UnknownUnit(Refusal):
    """The system has no such unit, now or at the instant that was asked for."""

    status, code, problem, title = 404, -32012, "unknown-unit", "No such unit"

    def __init__(self, system: str, unit: str, at: int | None = None) -> None:
        when = "at present" if at is None else f"as of {at}"
        super().__init__(f"system {system!r} has no unit {unit!r} {when}")


class NotASystemThen(Refusal):
    """Nothing had been heard of the system by that instant."""

    status, code, problem, title = 404, -32013, "not-a-system-then", "No such system then"

    def __init__(self, system: str, at: int) -> None:
        super().__init__(f"nothing had been heard of system {system!r} by {at}", "ask for a later instant")


class NotYet(Refusal):
    """The instant that was asked for has not come yet."""

    status, code, problem, title = 404, -32014, "not-yet", "Not yet"

    def __init__(self, at: int, now: int) -> None:
        super().__init__(f"{at} lies in the future: it is {now}", "leave out 'at' for the present state")


class UnknownBlast(Refusal):
    """There is no such blast, or not for this principal."""

    status, code, problem, title = 404, -32015, "unknown-blast", "No such blast"

    def __init__(self, blast: str) -> None:
        super().__init__(f"there is no blast {blast!r}")


class UnknownSubscription(Refusal):
    """The connection has no such subscription."""

    status, code, problem, title = 404, -32016, "unknown-subscription", "No such subscription"

    def __init__(self, subscription: str) -> None:
        super().__init__(f"this connection has no subscription {subscription!r}")


class UnknownPlace(Refusal):
    """The list no longer has the item that was to be gone on from."""

    status, code, problem, title = 404, -32017, "unknown-place", "No such place"

    def __init__(self, after: str) -> None:
        super().__init__(f"there is no {after!r} in this list any more", "begin without 'after'")


class UnknownVersion(Refusal):
    """The version asked for has not come yet, or there is nothing of it."""

    status, code, problem, title = 404, -32018, "unknown-version", "No such version"

    def __init__(self, what: str, latest: int) -> None:
        super().__init__(f"there is no {what}", f"the latest is {latest}")


class HistoryGone(Refusal):
    """The changes asked for are older than what this gateway holds."""

    status, code, problem, title = 410, -32010, "history-gone", "No longer held"

    def __init__(self, after: int, first: int) -> None:
        super().__init__(
            f"the changes after version {after} are not held here any more",
            f"held are those from version {first} on; start from the present state",
        )


class PastGone(Refusal):
    """What would tell how the system stood at that instant is kept no more."""

    status, code, problem, title = 410, -32011, "past-gone", "No longer kept"

    def __init__(self, system: str, at: int) -> None:
        super().__init__(
            f"how system {system!r} stood at {at} can't be told any more: events from before it are gone",
            "ask for a later instant; how long events are kept is a setting of their topics",
        )


class TooMany(Refusal):
    """A limit of a connection is reached."""

    status, code, problem, title = 429, -32029, "too-many", "Too many"


class NotReady(Refusal):
    """The gateway has not read the topics to their end yet: it would tell half a truth."""

    status, code, problem, title = 503, -32053, "not-ready", "Not ready"

    def __init__(self) -> None:
        super().__init__("this gateway is still reading the state of the systems", "try again in a moment")


class NotThereYet(Refusal):
    """The version asked for did not come in time."""

    status, code, problem, title = 503, -32054, "not-there-yet", "Not there yet"

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} has not come yet", "try again in a moment")


class HistoryUnreachable(Refusal):
    """Older changes have to be read from their topic, and that can't be done now."""

    status, code, problem, title = 503, -32055, "history-unreachable", "History can't be read now"

    def __init__(self, trouble: str) -> None:
        super().__init__(f"older changes could not be read: {trouble}", "try again in a moment")


class JournalUnreachable(Refusal):
    """The journal takes nothing now, or nobody knows whether it did."""

    status, code, problem, title = 503, -32056, "journal-unreachable", "The journal can't be reached"

    def __init__(self, trouble: str) -> None:
        super().__init__(f"the journal could not be reached: {trouble}", "send it again in a moment")


class HomeUnknown(Refusal):
    """The record that would tell where a system's home is can't be found."""

    status, code, problem, title = 409, -32057, "home-unknown", "Its home is not known"

    def __init__(self, system: str) -> None:
        super().__init__(
            f"the journal no longer shows where system {system!r} is at home",
            "wait until something new comes from its equipment",
        )


class NotAtHome(Refusal):
    """The system's records are forwarded from another State Server, which alone may add commands."""

    status, code, problem, title = 409, -32058, "not-at-home", "At home elsewhere"

    def __init__(self, system: str) -> None:
        super().__init__(
            f"system {system!r} is at home in another State Server, from which its records come",
            "give the command to a gateway there",
        )


class CommandsOff(Refusal):
    """This gateway can't seal commands. Reading goes on."""

    status, code, problem, title = 501, -32059, "commands-off", "No commands here"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"this gateway takes no commands: {why}",
            'have STATESERVER_KEYRING name a ring with a "current" key for COMMAND that is good for the system',
        )


class IdReused(Refusal):
    """The client's own id is that of another command of the system."""

    status, code, problem, title = 409, -32060, "id-reused", "That id is taken"

    def __init__(self, identity: str, *, passed_over: bool = False) -> None:
        what = "so the worker has passed over this one" if passed_over else "another one was given by it"
        super().__init__(
            f"the id {identity!r} was used for an earlier command of the system: {what}",
            "give each command an id of its own",
        )


WHY_REFUSED: Final = {
    "unknown_unit": "the system has no such unit",
    "no_open_warning": "no such warning is open",
    "not_retirable": "only section controllers, boosters and CFCs can be retired",
    "blast_open": "nothing is retired while a blast is open",
    "too_old": "it came into the journal more than 60 s after it was given",
}


class CommandRefused(Refusal):
    """The worker came to it, and it could not be carried out: `why`. `version` is that of the event that says so."""

    status, code, problem, title = 409, -32061, "command-refused", "The command was refused"

    def __init__(self, why: str, version: int) -> None:
        hint = (
            "give it again; where that happens again, the clocks of gateway and broker differ"
            if why == "too_old"
            else ""
        )
        super().__init__(f"the command could not be carried out: {WHY_REFUSED.get(why, why)}", hint)
        self.why, self.version = why, version

    def document(self) -> dict[str, Any]:
        """With `why` (a key of WHY_REFUSED) and `version`."""
        return super().document() | {"why": self.why, "version": self.version}


class CommandLost(Refusal):
    """The worker is past it, and nothing came of it."""

    status, code, problem, title = 502, -32062, "command-lost", "Nothing came of it"

    def __init__(self, partition: int, offset: int, reason: str | None = None) -> None:
        where = f"at offset {offset} of partition {partition}"
        if reason is not None:
            super().__init__(
                f"the worker has rejected the command, {where}: {reason}",
                "perhaps its key ring lacks the gateway's key; 'stateserver cat rejected' says more",
            )
            return
        super().__init__(
            f"the worker is past the command, {where}, and nothing came of it",
            "'stateserver cat rejected' may say why: perhaps the worker's key ring lacks the gateway's key",
        )


class Busy(Refusal):
    """So much is under way that more has to wait."""

    status, code, problem, title = 429, -32030, "busy", "Too much at once"

    def __init__(self, what: str) -> None:
        super().__init__(what, "send it again in a second")


class UnknownView(Refusal):
    """A report has no such view."""

    status, code, problem, title = 404, -32019, "unknown-view", "No such view"

    def __init__(self, view: str, known: str) -> None:
        super().__init__(f"a report has no view {view!r}", f"it has: {known}")


class ReportFailed(Refusal):
    """The report could not be made."""

    status, code, problem, title = 500, -32065, "report-failed", "No report could be made"

    def __init__(self, why: str) -> None:
        super().__init__(f"the report could not be made: {why}", "'stateserver report' makes it without a gateway")


class TooLarge(Refusal):
    """A body, or what it holds, is larger than may be."""

    status, code, problem, title = 413, -32063, "too-large", "Too large"


class UnknownMediaType(Refusal):
    """The body is of a kind that is not understood here."""

    status, code, problem, title = 415, -32064, "unknown-media-type", "Another kind of body"
