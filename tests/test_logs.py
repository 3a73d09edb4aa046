import io
import json
import logging
import sys

import pytest

from stateserver.logs import JsonFormatter, TextFormatter, set_up_logging, settings_secrets
from stateserver.settings import HIDDEN, load_settings

KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
WITH_SECRETS = load_settings(
    {"STATESERVER_KEYRING": json.dumps({"keys": [{"id": "ps-1", "key": KEY}]}), "STATESERVER_TOKENS_FILE": "a/path"}
)


def record(message: str, **extra: object) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "stateserver.test", "levelname": "WARNING", "msg": message, "created": 1563531134.999, "msecs": 999}
        | extra
    )


def test_text_is_a_line_with_utc_time_level_and_logger() -> None:
    line = TextFormatter().format(record("a gap"))
    assert line == "2019-07-19T10:12:14.999Z WARNING stateserver.test: a gap"


def test_json_is_an_object_a_line_with_what_was_added() -> None:
    line = JsonFormatter().format(record("a gap\nof 3", system="P1", missing=3))
    assert "\n" not in line
    assert json.loads(line) == {
        "at": 1563531134999,
        "level": "WARNING",
        "logger": "stateserver.test",
        "message": "a gap\nof 3",
        "system": "P1",
        "missing": 3,
    }


def test_json_holds_the_traceback() -> None:
    try:
        raise ValueError("broken")
    except ValueError:
        line = JsonFormatter().format(record("failed", exc_info=sys.exc_info()))
    assert "ValueError: broken" in json.loads(line)["traceback"]


@pytest.mark.parametrize("secret", ["hunter-two", 'quo"ted\\secret', "päßwörter"])
def test_secrets_are_hidden_in_both_formats(secret: str) -> None:
    told = record(f"login with {secret} failed", also={"inner": secret})
    assert secret not in TextFormatter([secret]).format(told)
    line = JsonFormatter([secret]).format(told)
    assert json.loads(line)["message"] == f"login with {HIDDEN} failed"
    assert json.loads(line)["also"] == {"inner": HIDDEN}


def test_the_keys_of_a_key_ring_given_as_json_are_secret_and_a_path_is_not() -> None:
    assert list(settings_secrets(WITH_SECRETS)) == [KEY]


def test_a_process_logs_to_standard_error_as_its_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    root = logging.getLogger()
    before = root.level, root.handlers[:]
    error = io.StringIO()
    monkeypatch.setattr(sys, "stderr", error)
    root.handlers.clear()
    try:
        set_up_logging(WITH_SECRETS)
        logging.getLogger("stateserver.test").info("sealed with %s", KEY)
        logging.getLogger("stateserver.test").debug("not shown")
    finally:
        root.setLevel(before[0])
        root.handlers[:] = before[1]
    assert error.getvalue().endswith(f"INFO stateserver.test: sealed with {HIDDEN}\n")
    assert len(error.getvalue().splitlines()) == 1
