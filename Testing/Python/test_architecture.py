"""The rules of the house, read from the source: who may import whom, and what is never written."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "Logic" / "vistaseg"
SOURCES = sorted(PACKAGE.rglob("*.py"))
OTHERS = sorted(path for folder in ("Testing", "VistaSegExtension") for path in (ROOT / folder).rglob("*.py"))

FOR_ALL = {"bounded_json", "errors", "escaping", "progress", "resources"}
ROOMS: dict[str, set[str]] = {
    "bounded_json": set(),
    "errors": set(),
    "escaping": set(),
    "progress": set(),
    "resources": set(),
    "volume": set(),
    "catalog": set(),
    "compute": set(),
    "weights": set(),
    "jobs": set(),
    "prompts": {"volume"},
    "segmentation": {"volume", "catalog"},
    "preview": {"volume", "segmentation"},
    "models": {"volume", "prompts", "catalog", "weights", "compute", "segmentation"},
    "session": {"volume", "prompts", "catalog", "segmentation", "models", "weights", "compute"},
    "dicom": {"volume", "catalog", "segmentation"},
    "mrml": {"volume", "prompts", "catalog", "segmentation"},
    "evaluate": {"volume", "prompts", "catalog", "segmentation", "models", "session"},
    "doctor": {"volume", "catalog", "segmentation", "models", "session", "weights", "compute"},
}
ROOMS["cli"] = set(ROOMS) - {"mrml"}
ROOMS["workspace"] = {"mrml", "session", "jobs", *ROOMS["session"]}
MAY_IMPORT_MRML = {"mrml", "workspace"}

QT = {"qt", "ctk", "PySide2", "PySide6", "PyQt5", "PyQt6", "PythonQt"}
SLICER = {"slicer", "vtk"}
LEARNING = {"torch", "monai"}
MAY_IMPORT_LEARNING = {"models", "weights", "compute"}
WITHOUT_LEARNING = {"volume", "prompts", "catalog", "segmentation", "preview"} | FOR_ALL

UNPICKLING = {f"{module}.{name}" for module in ("pickle", "joblib", "dill") for name in ("load", "loads", "Unpickler")}

LONGEST_FILE, LONGEST_FUNCTION = 400, 60


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path), feature_version=(3, 10))


def room_of(path: Path) -> str:
    """The first folder, or the file itself; "" for the package's own `__init__`."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def imported(tree: ast.AST) -> Iterator[str]:
    """Full names of what is imported anywhere in a tree."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def packages(tree: ast.AST) -> set[str]:
    return {name.split(".")[0] for name in imported(tree)}


def rooms_used(tree: ast.AST) -> set[str]:
    parts = [name.split(".") for name in imported(tree)]
    return {name[1] for name in parts if name[0] == "vistaseg" and name[1] != "__version__"}


def at_file_scope(tree: ast.Module) -> ast.Module:
    """What runs when the file is imported: no function bodies, nothing only for the type checker."""
    kept = [node for node in tree.body if not isinstance(node, ast.FunctionDef) and "TYPE_CHECKING" not in head(node)]
    return ast.Module(kept, [])


def head(node: ast.stmt) -> str:
    return ast.unparse(node.test) if isinstance(node, ast.If) else ""


def names(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


each_source = pytest.mark.parametrize("path", SOURCES, ids=names(SOURCES))


def test_the_sources_are_found():
    assert len(SOURCES) > 50 and {"volume", "models", "cli"} <= {room_of(path) for path in SOURCES}


@each_source
def test_rooms_are_imported_only_in_the_allowed_direction(path):
    room = room_of(path)
    used = rooms_used(parsed(path)) - {room}
    assert room == "" or room in ROOMS, f"say in this table what the room {room} may import"
    allowed = FOR_ALL | ROOMS.get(room, set())
    assert used <= allowed, f"{room} may not import {used - allowed}"


def test_the_allowed_directions_have_no_circle():
    left = {room: set(allowed) for room, allowed in ROOMS.items()}
    while left:
        free = {room for room, allowed in left.items() if not allowed & left.keys()}
        assert free, f"a circle in {sorted(left)}"
        left = {room: allowed for room, allowed in left.items() if room not in free}


@each_source
def test_the_engine_knows_neither_qt_nor_outside_mrml_slicer(path):
    found = packages(parsed(path))
    assert not found & QT
    assert room_of(path) == "mrml" or not found & SLICER


@each_source
def test_no_room_needs_the_one_that_needs_slicer(path):
    assert room_of(path) in MAY_IMPORT_MRML or "mrml" not in rooms_used(parsed(path))


def test_every_file_of_mrml_may_be_imported_without_qt_or_models():
    files = [path for path in SOURCES if room_of(path) == "mrml"]
    assert files
    for path in files:
        assert not packages(at_file_scope(parsed(path))) & (QT | LEARNING), path


@each_source
def test_torch_is_imported_only_where_it_computes(path):
    room = room_of(path)
    if room in WITHOUT_LEARNING:
        assert not packages(parsed(path)) & LEARNING
    if room not in MAY_IMPORT_LEARNING:
        assert not packages(at_file_scope(parsed(path))) & LEARNING


@pytest.mark.parametrize("path", SOURCES + OTHERS, ids=names(SOURCES + OTHERS))
def test_everything_is_python_3_10(path):
    assert parsed(path)


@each_source
def test_files_and_functions_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) < LONGEST_FILE
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST_FUNCTION, node.name


@each_source
def test_no_error_is_caught_to_be_forgotten(path):
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"a bare except in line {node.lineno}"
            assert not isinstance(node.body[0], ast.Pass), f"an error is dropped in line {node.lineno}"


@each_source
def test_nothing_is_unpickled(path):
    for node in ast.walk(parsed(path)):
        called = ast.unparse(node.func) if isinstance(node, ast.Call) else ""
        assert called not in UNPICKLING, f"line {node.lineno}"
        if called == "torch.load":
            options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            assert options.get("weights_only") == "True", f"line {node.lineno}"


@each_source
def test_annotations_are_not_evaluated(path):
    """So that types of newer versions, and of packages that are imported late, may be named."""
    if path.name != "__init__.py":
        assert "__future__.annotations" in set(imported(parsed(path)))


def test_the_rules_notice_what_they_forbid():
    guilty = ast.parse("import qt\nfrom vistaseg.session import Session\ndef f():\n    from torch import nn\n")
    assert packages(guilty) == {"qt", "vistaseg", "torch"}
    assert rooms_used(guilty) == {"session"}
    assert packages(at_file_scope(guilty)) == {"qt", "vistaseg"}
    with pytest.raises(SyntaxError):
        ast.parse("try:\n    pass\nexcept* ValueError:\n    pass\n", feature_version=(3, 10))
