"""Frames as equipment sends them, for the simulator and tests alone: nothing here commands anything."""

from collections.abc import Mapping, Sequence

from stateserver.protocol import crc
from stateserver.protocol.commands import COMMANDS, Command
from stateserver.protocol.decode import Message
from stateserver.protocol.frame import SIZE_MAX, START


def encode(message: Message, commands: Mapping[int, Command] = COMMANDS) -> bytes:
    """The frame that says `message`, by the `commands` of a mode (`commands_in`) where they differ.

    Raises ValueError where a number doesn't fit or the frame gets too long.
    """
    command = commands[message.command]
    payload = b""
    if command.head is not None:
        if message.head is None:
            raise ValueError(f"command {command.number} has a head chunk")
        payload += command.head.write(message.head)
    if command.item is not None:
        payload += b"".join(command.item.write(item) for item in message.items)
    return encode_frame(message.command, message.serial, payload)


def encode_frame(command: int, serial: int, payload: bytes) -> bytes:
    """The frame around `payload`: start, length, command, serial and CRC."""
    size = len(payload) + 8
    if size > SIZE_MAX:
        raise ValueError(f"a frame holds {SIZE_MAX} bytes, this one has {size}")
    body = START + bytes((size, command)) + serial.to_bytes(2, "big") + payload
    return body + crc.checksum(body)


def items_that_fit(command: int) -> int:
    """How many items one frame of `command` can hold."""
    chunk = COMMANDS[command].chunk
    heads = 0 if COMMANDS[command].head is None else 1
    return (SIZE_MAX - 8) // chunk - heads


def split_items(
    command: int,
    serial: int,
    items: Sequence[Mapping[str, int]],
    head: Mapping[str, int] | None = None,
    commands: Mapping[int, Command] = COMMANDS,
) -> list[bytes]:
    """`items` in as many frames as they take, each with the same `head`; at least one frame."""
    step = items_that_fit(command)
    return [
        encode(
            Message(
                command,
                serial,
                None if head is None else dict(head),
                [dict(i) for i in items[at : at + step]],
            ),
            commands,
        )
        for at in range(0, max(len(items), 1), step)
    ]
