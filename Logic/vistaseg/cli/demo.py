"""`vistaseg demo`: the model in the box on a CT, with a picture and a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vistaseg.cli.run import Request, run
from vistaseg.segmentation import replacing


def demo_command(
    scan: Annotated[Path, typer.Argument(metavar="INPUT", help="A CT to try it on.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Folder for the results.")] = Path(
        "demo-output"
    ),
) -> None:
    """Segment a CT with the small model in the box: to try the software out, not to read scans."""
    output.mkdir(parents=True, exist_ok=True)
    files = {name: output / name for name in ("segmentation.seg.nrrd", "preview.png", "report.json")}
    report = run(
        Request(scan, files["segmentation.seg.nrrd"], None, None, "demo", "auto", "auto", files["preview.png"])
    )
    with replacing(files["report.json"]) as file:
        file.write(json.dumps(report, indent=1).encode() + b"\n")
    typer.echo("Wrote " + ", ".join(str(path) for path in files.values()))
