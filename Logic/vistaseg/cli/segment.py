"""`vistaseg segment`: a scan in, a segmentation out."""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from vistaseg.cli.question import Question, parse_roi
from vistaseg.cli.run import Request, run


class Model(str, Enum):
    """Keys of the models, known here without importing them."""

    VISTA3D = "vista3d"
    DEMO = "demo"


class Device(str, Enum):
    """Names that `vistaseg.compute.choose_compute` takes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Precision(str, Enum):
    """Names that `vistaseg.compute.choose_compute` takes."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


def segment_command(
    scan: Annotated[Path, typer.Argument(metavar="INPUT", help="CT: NIfTI, NRRD, MHA or a DICOM folder.")],
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="OUT", help="OUT.seg.nrrd, OUT.nii.gz, or a folder ending in /."),
    ],
    classes: Annotated[
        str | None, typer.Option(metavar="NAMES", help='Structures, for example "liver, left kidney".')
    ] = None,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="A preset, see `vistaseg classes`.")] = None,
    roi: Annotated[
        str | None, typer.Option(metavar="R,A,S:R,A,S", help="Two corners of a region of interest, in mm.")
    ] = None,
    model: Annotated[Model, typer.Option(help="demo is the small model in the box.")] = Model.VISTA3D,
    device: Annotated[Device, typer.Option(help="auto takes a GPU where there is one.")] = Device.AUTO,
    precision: Annotated[Precision, typer.Option(help="auto takes bf16 where it is faster.")] = Precision.AUTO,
    memory: Annotated[
        float | None,
        typer.Option(metavar="GB", min=0.01, help="Limit of working memory: smaller windows where it is short."),
    ] = None,
    preview: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Also draw a picture of the result.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a report as JSON.")] = False,
) -> None:
    """Segment structures of a CT automatically; without --classes or --preset, everything the model knows."""
    question = Question.parse(classes, preset)
    region = None if roi is None else parse_roi(roi)
    request = Request(scan, output, question, region, model.value, device.value, precision.value, memory, preview)
    report = run(request)
    if as_json:
        typer.echo(json.dumps(report, indent=1))
