"""Rules of the house that no linter knows. Directions of imports are in pyproject.toml, for import-linter and ruff."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "Logic" / "vistaseg"
SOURCES = {path: ast.parse(path.read_text(encoding="utf-8"), str(path)) for path in sorted(PACKAGE.rglob("*.py"))}

HEAVY = {"torch", "monai"}
MAY_IMPORT_HEAVY = {"models", "weights", "compute"}
LONGEST_FUNCTION = 80


def room_of(path: Path) -> str:
    """The first folder, or the file itself; "" for the package's own `__init__`."""
    first = path.relative_to(PACKAGE).parts[0]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def packages(tree: ast.AST) -> set[str]:
    """What is imported anywhere in a tree."""
    nodes = list(ast.walk(tree))
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)}
    return {name.split(".")[0] for name in names}


def at_file_scope(tree: ast.Module) -> ast.Module:
    """What runs when the file is imported: no function bodies, nothing only for the type checker."""

    def runs(node: ast.stmt) -> bool:
        only_typing = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        return not (isinstance(node, ast.FunctionDef) or only_typing)

    return ast.Module([node for node in tree.body if runs(node)], [])


def long_functions(path: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION:
            yield f"{path}:{node.lineno}: {node.name} is too long"


def unsafe_loads(path: Path, tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            options = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            if options.get("weights_only") != "True":
                yield f"{path}:{node.lineno}"


def test_the_sources_are_found():
    assert len(SOURCES) > 50 and {"volume", "models", "cli"} <= {room_of(path) for path in SOURCES}


def test_torch_is_imported_at_the_top_of_a_file_only_where_it_computes():
    others = {path: tree for path, tree in SOURCES.items() if room_of(path) not in MAY_IMPORT_HEAVY}
    assert not [path for path, tree in others.items() if packages(at_file_scope(tree)) & HEAVY]


def test_functions_stay_short():
    assert not [part for path, tree in SOURCES.items() for part in long_functions(path, tree)]


def test_weights_are_loaded_without_unpickling():
    assert not [place for path, tree in SOURCES.items() for place in unsafe_loads(path, tree)]


def test_the_rules_notice_what_they_forbid():
    guilty = ast.parse("import qt\nfrom vistaseg.session import Session\ndef f():\n    from torch import nn\n")
    assert packages(guilty) == {"qt", "vistaseg", "torch"}
    assert packages(at_file_scope(guilty)) == {"qt", "vistaseg"}
    assert list(unsafe_loads(PACKAGE, ast.parse("torch.load(path)")))
    assert not list(unsafe_loads(PACKAGE, ast.parse("torch.load(path, weights_only=True)")))
    assert list(long_functions(PACKAGE / "__init__.py", ast.parse("def f():\n" + "    x = 1\n" * 81)))
