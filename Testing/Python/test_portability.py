"""What runs on Linux alone, and what is written past `vistaseg.io`: found in the source."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {
    path: ast.parse(path.read_text(encoding="utf-8"), str(path))
    for folder in ("Logic", "VistaSegExtension")
    for path in sorted((ROOT / folder).rglob("*.py"))
}

POSIX_MODULES = {"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"}
POSIX_OF_OS = {
    "chown", "fork", "forkpty", "geteuid", "getpgid", "getuid", "getxattr", "kill", "killpg", "lchown", "listxattr",
    "mkfifo", "setsid", "setxattr", "symlink", "uname",
}  # fmt: skip
POSIX_SIGNALS = {"SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGUSR1", "SIGUSR2"}
TEXT_METHODS = {"read_text", "write_text"}
RENAMES = {"os.rename", "os.renames", "shutil.move"}
FOLDERS_OF_LINUX = ("/tmp", "/var/tmp", "/dev/shm")

GUARDED = {
    "Logic/vistaseg/evaluate/memory.py": ("import resource", "after a question for Windows"),
    "Logic/vistaseg/volume/itk_files.py": ("os.symlink", "or else the file is copied"),
}
"""What is of Linux and has a way out elsewhere."""

WRITES = {"write_bytes", "write_text", "save_as", "symlink_to", "touch", "rename"}
PLACES = {
    "Logic/vistaseg/dicom/dciodvfy.py": "into a temporary folder",
    "Logic/vistaseg/dicom/derived.py": "into a folder that is staged",
    "Logic/vistaseg/dicom/structured_report.py": "into memory",
    "Logic/vistaseg/volume/nifti_forms.py": "into a temporary folder",
    "Logic/vistaseg/weights/store.py": "within its own folder, before it takes its place",
    "VistaSegExtension/VistaSeg/VistaSegLib/Installation.py": "into a temporary folder",
}
"""Where files are written past `vistaseg.io`, and why nothing can be lost there."""


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def options_of(call: ast.Call) -> dict[str, str]:
    return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords if keyword.arg}


def mode_of(call: ast.Call) -> str | None:
    """The mode of a call that opens a file; None for any other."""
    name = ast.unparse(call.func)
    if name in ("open", "io.open"):
        at = 1
    elif isinstance(call.func, ast.Attribute) and call.func.attr == "open" and name != "os.open":
        at = 0
    else:
        return None
    given = options_of(call).get("mode", ast.unparse(call.args[at]) if len(call.args) > at else "'r'")
    found = ast.literal_eval(given) if given[0] in "'\"" else ""
    return found if found and set(found) <= set("rwxabt+") else None


def modules_of(node: ast.Import | ast.ImportFrom) -> set[str]:
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    return {name.split(".")[0] for name in names}


def of_linux_alone(tree: ast.AST) -> Iterator[str]:
    guarded = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)) and modules_of(node) & POSIX_MODULES:
            yield ast.unparse(node)
        elif isinstance(node, ast.Attribute):
            module, name = ast.unparse(node.value), node.attr
            posix = (module, name in POSIX_OF_OS) == ("os", True) or (module, name in POSIX_SIGNALS) == ("signal", True)
            # `hasattr(os, "chown")` or `getattr(signal, "SIGHUP")` in the same file.
            if (posix and name not in guarded) or name == "symlink_to":
                yield f"{module}.{name} in line {node.lineno}"
        elif isinstance(node, ast.Constant) and str(node.value).startswith(FOLDERS_OF_LINUX):
            yield f"{node.value} in line {node.lineno}"
    for call in calls(tree):
        if ast.unparse(call.func) in RENAMES:
            yield f"{ast.unparse(call.func)} in line {call.lineno}: os.replace also replaces on Windows"


def text_without_encoding(tree: ast.AST) -> Iterator[str]:
    for call in calls(tree):
        options, mode = options_of(call), mode_of(call)
        name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        text = (mode is not None and "b" not in mode) or name in TEXT_METHODS or options.get("text") == "True"
        positional = len(call.args) > (1 if name == "write_text" else 0) if name in TEXT_METHODS else False
        if text and "encoding" not in options and not positional:
            yield f"{ast.unparse(call.func)} in line {call.lineno}"


def written_past_io(tree: ast.AST) -> Iterator[str]:
    for call in calls(tree):
        name = ast.unparse(call.func)
        mode = mode_of(call)
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if name == "os.replace" or method in WRITES or (mode is not None and set(mode) & set("wxa+")):
            yield f"{name} in line {call.lineno}"


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def test_nothing_needs_linux():
    for path, tree in SOURCES.items():
        guarded, _ = GUARDED.get(name_of(path), ("nothing", ""))
        found = [each for each in of_linux_alone(tree) if not each.startswith(guarded)]
        assert not found, (path, found)


def test_every_system_can_collect_the_tests():
    """Modules that Windows does not have are imported where they are used, and its workflow has no other tests."""
    for path in sorted((ROOT / "Testing").rglob("*.py")):
        if not path.is_relative_to(ROOT / "Testing/Python") and path.parent != ROOT / "Testing":
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
        imports = [node for node in tree.body if isinstance(node, (ast.Import, ast.ImportFrom))]
        assert not [ast.unparse(node) for node in imports if modules_of(node) & POSIX_MODULES], path
        asked = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        for node in ast.walk(tree):
            needs = isinstance(node, ast.Attribute) and ast.unparse(node.value) == "os" and node.attr in POSIX_OF_OS
            guarded = needs and (asked & {node.attr, "linux", "posix"} or node.attr == "kill")
            assert not needs or guarded or path.name == "kills.py", (path, ast.unparse(node))


def test_text_has_an_encoding():
    for path, tree in SOURCES.items():
        found = list(text_without_encoding(tree))
        assert not found, (path, found)


def test_files_are_written_by_one_mechanism():
    for path, tree in SOURCES.items():
        found = list(written_past_io(tree))
        expected = name_of(path) in PLACES or name_of(path).startswith("Logic/vistaseg/io/")
        assert expected or not found, (path, found)


def test_the_rules_notice_what_they_forbid():
    guilty = (
        "import fcntl\nos.fork()\nsignal.SIGHUP\nPath('x').symlink_to('y')\nopen('/tmp/x', 'rb')\nos.rename('a', 'b')\n"
    )
    assert len(list(of_linux_alone(ast.parse(guilty)))) == 6
    assert not list(of_linux_alone(ast.parse("if hasattr(os, 'chown'):\n    os.chown(1, 2, 3)\n")))
    guilty = "open('x')\npath.open('w')\npath.read_text()\npath.write_text('a')\nsubprocess.run(x, text=True)\n"
    assert len(list(text_without_encoding(ast.parse(guilty)))) == 5
    innocent = "open('x', 'rb')\npath.open(encoding='utf-8')\nmodel.open(volume)\npath.read_text('utf-8')\n"
    assert not list(text_without_encoding(ast.parse(innocent)))
    guilty = "open('x', 'wb')\npath.open('xb')\nos.replace(a, b)\npath.write_bytes(b'')\nimage.save_as(path)\n"
    assert len(list(written_past_io(ast.parse(guilty)))) == 5
