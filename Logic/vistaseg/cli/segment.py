"""`vistaseg segment`: a scan in, a segmentation out."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from vistaseg.cli.console import echo, echo_json
from vistaseg.cli.options import (
    SPACES,
    ClassesOption,
    DeflateOption,
    Device,
    DeviceOption,
    JsonOption,
    MemoryOption,
    ModelOption,
    OutputOption,
    Precision,
    PrecisionOption,
    PresetOption,
    ScanArgument,
    SeriesOption,
    TextOption,
    named_path,
)
from vistaseg.pipeline.model_choice import AUTO


def segment_command(
    scan: ScanArgument,
    output: OutputOption,
    series: SeriesOption = None,
    classes: ClassesOption = None,
    preset: PresetOption = None,
    roi: Annotated[
        str | None, typer.Option(metavar="R,A,S:R,A,S", help=f"Two corners of a region of interest, {SPACES}.")
    ] = None,
    text: TextOption = None,
    box: Annotated[
        str | None,
        typer.Option(metavar="R,A,S:R,A,S", help=f"A box around the structure, {SPACES}; combined with each --text."),
    ] = None,
    model: ModelOption = AUTO,
    device: DeviceOption = Device.AUTO,
    precision: PrecisionOption = Precision.AUTO,
    memory: MemoryOption = None,
    preview: Annotated[
        Path | None, typer.Option(metavar="OUT.png", parser=named_path, help="Also save a picture of the result.")
    ] = None,
    deflate: DeflateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Segment structures of a CT automatically; by default all that VISTA3D knows.

    Each --text makes a segment of its own; a name that VISTA3D has no class for is read by SegVol.
    """
    if sys.stderr.isatty():
        echo(f"Segmenting {scan}.", err=True)
    # Only now: what is imported here takes longer than the first line may.
    from vistaseg.cli.model_choice import require_one_way
    from vistaseg.cli.places import parse_box
    from vistaseg.cli.report import RunRequest
    from vistaseg.cli.run import run
    from vistaseg.pipeline.model_choice import models_for
    from vistaseg.pipeline.plan import Plan
    from vistaseg.pipeline.prompting import parse_texts
    from vistaseg.pipeline.structures import RequestedStructures

    prompted = text is not None or box is not None
    require_one_way(prompted, (classes, preset, roi), model)
    texts = parse_texts(text)
    plan = Plan(
        RequestedStructures.parse(classes, preset),
        texts=texts,
        models=models_for(model, texts, box is not None),
        device=device.value,
        precision=precision.value,
        memory=memory,
    )
    request = RunRequest(scan, output, plan, series, preview, deflate=deflate)
    report = run(request, *(None if text is None else parse_box(text) for text in (roi, box)))
    if as_json:
        echo_json(report)
