"""`vistaseg segment`: a scan in, a segmentation out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vistaseg.cli.model_choice import READING, models_for
from vistaseg.cli.options import (
    Device,
    DeviceOption,
    JsonOption,
    Model,
    ModelOption,
    OutputOption,
    Precision,
    PrecisionOption,
    ScanArgument,
    TextOption,
)
from vistaseg.cli.prompting import parse_texts
from vistaseg.cli.question import Question, parse_roi
from vistaseg.cli.run import Request, run
from vistaseg.errors import UsageError


def segment_command(
    scan: ScanArgument,
    output: OutputOption,
    classes: Annotated[
        str | None, typer.Option(metavar="NAMES", help='Structures, for example "liver, left kidney".')
    ] = None,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="A preset, see `vistaseg classes`.")] = None,
    roi: Annotated[
        str | None, typer.Option(metavar="R,A,S:R,A,S", help="Two corners of a region of interest, in mm.")
    ] = None,
    text: TextOption = None,
    box: Annotated[
        str | None, typer.Option(metavar="R,A,S:R,A,S", help="A box around the structure, also with each text.")
    ] = None,
    model: ModelOption = Model.AUTO,
    device: DeviceOption = Device.AUTO,
    precision: PrecisionOption = Precision.AUTO,
    memory: Annotated[
        float | None,
        typer.Option(
            metavar="GB", min=0.01, max=100_000, help="Limit of VISTA3D's working memory: smaller windows where short."
        ),
    ] = None,
    preview: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Also draw a picture of the result.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Segment structures of a CT automatically; without any choice, everything that VISTA3D knows.

    Each --text makes a segment of its own; a name that VISTA3D has no class for is read by SegVol.
    """
    prompted = text is not None or box is not None
    _require_one_way(prompted, (classes, preset, roi), model)
    texts = parse_texts(text)
    request = Request(
        scan,
        output,
        Question.parse(classes, preset),
        None if roi is None else parse_roi(roi),
        texts,
        None if box is None else parse_roi(box),
        models_for(model, texts),
        device.value,
        precision.value,
        memory,
        preview,
    )
    report = run(request)
    if as_json:
        typer.echo(json.dumps(report, indent=1))


def _require_one_way(prompted: bool, by_class: tuple[str | None, ...], model: Model) -> None:
    if prompted and any(option is not None for option in by_class):
        raise UsageError("--text and --box make segments of their own: leave --classes, --preset and --roi out.")
    if not prompted and model in READING:
        raise UsageError("SegVol has no list of classes: name a structure with --text, or draw a --box around it.")
