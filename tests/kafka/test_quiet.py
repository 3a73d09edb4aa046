"""What libraries may log."""

import logging

import pytest

from stateserver.kafka import quiet
from stateserver.kafka.quiet import OnceInAWhile


def record(name: str, text: str) -> logging.LogRecord:
    return logging.LogRecord(name, logging.ERROR, "", 0, text, None, None)


def test_a_library_says_the_same_thing_once() -> None:
    once = OnceInAWhile()
    assert once.filter(record("aiokafka.client", "no broker"))
    assert not once.filter(record("aiokafka.client", "no broker"))
    assert once.filter(record("aiokafka.client", "something else"))


def test_and_again_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    once = OnceInAWhile()
    once.filter(record("aiokafka.client", "no broker"))
    monkeypatch.setattr(quiet, "SAME_AGAIN_AFTER_S", 0.0)
    assert once.filter(record("aiokafka.client", "no broker"))


def test_we_ourselves_are_never_cut_short() -> None:
    once = OnceInAWhile()
    assert all(once.filter(record("stateserver.stream.keeper", "a partition is stopped")) for _ in range(3))
