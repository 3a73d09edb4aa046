"""State Server only watches. Nothing in it can arm, fire, open a relay, or speak to equipment at all."""

import ast
from collections.abc import Iterable
from pathlib import Path

from stateserver.cli import COMMANDS as COMMAND_LINE
from stateserver.domain import commands as operator_commands
from stateserver.protocol.commands import COMMANDS
from tests.architecture.sources import ROOT, imports_of, name_of, own_files, package_files, syntax_of

# What equipment reports (page 1). None of these is an instruction.
READING_COMMANDS = {1, 2, 3, 4, 5, 8, 22, 23, 24, 36}
# Frames are made by what plays a site for demonstrations and tests, and by nothing else.
MAKES_FRAMES = "stateserver.protocol.encode"
MAY_MAKE_FRAMES = "stateserver/simulator/"
# The ways out of the process that are not a Kafka or HTTP library's: who may take one.
WAYS_OUT = {"socket", "serial", "usb", "telnetlib", "smbus", "pymodbus", "bluetooth", "ftplib", "smtplib"}
MAY_CONNECT = {"stateserver/broker/metadata.py"}  # asks a broker of ours on the loopback address whether it is up
MAY_LISTEN = {"stateserver/broker/ports.py", "stateserver/gateway/serve.py", "stateserver/gateway/server.py"}
CONNECTS = {"open_connection", "create_connection", "open_unix_connection", "create_datagram_endpoint", "sock_connect"}
DEEDS = ("arm", "fire", "blast", "initiate", "disarm", "relay", "program", "reset")

FILES = package_files()


def users_of(module: str, files: Iterable[Path] = FILES) -> set[str]:
    """The files that import a module, or something from it."""
    return {
        name_of(file)
        for file in files
        for one in imports_of(file)
        if one.module == module or one.module.startswith(f"{module}.")
    }


def test_the_command_table_holds_what_equipment_reports_and_nothing_else() -> None:
    assert set(COMMANDS) == READING_COMMANDS


def test_only_the_simulator_makes_frames() -> None:
    assert users_of(MAKES_FRAMES, own_files(".py"))
    assert {file for file in users_of(MAKES_FRAMES) if not file.startswith(MAY_MAKE_FRAMES)} == set()


def test_frames_are_made_in_one_module() -> None:
    makers = {
        name_of(file)
        for file in FILES
        for node in ast.walk(syntax_of(file))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("encode_frame")
    }
    assert makers == {"stateserver/protocol/encode.py"}


def test_nothing_opens_a_way_to_equipment() -> None:
    assert {file for module in WAYS_OUT for file in users_of(module)} <= MAY_CONNECT | MAY_LISTEN
    assert files_calling(CONNECTS) <= MAY_CONNECT
    assert files_calling({"connect", "connect_ex", "sendto", "sendmsg"}) & (MAY_CONNECT | MAY_LISTEN) == set()


def files_calling(names: set[str]) -> set[str]:
    """The product's files that use an attribute of one of these names."""
    return {
        name_of(file)
        for file in FILES
        for node in ast.walk(syntax_of(file))
        if isinstance(node, ast.Attribute) and node.attr in names
    }


def test_sockets_of_our_own_stay_on_this_machine() -> None:
    for name in (*MAY_CONNECT, "stateserver/broker/ports.py"):
        hosts = {
            argument.elts[0].id
            for node in ast.walk(syntax_of(ROOT / name))
            if isinstance(node, ast.Call)
            for argument in node.args
            if isinstance(argument, ast.Tuple) and isinstance(argument.elts[0], ast.Name)
        }
        assert hosts == {"LOOPBACK"}


def test_an_operator_can_label_acknowledge_and_retire_and_nothing_else() -> None:
    assert set(operator_commands._NEEDED) == {"acknowledge_warning", "label_unit", "retire_unit"}


def test_no_command_of_ours_is_named_for_a_deed() -> None:
    assert not {name for name in COMMAND_LINE if name.startswith(DEEDS)}


def test_the_files_looked_at_are_the_product() -> None:
    assert ROOT / "stateserver" / "protocol" / "encode.py" in FILES
