"""Arrows point inwards: which room of the house may import which, and what the core may import at all."""

import ast
import sys
from pathlib import Path

from tests.architecture.sources import PACKAGE, ROOT, imports_of, name_of, package_files, room_of, syntax_of

CORE = {"errors", "protocol", "domain"}
SEALED = CORE | {"codec", "security"}
# A room may import itself, and those that stand here beside it; no other.
MAY_IMPORT: dict[str, set[str]] = {
    "": set(),
    "errors": set(),
    "protocol": {"errors"},
    "domain": {"errors", "protocol"},
    "codec": CORE,
    "security": CORE | {"codec"},
    "reports": CORE | {""},
    "replay": SEALED | {"reports"},
    "settings": {"errors"},
    "logs": {"errors", "settings"},
    "folders": {"errors", "settings"},
    "garbage": set(),
    "kafka": set(),
    "broker": {"errors", "settings", "logs"},
    "simulator": SEALED | {"replay", "settings", "logs"},
    "stream": SEALED | {"reports", "settings", "logs", "kafka", "garbage", ""},
    "gateway": SEALED | {"reports", "settings", "logs", "kafka", "garbage", ""},
    "demo": SEALED | {"broker", "simulator", "stream", "settings", "folders"},
    "cli": {"errors", "commands", ""},
    "__main__": {"cli"},
}
# The wiring may see everything but the command line above it.
MAY_IMPORT["commands"] = set(MAY_IMPORT) - {"cli", "__main__"}

# Pure: what gives the same answer every time, and touches nothing outside.
CORE_LIBRARY = {
    "abc", "array", "binascii", "bisect", "collections", "dataclasses", "enum", "functools", "hashlib", "heapq",
    "itertools", "json", "math", "operator", "re", "string", "struct", "sys", "types", "typing", "uuid", "zlib",
}  # fmt: skip
# Not of Python itself, and pure all the same: JSON, for which Python's own takes ten times as long.
PURE_LIBRARIES = {"orjson"}
MIXED_MODULES = {"sys": {"byteorder", "intern", "maxsize"}, "uuid": {"UUID", "uuid5", "NAMESPACE_URL"}}
CORE_BUILTINS_REFUSED = {"open", "print", "input", "id", "hash", "breakpoint", "exec", "eval", "__import__"}

# What keeps a library where it belongs: the rooms that may import it.
LIBRARY_ROOMS = {
    "faust": {"stream", "commands"},
    "mode": {"stream", "commands"},
    "rocksdict": {"stream"},
    "aiokafka": {"kafka", "stream", "gateway", "simulator", "demo", "commands"},
    "fastapi": {"gateway"},
    "starlette": {"gateway"},
    "uvicorn": {"gateway", "commands"},
    "cryptography": {"security", "gateway"},
    "jwt": {"security"},
    "avro": set[str](),
    "fastavro": {"codec"},
    "reportlab": {"reports"},
    "bidi": {"reports"},
    "uharfbuzz": {"reports"},
    "prometheus_client": {"gateway", "stream"},
    "yarl": {"stream"},
    "click": {"cli", "commands", "broker"},
}

FILES = package_files()
CORE_FILES = [file for file in FILES if room_of(".".join(file.relative_to(ROOT).parts)) in {"protocol", "domain"}]


def room(file: Path) -> str:
    """The room a file lies in."""
    inside = file.relative_to(ROOT / PACKAGE)
    return inside.parts[0].removesuffix(".py").replace("__init__", "")


def libraries_of(file: Path) -> set[str]:
    """What a module imports from outside the product, by the name it is installed as."""
    return {one.module.partition(".")[0] for one in imports_of(file)} - {PACKAGE}


def test_arrows_point_inwards() -> None:
    wrong = [
        f"{name_of(file)} imports {one.module}"
        for file in FILES
        for one in imports_of(file)
        if one.module.partition(".")[0] == PACKAGE and room_of(one.module) not in MAY_IMPORT[room(file)] | {room(file)}
    ]
    assert wrong == []


def test_libraries_stay_in_their_rooms() -> None:
    wrong = [
        f"{name_of(file)} imports {library}"
        for file in FILES
        for library in libraries_of(file) & set(LIBRARY_ROOMS)
        if room(file) not in LIBRARY_ROOMS[library]
    ]
    assert wrong == []


def test_the_core_imports_nothing_but_pure_library() -> None:
    wrong = {name_of(file): libraries_of(file) - CORE_LIBRARY - PURE_LIBRARIES for file in CORE_FILES}
    assert {name: libraries for name, libraries in wrong.items() if libraries} == {}


def names_of_mixed_modules(file: Path) -> set[str]:
    """`module.name` of all that a core module takes of a library that also has what isn't pure."""
    used = {(one.module, name) for one in imports_of(file) for name in one.names}
    used |= {
        (node.value.id, node.attr)
        for node in ast.walk(syntax_of(file))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }
    return {f"{module}.{name}" for module, name in used if module in MIXED_MODULES}


def test_the_core_takes_only_what_is_pure_of_mixed_modules() -> None:
    pure = {f"{module}.{name}" for module, names in MIXED_MODULES.items() for name in names}
    wrong = {name_of(file): names_of_mixed_modules(file) - pure for file in CORE_FILES}
    assert {name: impure for name, impure in wrong.items() if impure} == {}


def test_the_core_does_no_input_or_output() -> None:
    wrong = [
        f"{name_of(file)}:{node.lineno} calls {node.func.id}"
        for file in CORE_FILES
        for node in ast.walk(syntax_of(file))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CORE_BUILTINS_REFUSED
    ]
    assert wrong == []


def test_the_table_knows_every_room_and_the_core_is_there() -> None:
    assert {room(file) for file in FILES} <= set(MAY_IMPORT)
    assert {room(file) for file in CORE_FILES} == {"protocol", "domain"}


def test_the_table_has_no_circle() -> None:
    left = {name: set(allowed) for name, allowed in MAY_IMPORT.items()}
    while left:
        innermost = {name for name, allowed in left.items() if not allowed & set(left)}
        assert innermost, f"these import each other in a circle: {sorted(left)}"
        left = {name: allowed for name, allowed in left.items() if name not in innermost}


def test_the_pure_library_is_pythons_own() -> None:
    assert not CORE_LIBRARY - sys.stdlib_module_names
