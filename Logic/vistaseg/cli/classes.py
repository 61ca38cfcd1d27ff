"""`vistaseg classes`: the structures that can be segmented."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from vistaseg import catalog
from vistaseg.catalog.words import require_short
from vistaseg.cli.console import echo, echo_json


def classes_command(
    search: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Structures with names like this text, best match first.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the structures that can be segmented, by group, with the presets."""
    if search is not None:
        _show_matches(search, as_json)
    elif as_json:
        echo_json([_as_dict(s) for s in catalog.structures()])
    else:
        _show_groups()


def _show_matches(text: str, as_json: bool) -> None:
    require_short(text)
    matches = catalog.find(text)
    if as_json:
        rows = [{"title": m.title, "ids": list(m.ids), "score": m.score, "matched": m.matched_text} for m in matches]
        echo_json(rows)
    elif not matches:
        echo(f"Nothing resembles {text!r}. `vistaseg classes` lists every structure.")
    for match in matches if not as_json else ():
        echo(f"{match.score:5.0f}  {match.title}  ({', '.join(str(i) for i in match.ids)})")


def _show_groups() -> None:
    for group in catalog.groups().values():
        names = [catalog.get(i).name for i in group.ids]
        echo(f"{group.title} ({len(names)})", f"  {', '.join(names)}")
    echo("", f"Presets: {', '.join(catalog.presets())}")


def _as_dict(structure: catalog.Structure) -> dict[str, Any]:
    return {
        "id": structure.id,
        "name": structure.name,
        "supported": structure.supported,
        "group": structure.group,
        "synonyms": list(structure.synonyms),
        "color": list(structure.color),
        "note": structure.note,
    }
