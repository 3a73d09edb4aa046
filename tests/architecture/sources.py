"""The project's own files, and what each Python module imports, read by its syntax and not by running it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "stateserver"
OWN_FOLDERS = (PACKAGE, "tests", "benchmarks", ".ci", "compose", "docs", "schemas")
NOT_WRITTEN_BY_HAND = {"requirements.lock", "requirements-dev.lock", "package-lock.json"}


class Import(NamedTuple):
    """`module` is the dotted name that is imported, down to the module; `names` those taken from it, if any."""

    module: str
    names: tuple[str, ...]


def own_files(*suffixes: str) -> list[Path]:
    """Every file of the project with one of these suffixes (of all where none is given), data of tests excepted."""
    # In a linked worktree .git is a file: git's own, which says where the repository is.
    found = [file for file in ROOT.iterdir() if file.is_file() and file.name != ".git"]
    for folder in OWN_FOLDERS:
        found += [file for file in (ROOT / folder).rglob("*") if file.is_file()]
    return sorted(
        file
        for file in found
        if (not suffixes or file.suffix in suffixes)
        and not {"__pycache__", "data"} & set(file.relative_to(ROOT).parts)
        and file.name not in NOT_WRITTEN_BY_HAND
    )


def package_files() -> list[Path]:
    """Every module of the product."""
    return [file for file in own_files(".py") if file.is_relative_to(ROOT / PACKAGE)]


def name_of(file: Path) -> str:
    """How a failing test calls a file: its path in the project."""
    return file.relative_to(ROOT).as_posix()


def room_of(module: str) -> str:
    """The room that a dotted name of the product lies in; "" is the package itself."""
    return module.partition(".")[2].partition(".")[0]


@cache
def syntax_of(file: Path) -> ast.Module:
    """A module's syntax tree."""
    return ast.parse(file.read_text(), str(file))


def imports_of(file: Path) -> Iterator[Import]:
    """All that a module imports, wherever in it that stands."""
    for node in ast.walk(syntax_of(file)):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, ()) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(file)} imports relatively"
            assert node.module is not None
            modules = [alias.name for alias in node.names if _is_module(f"{node.module}.{alias.name}")]
            yield from (Import(f"{node.module}.{name}", ()) for name in modules)
            names = tuple(alias.name for alias in node.names if alias.name not in modules)
            if names:
                yield Import(node.module, names)


def _is_module(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()
