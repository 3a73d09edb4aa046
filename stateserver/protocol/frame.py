"""A frame checked from start to CRC, with every reason to refuse it (spec page 1, The frame)."""

from binascii import unhexlify
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple, NoReturn

from stateserver.protocol import crc
from stateserver.protocol.commands import BOOSTER_DATA, COMMANDS, DETONATOR_LIST, Command, commands_in
from stateserver.protocol.modes import MODES, Mode
from stateserver.protocol.reasons import Reason, Rejected

START: Final = b"\xaa\xaa"
_PAYLOAD_AT: Final = 6
_CRC_SIZE: Final = 2
_SIZE_MIN: Final = _PAYLOAD_AT + _CRC_SIZE
SIZE_MAX: Final = 255

_CLEAR_SIGNAL: Final = b"\xff" * 5
_STRAY_WINDOW_AND_DELAY: Final = 255


class Signal(Enum):
    """What a frame of reserved window ids means."""

    NONE = "none"
    CLEAR = "clear"
    """Frame 4: the booster has forgotten all its detonators."""
    STRAY = "stray"
    """Frame 5: after a clear; its only detonator chunk is none."""


class Frame(NamedTuple):
    """A sound frame. `windows` are its items' window ids, one more each (empty where items have none)."""

    command: Command
    serial: int
    payload: bytes
    windows: range
    signal: Signal

    @property
    def head(self) -> bytes | None:
        """The chunk in which the speaker tells of itself, if the command has one."""
        layout = self.command.head
        return None if layout is None else self.payload[: layout.size]

    @property
    def items(self) -> bytes:
        """The chunks after the head, one after the other."""
        layout = self.command.head
        return self.payload if layout is None else self.payload[layout.size :]

    def item_chunks(self) -> list[bytes]:
        """The chunks after the head, apart."""
        items, size = self.items, self.command.chunk
        return [items[at : at + size] for at in range(0, len(items), size)]


def from_hex(text: str) -> bytes:
    """The bytes of a frame in hex, of either case. Raises Rejected (`bad_hex`)."""
    try:
        return unhexlify(text)  # bytes.fromhex would let white space pass
    except ValueError:
        raise Rejected(Reason.BAD_HEX, "not pairs of hex digits") from None


def parse(frame: bytes, mode: Mode) -> Frame:
    """Check `frame` as one of a system in `mode`. Raises Rejected with the first reason that holds."""
    size = len(frame)
    if size < _SIZE_MIN or frame[2] != size or not frame.startswith(START) or not crc.is_sound(frame):
        _reject_envelope(frame)
    accepted = _ACCEPTED[mode].get(frame[3])
    if accepted is None:
        _reject_command(frame[3], mode)
    command, windows_max = accepted
    payload = frame[_PAYLOAD_AT:-_CRC_SIZE]
    windows = _read_windows(command, payload, _count_items(command, payload))
    signal = _read_signal(command, payload, windows) if len(windows) == 1 else Signal.NONE
    if signal is Signal.NONE and windows and not (windows.start > 0 and windows.stop <= windows_max + 1):
        _reject_window(windows, windows_max)
    # tuple.__new__ takes half the time that the class's own constructor does.
    return tuple.__new__(Frame, (command, frame[4] << 8 | frame[5], payload, windows, signal))


def _reject_envelope(frame: bytes) -> NoReturn:
    size = len(frame)
    if size < _SIZE_MIN:
        raise Rejected(Reason.TOO_SHORT, f"{size} bytes")
    if frame[:2] != START:
        raise Rejected(Reason.BAD_START, frame[:2].hex())
    if frame[2] != size:
        raise Rejected(Reason.BAD_LENGTH, f"says {frame[2]}, is {size}")
    says, computed = frame[-2:].hex(), crc.checksum(frame[:-2]).hex()
    raise Rejected(Reason.BAD_CRC, f"says {says}, is {computed}")


_ACCEPTED: Final = {
    mode: {number: (command, rules.windows_max) for number, command in commands_in(rules.commands).items()}
    for mode, rules in MODES.items()
}
"""By mode, the commands it has, with its highest window id."""


def _reject_command(number: int, mode: Mode) -> NoReturn:
    if number not in COMMANDS:
        raise Rejected(Reason.UNKNOWN_COMMAND, str(number))
    raise Rejected(Reason.COMMAND_NOT_IN_MODE, f"{number} in {mode}")


def _count_items(command: Command, payload: bytes) -> int:
    count, rest = divmod(len(payload), command.chunk)
    heads = 0 if command.head is None else 1
    if rest or count < heads or (command.item is None and count != heads):
        raise Rejected(Reason.BAD_CHUNKS, f"{len(payload)} bytes of payload, chunks of {command.chunk}")
    return count - heads


_NO_WINDOWS: Final = range(0)


def _read_windows(command: Command, payload: bytes, item_count: int) -> range:
    offsets = command.windows
    if offsets is None or item_count == 0:
        return _NO_WINDOWS
    if not offsets:
        return range(1, item_count + 1)
    start = 0 if command.head is None else command.chunk
    low = payload[start + offsets[0] :: command.chunk]
    return _windows_of(low, b"" if len(offsets) == 1 else payload[start + offsets[1] :: command.chunk])


# Equipment names the same windows over and over.
@lru_cache(maxsize=1 << 12)
def _windows_of(low: bytes, high: bytes) -> range:
    """The windows with these low bytes, and high ones where they have some. Raises Rejected (`bad_window`)."""
    ids = [lowest | highest << 8 for lowest, highest in zip(low, high, strict=True)] if high else list(low)
    windows = range(ids[0], ids[0] + len(ids))
    for expected, window in zip(windows, ids, strict=True):
        if window != expected:
            # Equipment sends stretches of its table: what jumps was damaged before it got its checksum.
            raise Rejected(Reason.BAD_WINDOW, f"{window} follows {expected - 1}")
    return windows


def _reject_window(windows: range, windows_max: int) -> NoReturn:
    wrong = next(window for window in windows if not 0 < window <= windows_max)
    raise Rejected(Reason.BAD_WINDOW, f"{wrong} of 1 to {windows_max}")


def _read_signal(command: Command, payload: bytes, windows: range) -> Signal:
    if windows.start != _STRAY_WINDOW_AND_DELAY:
        return Signal.NONE
    if command.number == DETONATOR_LIST and payload == _CLEAR_SIGNAL:
        return Signal.CLEAR
    if command.number == BOOSTER_DATA and int.from_bytes(payload[-2:], "little") == _STRAY_WINDOW_AND_DELAY:
        return Signal.STRAY
    return Signal.NONE
