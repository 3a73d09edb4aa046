"""Every reason a record can be rejected for, in the order in which they are judged (spec pages 1 and 4)."""

from enum import StrEnum

from stateserver.errors import StateServerError


class Reason(StrEnum):
    """A rejection's name, as it stands in the `rejected` topic and file."""

    # the sealed record
    BAD_ENCODING = "bad_encoding"
    KEY_MISMATCH = "key_mismatch"
    UNKNOWN_KEY = "unknown_key"
    KEY_NOT_ALLOWED = "key_not_allowed"
    BAD_SEAL = "bad_seal"
    BAD_TIME = "bad_time"
    # the frame
    BAD_HEX = "bad_hex"
    TOO_SHORT = "too_short"
    BAD_START = "bad_start"
    BAD_LENGTH = "bad_length"
    BAD_CRC = "bad_crc"
    UNKNOWN_COMMAND = "unknown_command"
    COMMAND_NOT_IN_MODE = "command_not_in_mode"
    BAD_CHUNKS = "bad_chunks"
    BAD_WINDOW = "bad_window"
    # the operator's command
    BAD_COMMAND = "bad_command"


class Rejected(StateServerError):
    """A record that cannot be read. It changes nothing and goes to `rejected`, whole, with this reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}", "Read the record with `stateserver cat rejected`.")
        self.reason = reason
        self.detail = detail
