"""What is written down, what isn't, and what happens where it can't be."""

import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stateserver.gateway import audit as module
from stateserver.gateway.audit import LINES_A_WINDOW, Audit, AuditFile, AuditTrouble, What
from stateserver.gateway.auth import Visitor
from stateserver.gateway.guard import Guard
from stateserver.gateway.refusals import BadRequest, NotAllowed, NotLoggedIn, UnknownSystem
from stateserver.gateway.turned_away import NotWrittenDown
from stateserver.security.tokens import Principal, Role, new_token
from tests.gateway.serving import Caller, Gateway, make_parts, make_tokens, serving
from tests.gateway.test_limits import Clock
from tests.gateway.test_packets import CAPTURED, in_json
from tests.gateway.test_system_model import sample_events

OPERATOR = Visitor(Principal("anna", Role.OPERATOR, frozenset({"site"})), lambda: True, "signed_token", "192.0.2.1")
VIEWER = OPERATOR._replace(principal=Principal("vera", Role.VIEWER, None))
WHAT = What("systems.get", "site", "192.0.2.1")


@pytest.fixture(autouse=True)
def _own_logger() -> Iterator[None]:
    """Leave the process's audit log as it was."""
    before = module.audit_log.handlers, module.audit_log.propagate
    yield
    module.audit_log.handlers, module.audit_log.propagate = before


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def done(_: dict[str, Any]) -> bytes:
    return b"true"


async def wrong(_: dict[str, Any]) -> bytes:
    raise BadRequest("no such warning")


async def broken(_: dict[str, Any]) -> bytes:
    raise RuntimeError


def guard(handler: AuditFile | None = None) -> Guard:
    return Guard(make_parts(make_tokens()).doorkeeper, audit=Audit(handler))


COMMAND = {"system": "site", "unit": "3/1", "field": "mains", "note": "a private note", "id": "c-7"}


async def test_a_command_is_written_down_before_and_after(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    held = guard(AuditFile(str(path)))
    await held.call(OPERATOR, "warnings.acknowledge", COMMAND, done)
    with pytest.raises(BadRequest):
        await held.call(OPERATOR, "warnings.acknowledge", COMMAND, wrong)
    with pytest.raises(RuntimeError):
        await held.call(OPERATOR, "units.label", COMMAND, broken)
    with pytest.raises(NotAllowed):
        await held.call(VIEWER, "units.label", COMMAND, done)
    with pytest.raises(UnknownSystem):
        await held.call(OPERATOR, "units.label", COMMAND | {"system": "other"}, done)
    with pytest.raises(NotLoggedIn):
        await held.call(OPERATOR._replace(still_welcome=lambda: False), "units.label", COMMAND, done)
    written = lines(path)
    assert [(line["event"], line["outcome"], line["reason"]) for line in written[::2]] == [
        ("command", "begun", None)
    ] * 6
    assert [(line["outcome"], line["reason"]) for line in written[1::2]] == [
        ("done", None),
        ("refused", "bad-request"),
        ("failed", None),
        ("refused", "not-allowed"),
        ("refused", "unknown-system"),
        ("refused", "not-logged-in"),
    ]
    first = written[0] | {"at": 0}
    assert first == {
        "at": 0,
        "event": "command",
        "outcome": "begun",
        "reason": None,
        "operation": "warnings.acknowledge",
        "system": "site",
        "actor": "anna",
        "role": "operator",
        "by": "signed_token",
        "address": "192.0.2.1",
        "unit": "3/1",
        "field": "mains",
        "id": "c-7",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_is_only_read_is_written_down_where_it_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    held = guard(AuditFile(str(path)))
    await held.call(OPERATOR, "systems.get", {"system": "site"}, done)
    with pytest.raises(BadRequest):
        await held.call(OPERATOR, "systems.get", {"system": "site"}, wrong)
    with pytest.raises(UnknownSystem):
        await held.call(OPERATOR, "systems.get", {"system": "other"}, done)
    (line,) = lines(path)
    assert (line["event"], line["operation"], line["system"], line["reason"]) == (
        *("refused", "systems.get", "other", "unknown-system"),
    )


async def test_a_command_that_cannot_be_written_down_is_not_carried_out(caplog: pytest.LogCaptureFixture) -> None:
    held = guard(AuditFile("/dev/full"))
    carried_out = []

    async def method(_: dict[str, Any]) -> bytes:
        carried_out.append(1)
        return b"true"

    with caplog.at_level(logging.CRITICAL), pytest.raises(NotWrittenDown):
        await held.call(OPERATOR, "units.label", COMMAND, method)
    assert not carried_out
    assert held.audit.unwritten == 1
    assert "units.label" in caplog.text  # what belonged there isn't lost
    # What is only read goes on.
    assert await held.call(OPERATOR, "systems.get", {"system": "site"}, done) == b"true"


def test_a_place_that_cannot_be_written_is_said_at_the_start(tmp_path: Path) -> None:
    for target in (str(tmp_path), str(tmp_path / "none" / "audit.jsonl")):
        with pytest.raises(AuditTrouble, match="audit log"):
            AuditFile(target)


def test_a_file_that_was_moved_away_is_begun_anew(tmp_path: Path) -> None:
    path, moved = tmp_path / "audit.jsonl", tmp_path / "audit.jsonl.1"
    handler = AuditFile(str(path))
    audit = Audit(handler)
    audit.refused(WHAT, VIEWER, "one")
    path.rename(moved)
    audit.refused(WHAT, VIEWER, "two")
    handler.reopen()
    audit.refused(WHAT, VIEWER, "three")
    assert [line["reason"] for line in lines(moved)] == ["one", "two"]
    assert [line["reason"] for line in lines(path)] == ["three"]


def test_a_flood_is_counted_and_nothing_of_it_is_lost(tmp_path: Path) -> None:
    path, clock = tmp_path / "audit.jsonl", Clock()
    audit = Audit(AuditFile(str(path)), clock)
    for number in range(1_000):
        audit.refused(WHAT, None, "not-logged-in" if number % 2 else "credential-in-query")
    audit.refused(WHAT._replace(address="192.0.2.2"), None, "not-logged-in")
    assert len(lines(path)) == LINES_A_WINDOW + 1
    clock.now += module.WINDOW_S
    audit.tick()
    written = lines(path)
    assert len(written) == LINES_A_WINDOW + 1 + 2
    assert sum(line.get("attempts", 1) for line in written) == 1_001
    audit.refused(WHAT, None, "not-logged-in")
    assert len(lines(path)) == len(written) + 1


def test_what_was_counted_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "audit.jsonl"
    audit = Audit(AuditFile(str(path)))
    for _ in range(LINES_A_WINDOW + 5):
        audit.refused(WHAT, VIEWER, "not-allowed")
    audit.flush()
    assert lines(path)[-1]["attempts"] == 5


def test_addresses_beyond_number_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "ADDRESSES_MAX", 3)
    audit = Audit(AuditFile(str(tmp_path / "audit.jsonl")))
    for number in range(500):
        audit.refused(WHAT._replace(address=f"192.0.2.{number}"), None, "not-logged-in")
    audit.flush()
    assert sum(line.get("attempts", 1) for line in lines(tmp_path / "audit.jsonl")) == 500


def test_no_credential_is_written_wherever_somebody_puts_it(tmp_path: Path) -> None:
    path, token = tmp_path / "audit.jsonl", new_token()
    audit = Audit(AuditFile(str(path)))
    audit.refused(What("systems.get", token, token), VIEWER, "unknown-system")
    audit.command(WHAT, OPERATOR, {"id": token, "unit": f"3/1 {token}"})
    assert token not in path.read_text()
    assert len(lines(path)) == 2


async def test_over_http_and_websocket(tmp_path: Path) -> None:
    path, tokens = tmp_path / "audit.jsonl", make_tokens()
    parts = make_parts(tokens)
    parts.guard.audit = Audit(AuditFile(str(path)))
    async with serving(parts, tokens) as site:
        site.tell(sample_events())
        await ask_for_trouble(site)
    seen = [(line["event"], line["operation"], line["reason"], line["actor"]) for line in lines(path)]
    assert seen == [
        ("refused", "systems.get", "not-logged-in", None),
        ("refused", "systems.get", "credential-in-query", None),
        ("refused", "systems.list", "not-allowed", "packet-server"),
        ("refused", "systems.get", "unknown-system", "bound"),
        ("refused", "packets.append", "unknown-system", "bound-packet-server"),
        ("refused", "session.open", "not-logged-in", None),
        ("log_in", "session.open", None, "viewer"),
        ("refused", "session.close", "foreign-origin", None),
        ("refused", "subscribe", "unknown-system", "bound"),
    ]
    assert {line["address"] for line in lines(path)} == {"127.0.0.1"}
    assert all(token not in path.read_text() for token in tokens[:4])


async def ask_for_trouble(site: Gateway) -> None:
    tokens = site.tokens
    async with site.client(None) as nobody, site.client() as viewer:
        await nobody.get("/api/v1/systems/site")
        await nobody.get("/api/v1/systems/site", params={"token": tokens.viewer})
        async with site.client(tokens.packet_server) as server, site.client(tokens.bound) as bound:
            await server.get("/api/v1/systems")
            await bound.get("/api/v1/systems/site")
        async with site.client(tokens.bound_by_role[Role.PACKET_SERVER]) as server:
            (one,) = (await server.post("/api/v1/packets", json=in_json(CAPTURED[:1]))).json()["records"]
            assert one["reason"] == "unknown_system"
        await nobody.post("/api/v1/session")
        await viewer.post("/api/v1/session")
        await nobody.delete("/api/v1/session", headers={"origin": "http://evil.example"})
        await nobody.get("/health/live")
        await viewer.get("/api/v1/systems/site")
    async with site.websocket(authorization=f"Bearer {tokens.bound}") as socket:
        assert "error" in await Caller(socket).call("subscribe", system="site")
