"""README and pages: short, with links that lead somewhere, and commands and options that there are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import typer

from vistaseg.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "Docs").glob("*.md"))]
LINK = re.compile(r"\]\(([^)#]+?)(?:#[^)]*)?\)")
FENCE = re.compile(r"```(\w*)\n(.*?)```", re.DOTALL)

pages = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


@pages
def test_links_lead_to_files(page):
    targets = [target for target in LINK.findall(page.read_text(encoding="utf-8")) if "://" not in target]
    assert not [target for target in targets if not (page.parent / target).exists()]


def test_the_readme_leads_to_every_page():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert not [page.name for page in PAGES[1:] if f"Docs/{page.name}" not in readme]


def commands(text: str) -> list[list[str]]:
    """Words of each line that calls `vistaseg`, without comments."""
    lines = [line for language, block in FENCE.findall(text) if language == "sh" for line in block.splitlines()]
    found = [re.split(r"\s+", line.split(" #")[0].strip()) for line in lines]
    return [words[1:] for words in found if words[0].endswith("vistaseg")]


@pages
def test_commands_and_options_are_those_that_there_are(page):
    root = typer.main.get_command(app)
    context = typer.Context(root)
    for words in commands(page.read_text(encoding="utf-8")):
        command = root.get_command(context, words[0])
        assert command is not None, words
        if hasattr(command, "commands"):
            command = command.get_command(context, words[1])
            assert command is not None, words
        known = {name for parameter in command.params for name in parameter.opts}
        assert {word for word in words if re.match(r"--?[a-z]", word)} <= known, words


@pages
def test_python_is_python(page):
    for language, block in FENCE.findall(page.read_text(encoding="utf-8")):
        if language == "python":
            ast.parse(block)
