"""The rules of the house that a linter does not know: sizes, names, and a docstring at every package's door."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("traceo", "tests", "benchmarks", "examples")
FUNCTION_LINES = 60
MODULE_LINES = 500
BANNED_NAMES = {"common", "helper", "helpers", "manager", "misc", "util", "utils"}
# Tables of data and generated code may be longer; each with its reason.
EXEMPT: dict[str, str] = {}


def python_files(*folders: str) -> list[Path]:
    files = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path for path in files if not path.name.endswith("_pb2.py") and name_of(path) not in EXEMPT)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", python_files(*FOLDERS), ids=name_of)
def test_module_keeps_the_size_limits(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= MODULE_LINES, f"{name_of(path)} has {lines} lines"
    for node in functions(path):
        length = (node.end_lineno or 0) - node.lineno + 1
        assert length <= FUNCTION_LINES, f"{node.name} has {length} lines"


def test_names_say_what_a_module_holds() -> None:
    found = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if "node_modules" not in path.parts]
    paths = [path for path in found if path.suffix == ".py" or path.is_dir()]
    assert [name_of(path) for path in paths if path.stem in BANNED_NAMES] == []


def test_every_folder_of_code_is_a_package() -> None:
    folders = {path.parent for path in python_files("traceo")}
    assert [name_of(folder) for folder in folders if not (folder / "__init__.py").exists()] == []


@pytest.mark.parametrize("path", [path for path in python_files("traceo") if path.name == "__init__.py"], ids=name_of)
def test_package_opens_with_two_to_six_lines(path: Path) -> None:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    assert 2 <= len([line for line in docstring.splitlines() if line.strip()]) <= 6


def test_public_functions_and_classes_say_what_they_do() -> None:
    silent = []
    for path in python_files("traceo"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            named = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if named and not node.name.startswith("_") and not ast.get_docstring(node):
                silent.append(f"{name_of(path)}: {node.name}")
    assert silent == []


def test_environment_is_read_by_the_configuration_only() -> None:
    readers = [path for path in python_files("traceo") if "environ" in path.read_text(encoding="utf-8")]
    code = [path for path in readers if any(_reads_environment(node) for node in _walk(path))]
    assert [name_of(path) for path in code] == ["traceo/config.py"]


def test_own_code_has_no_todo() -> None:
    marks = ("TO" + "DO", "FIX" + "ME", "X" * 3)
    texts = {name_of(path): path.read_text(encoding="utf-8") for path in python_files("traceo")}
    assert [name for name, text in texts.items() if any(f"# {mark}" in text for mark in marks)] == []


def _walk(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8")))


def _reads_environment(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
