"""What a line that could not be read was probably meant to be. It only tells: such a line stays rejected."""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from stateserver.protocol.frame import START
from stateserver.protocol.reasons import Reason, Rejected
from stateserver.replay.journal_file import TO_UTF_8

WHOLE_MAX: Final = 2**53 - 1
NAME_SHOWN_MAX: Final = 40


class Mistake(NamedTuple):
    """What is wrong with lines, as it goes on after "line 1 and 37 more:", and what to do."""

    what: str
    to_do: str


ARRAY: Final = Mistake("one JSON array, not an object a line", "Give its members a line each: jq -c '.[]' FILE")
SPREAD: Final = Mistake("a JSON object over several lines", "Give each object one line: jq -c . FILE")
CSV: Final = Mistake(
    "CSV, neither JSON nor `created_at hex`",
    "Take out the header, and put a blank in the comma's place: awk -F, 'NR > 1 {print $1, $2}' FILE",
)
COMMA: Final = Mistake("a comma behind the object", "Take it away, and brackets around them all: sed 's/,$//' FILE")
NULS: Final = Mistake("has NUL bytes, as UTF-16 does", TO_UTF_8)
PLAIN_LATER: Final = Mistake(
    "`created_at hex`, but the file's first line is none", "Take the first line out, as by: tail -n +2 FILE"
)
TIMELESS: Final = Mistake("hex without a time", "Put `created_at`, in ms since 1970, and a blank before it.")
PREFIX: Final = Mistake("hex with 0x before it", "Take the 0x out.")
SEPARATED: Final = Mistake("hex with something between its bytes", "Take the colons, dashes and blanks out.")
BASE64: Final = Mistake("base64 in place of hex", "Give the packet in hex.")
BYTES: Final = Mistake("a packet that is a list of bytes", "Give the packet as a string, in hex.")
MONGO_PACKET: Final = Mistake("a packet as MongoDB exports bytes ($binary)", "Give the packet as a string, in hex.")
MONGO: Final = Mistake(
    "a number as MongoDB exports it ($date, $numberLong)",
    "Give the number itself, times in ms since 1970: jq -c '.created_at |="
    ' (.["$date"]? // . | .["$numberLong"]? // . | tonumber)\' FILE',
)
IN_QUOTES: Final = Mistake(
    "`created_at` is a number in quotes", "Take the quotes away: jq -c '.created_at |= tonumber'"
)
DATE: Final = Mistake("`created_at` is a date as text", "Give it in ms since 1970 (UTC).")
FRACTION: Final = Mistake(
    "`created_at` has a fraction, as seconds have", "Give it in whole ms since 1970: 1563531134.999 is 1563531134999."
)
NANOSECONDS: Final = Mistake("`created_at` looks like nanoseconds", "Give it in ms since 1970: divide it by 1000000.")

_TIME_NAMES: Final = {"createdat", "created", "timestamp", "time", "ts", "date", "datetime"}
_PACKET_NAMES: Final = {"packets", "packethex", "hex", "frame", "data", "payload", "raw", "bytes", "message"}
_MONGO_NUMBERS: Final = {"$date", "$numberLong", "$numberInt", "$numberDouble", "$timestamp"}
_CELL: Final = r"\s*(?:\"[^\"{}]*\"|[^\s,;\"{}\[\]][^,;\t\"{}\[\]]*)\s*"
_CSV: Final = re.compile(rf"(?=.*(?:packet|aaaa)){_CELL}[,;\t]{_CELL}(?:[,;\t].*)?", re.IGNORECASE)
_PLAIN: Final = re.compile(r"(?:([0-9][0-9T:.Z+-]*(?: [0-9:.]+)?)[ \t]+)?(?:0x)?aaaa[0-9a-f]+", re.IGNORECASE)
_BETWEEN: Final = re.compile(r"[\s:,_.-]+")
_HEX: Final = re.compile(r"[0-9a-fA-F]+")


def mistake_in(text: str, rejected: Rejected) -> Mistake | None:
    """What is probably wrong with a line that is no record; None where nothing is known."""
    line = text.strip()
    if "\0" in line:
        return NULS
    if rejected.reason is Reason.BAD_HEX:
        return _in_hex(_packet_of(line))
    if rejected.reason is not Reason.BAD_ENCODING:
        return None
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return _in_shape(line)
    if isinstance(said, list):
        return ARRAY
    return _in_members(said) if isinstance(said, dict) else None


def _in_shape(line: str) -> Mistake | None:
    if line.startswith("["):
        return ARRAY
    if line.startswith("{") and not line.endswith("}"):
        return COMMA if line.endswith("},") else SPREAD
    plain = _PLAIN.fullmatch(line)
    if plain is not None:
        return _in_plain_time(plain[1])
    return CSV if _CSV.fullmatch(line) else None


def _in_plain_time(said: str | None) -> Mistake | None:
    if said is None:
        return TIMELESS
    if said.isdigit():
        return PLAIN_LATER if len(said) < len(str(WHOLE_MAX)) else NANOSECONDS
    return FRACTION if said.replace(".", "", 1).isdigit() else DATE


def _in_members(said: Mapping[str, Any]) -> Mistake | None:
    if any(isinstance(member, dict) and _MONGO_NUMBERS & set(member) for member in said.values()):
        return MONGO
    if "created_at" not in said:
        return _misnamed(said, "created_at", _TIME_NAMES)
    time = _in_time(said["created_at"])
    if time is not None or said.get("kind", "frame") != "frame":
        return time
    return _in_packet(said["packet"]) if "packet" in said else _misnamed(said, "packet", _PACKET_NAMES)


def _misnamed(said: Mapping[str, Any], wanted: str, alike: set[str]) -> Mistake | None:
    name = next((name for name in said if re.sub(r"[^a-z0-9]", "", name.lower()) in {*alike, wanted}), None)
    if name is None:
        return None
    return Mistake(f"`{name[:NAME_SHOWN_MAX]}` in place of `{wanted}`", f"Rename it to `{wanted}`.")


def _in_time(said: object) -> Mistake | None:
    if isinstance(said, str):
        return IN_QUOTES if said.strip().isdigit() else DATE
    if isinstance(said, float):
        return FRACTION
    return NANOSECONDS if isinstance(said, int) and said > WHOLE_MAX else None


def _in_packet(said: object) -> Mistake | None:
    if isinstance(said, dict) and "$binary" in said:
        return MONGO_PACKET
    # Node.js writes its buffers as {"type": "Buffer", "data": […]}.
    return BYTES if isinstance(said, list) or (isinstance(said, dict) and "data" in said) else None


def _packet_of(line: str) -> str:
    """The packet of a line whose packet is no hex: a JSON object's, or all behind the first word."""
    if not line.startswith("{"):
        return line.partition(" ")[2] or line.partition("\t")[2]
    return str(json.loads(line)["packet"])


def _in_hex(packet: str) -> Mistake | None:
    packet = packet.strip()
    if packet[:2].lower() in {"0x", "\\x"}:
        return PREFIX
    together = _BETWEEN.sub("", packet)
    if together != packet and _HEX.fullmatch(together):
        return SEPARATED
    try:
        return BASE64 if base64.b64decode(packet, validate=True).startswith(START) else None
    except (binascii.Error, ValueError):
        return None
