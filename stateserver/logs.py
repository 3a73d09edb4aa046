"""What a process logs: lines on standard error, for people (text) or machines (json), and never a secret."""

import json
import logging
import re
import sys
import time
from collections.abc import Iterable, Iterator

from pydantic import SecretStr

from stateserver.settings import HIDDEN, PathOrJson, Settings

SECRET_LENGTH_MIN = 6  # shorter ones would hide ordinary words
KEY_LENGTH_MIN = 32  # characters of a key's text
# What tokens look like, whoever they let in: API tokens, and JWTs.
CREDENTIAL = re.compile(r"stsv_[A-Za-z0-9_-]{20,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*")
RECORD_FIELDS = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TextFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.123Z WARNING stateserver.stream: text`, then a traceback if there is one."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03dZ"

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._secrets = _longest_first(secrets)

    def format(self, record: logging.LogRecord) -> str:
        """The record as a line, secrets hidden."""
        return _hide(super().format(record), self._secrets)


class JsonFormatter(logging.Formatter):
    """A JSON object a line: at (ms since 1970), level, logger, message, traceback, and what `extra` gave."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self._secrets = _longest_first(json.dumps(one)[1:-1] for one in secrets)  # as they'd lie in a JSON string

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON on one line, secrets hidden."""
        line: dict[str, object] = {
            "at": int(record.created * 1000),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        line |= {name: value for name, value in vars(record).items() if name not in RECORD_FIELDS}
        return _hide(json.dumps(line, default=str), self._secrets)


def set_up_logging(settings: Settings, secrets: Iterable[str] = ()) -> None:
    """Send everything logged in this process to standard error, as the settings say.

    The settings' own secrets are hidden wherever they would appear, and the further `secrets` given.
    """
    hidden = [*secrets, *settings_secrets(settings)]
    formatter = {"text": TextFormatter, "json": JsonFormatter}[settings.log_format](hidden)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)


def settings_secrets(settings: Settings) -> Iterator[str]:
    """The secret values that settings hold; of a document given as JSON, every long string in it."""
    for field in Settings.model_fields:
        value = getattr(settings, field)
        if isinstance(value, PathOrJson):
            yield from _long_strings(json.loads(value.get_secret_value())) if value.is_json else ()
        elif isinstance(value, SecretStr):
            yield value.get_secret_value()


def _long_strings(document: object) -> Iterator[str]:
    if isinstance(document, str) and len(document) >= KEY_LENGTH_MIN:
        yield document
    elif isinstance(document, dict | list):
        for member in document.values() if isinstance(document, dict) else document:
            yield from _long_strings(member)


def _longest_first(secrets: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({one for one in secrets if len(one) >= SECRET_LENGTH_MIN}, key=len, reverse=True))


def without_credentials(text: str) -> str:
    """The text with all that looks like a token hidden."""
    return CREDENTIAL.sub(HIDDEN, text)


def _hide(text: str, secrets: tuple[str, ...]) -> str:
    for secret in secrets:
        text = text.replace(secret, HIDDEN)
    return without_credentials(text)
