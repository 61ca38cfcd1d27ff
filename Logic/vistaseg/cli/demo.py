"""`vistaseg demo`: the bundled model on a CT, with a picture and a report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vistaseg.cli.console import echo, echo_json
from vistaseg.cli.options import named_path
from vistaseg.cli.report import RunRequest
from vistaseg.cli.run import run
from vistaseg.errors import UsageError
from vistaseg.io import made_folder
from vistaseg.pipeline.plan import Plan


def demo_command(
    scan: Annotated[
        Path, typer.Argument(metavar="INPUT", parser=named_path, help="CT: NIfTI, NRRD, MHA or a DICOM folder.")
    ],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="FOLDER", help="Folder for the results.")
    ] = "demo-output",
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Segment a CT with the small bundled model, to try the software; not for reading scans."""
    if not output.strip():
        raise UsageError("No folder for the results was given: name one, or leave -o out.")
    folder = Path(output)
    segmentation, preview, report = (folder / name for name in ("segmentation.seg.nrrd", "preview.png", "report.json"))
    with made_folder(folder):
        said = run(RunRequest(scan, str(segmentation), Plan(models=("demo",)), preview=preview, report=report))
    if as_json:
        echo_json(said)
    else:
        echo(f"Wrote {segmentation}, {preview}, {report}")
