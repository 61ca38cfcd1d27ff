"""`vistaseg dicom …`: what DICOM files hold."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vistaseg.cli import dicom_seg, dicom_send
from vistaseg.cli.console import echo, echo_json, table_console
from vistaseg.cli.options import JsonOption, named_path
from vistaseg.escaping import printable

if TYPE_CHECKING:
    from vistaseg.dicom import SeriesSummary

app = typer.Typer(
    name="dicom",
    help="DICOM: list series; export, import and check segmentations; send to a PACS.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)


@app.command("list")
def list_command(
    place: Annotated[
        Path, typer.Argument(metavar="FOLDER", parser=named_path, help="A folder with DICOM files, or one of them.")
    ],
    as_json: JsonOption = False,
) -> None:
    """List the series of a folder with their numbers and UIDs for --series, and their problems."""
    from vistaseg.dicom import list_series
    from vistaseg.errors import InputError
    from vistaseg.volume import errors_naming, holds_dicom

    with errors_naming(place):
        if not holds_dicom(place):
            raise InputError("This is not a DICOM file. Give a slice of the scan, or the folder of the series.")
        listed = list_series(place)
    for note in listed.notes:
        echo(note, err=True)
    found = listed.series
    if as_json:
        echo_json([_as_dict(one) for one in found])
    else:
        _show(found)


def _as_dict(one: SeriesSummary) -> dict[str, Any]:
    return {
        "number": one.number,
        "uid": one.uid,
        "study": one.study,
        "modality": one.modality,
        "description": one.description,
        "part": one.part,
        "images": one.images,
        "rows": one.size[0],
        "columns": one.size[1],
        "files": [str(file) for file in one.files],
        "notes": list(one.notes),
        "problem": one.problem,
    }


def _show(found: Sequence[SeriesSummary]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for title in ("", "modality", "description", "images", "size", "UID", "what is wrong"):
        table.add_column(title, overflow="fold")  # on a narrow terminal too, a UID is not cut
    for one in found:
        rows, columns = one.size
        description = ", ".join(filter(None, (one.description, one.part)))
        wrong = " ".join((*one.notes, *filter(None, (one.problem,))))
        cells = (one.number, one.modality, description, one.images, f"{columns} x {rows}", one.uid, wrong)
        table.add_row(*(Text(printable(str(cell))) for cell in cells))
    table_console().print(table)


app.command("export")(dicom_seg.export_command)
app.command("import")(dicom_seg.import_command)
app.command("check")(dicom_seg.check_command)
app.command("send")(dicom_send.send_command)
