"""`vistaseg identify`: what is this? Names for a click, a box or a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import groupby
from typing import TYPE_CHECKING, Annotated

import typer

from vistaseg.cli.console import echo, echo_json
from vistaseg.cli.model_choice import models_to_identify
from vistaseg.cli.opening import open_session
from vistaseg.cli.options import (
    SPACES,
    Device,
    DeviceOption,
    JsonOption,
    MaskOption,
    ModelOption,
    Precision,
    PrecisionOption,
    ScanArgument,
    SeriesOption,
)
from vistaseg.cli.places import TypedBox, TypedPoint, parse_box, parse_point
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.cli.starting_mask import StartingMask, read_starting_mask
from vistaseg.errors import UsageError
from vistaseg.pipeline.model_choice import AUTO

if TYPE_CHECKING:
    from vistaseg.session import Identification

_MEASURES = {"probability": "probability among the names it was trained with", "overlap": "Dice with its classes"}


def identify_command(
    scan: ScanArgument,
    series: SeriesOption = None,
    point: Annotated[str | None, typer.Option(metavar="R,A,S", help=f"A place in the structure, {SPACES}.")] = None,
    box: Annotated[
        str | None, typer.Option(metavar="R,A,S:R,A,S", help=f"A box around the structure, {SPACES}.")
    ] = None,
    mask: MaskOption = None,
    segment: Annotated[str | None, typer.Option(metavar="NAME", help="Segment of --mask.")] = None,
    model: ModelOption = AUTO,
    limit: Annotated[int, typer.Option(min=1, help="Names per model.")] = 5,
    device: DeviceOption = Device.AUTO,
    precision: PrecisionOption = Precision.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Rank the names that fit a click, a box or a segment of a file."""
    if [point, box, mask].count(None) != 2 or (segment is not None and mask is None):
        raise UsageError("Give one of --point, --box and --mask; --segment goes with --mask.")
    what = read_starting_mask(mask, segment) if mask is not None else _place(point, box)
    typed = () if isinstance(what, StartingMask) else (what,)
    models = models_to_identify(model)
    with open_session(scan, series, models, device.value, precision.value, typed) as (session, _, prompts):
        subject = what.mask_on(session.volume) if isinstance(what, StartingMask) else prompts[0]
        with ProgressBar() as progress:
            found = session.identify(subject, progress, encode=True)
    shown = [name for _, names in groupby(found, lambda one: one.model) for name in list(names)[:limit]]
    if as_json:
        echo_json([asdict(one) for one in shown])
    else:
        _show(shown)


def _place(point: str | None, box: str | None) -> TypedPoint | TypedBox:
    return parse_box(box) if box is not None else parse_point(point or "")


def _show(found: Sequence[Identification]) -> None:
    for (model, measure), names in groupby(found, lambda one: (one.model, one.measure)):
        echo(f"{model}: {_MEASURES[measure]}")
        for one in names:
            echo(f"  {one.value:5.3f}  {one.name}")
