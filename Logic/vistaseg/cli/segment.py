"""`vistaseg segment`: a scan in, a segmentation out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vistaseg import catalog
from vistaseg.cli.run import Request, run
from vistaseg.errors import UsageError
from vistaseg.prompts import RegionOfInterest


def segment_command(
    scan: Annotated[Path, typer.Argument(metavar="INPUT", help="CT: NIfTI, NRRD, MHA or a DICOM folder.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help="OUT.seg.nrrd, OUT.nii.gz, or a folder ending in /."),
    ],
    classes: Annotated[
        str | None, typer.Option(metavar="NAMES", help='Structures, for example "liver, left kidney".')
    ] = None,
    preset: Annotated[str | None, typer.Option(metavar="NAME", help="A preset, see `vistaseg classes`.")] = None,
    roi: Annotated[
        str | None, typer.Option(metavar="R,A,S:R,A,S", help="Two corners of a region of interest, in mm.")
    ] = None,
    model: Annotated[str, typer.Option(help="vista3d, or demo for the small model in the box.")] = "vista3d",
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    preview: Annotated[Path | None, typer.Option(metavar="OUT.png", help="Also draw a picture of the result.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a report as JSON.")] = False,
) -> None:
    """Segment structures of a CT automatically."""
    request = Request(
        scan,
        output,
        chosen_classes(classes, preset),
        None if roi is None else parse_roi(roi),
        model,
        device,
        precision,
        preview,
    )
    report = run(request)
    if as_json:
        typer.echo(json.dumps(report, indent=1))


def chosen_classes(classes: str | None, preset: str | None) -> tuple[int, ...] | None:
    """Ids of the classes and of the preset; None when neither is given: everything the model knows.

    Raises:
        UsageError: an unknown class or preset.
    """
    if classes is None and preset is None:
        return None
    ids = catalog.parse_classes(classes) if classes is not None else []
    if preset is not None:
        presets = catalog.presets()
        if preset not in presets:
            raise UsageError(f"Unknown preset {preset!r}: choose one of {', '.join(presets)}.")
        ids = [*ids, *presets[preset].ids]
    return tuple(dict.fromkeys(ids))


def parse_roi(text: str) -> RegionOfInterest:
    """ "R,A,S:R,A,S" in mm.

    Raises:
        UsageError: the text is not two points.
    """
    try:
        one, other = (tuple(float(v) for v in corner.split(",")) for corner in text.split(":"))
        (r1, a1, s1), (r2, a2, s2) = one, other
    except ValueError as error:
        raise UsageError(f"{text!r} is no region: write two corners in mm as R,A,S:R,A,S.") from error
    return RegionOfInterest.between((r1, a1, s1), (r2, a2, s2))
