"""`vistaseg refine`: clicks and boxes on one structure, from nothing or from a mask."""

from __future__ import annotations

import json
import re
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vistaseg import catalog
from vistaseg.cli.outputs import check_beside, put_beside, spare_scan
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.cli.question import parse_roi
from vistaseg.cli.segment import Device, Model, Precision
from vistaseg.cli.session_files import read_session, session_bytes
from vistaseg.cli.starting_mask import StartingMask, read_starting_mask
from vistaseg.errors import UsageError
from vistaseg.prompts import Point, Prompt

if TYPE_CHECKING:
    from vistaseg.segmentation import Segmentation
    from vistaseg.session import Session

_POINT = re.compile(r"\s*([^,\s]+)\s*,\s*([^,\s]+)\s*,\s*([^,:\s]+)\s*(?::\s*([+-]))?\s*")


def refine_command(
    scan: Annotated[Path, typer.Argument(metavar="INPUT", help="CT: NIfTI, NRRD, MHA or a DICOM folder.")],
    output: Annotated[
        str, typer.Option("-o", "--output", metavar="OUT", help="OUT.seg.nrrd, OUT.nii.gz, or a folder ending in /.")
    ],
    point: Annotated[
        list[str] | None, typer.Option(metavar="R,A,S:+", help="A click in mm, :- where the structure is not.")
    ] = None,
    box: Annotated[
        list[str] | None, typer.Option(metavar="R,A,S:R,A,S", help="A box around the structure; before the clicks.")
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="What the structure is; else one without a class.")
    ] = None,
    mask: Annotated[Path | None, typer.Option(metavar="IN", help="A segmentation of the scan to go on from.")] = None,
    segment: Annotated[str | None, typer.Option(metavar="NAME", help="Which segment of it, or of the result.")] = None,
    replay: Annotated[Path | None, typer.Option(metavar="SESSION.json", help="Do a saved session again.")] = None,
    save: Annotated[
        Path | None, typer.Option("--save-session", metavar="SESSION.json", help="Save the prompts, to do them again.")
    ] = None,
    model: Annotated[Model, typer.Option(help="demo is the small model in the box.")] = Model.VISTA3D,
    device: Annotated[Device, typer.Option(help="auto takes a GPU where there is one.")] = Device.AUTO,
    precision: Annotated[Precision, typer.Option(help="auto takes bf16 where it is faster.")] = Precision.AUTO,
    as_json: Annotated[bool, typer.Option("--json", help="Print a report as JSON.")] = False,
) -> None:
    """Segment one structure by clicks and boxes, or correct a mask: only what a click touches changes."""
    from vistaseg.cli.opening import open_session

    prompts: list[Prompt] = [*(parse_roi(text) for text in box or ()), *(parse_point(text) for text in point or ())]
    _require_one_way(prompts, replay, mask is not None or class_name is not None or segment is not None)
    class_id = None if class_name is None else _class_id(class_name)
    document = None if replay is None else read_session(replay)
    start = None if mask is None else read_starting_mask(mask, segment)
    name = start.segment.name if start is not None else segment or class_name or "segment"
    _check_outputs(scan, output, save, mask, start, name)
    if class_id is None and start is not None:
        class_id = start.clickable_class
    answers = []
    with open_session(scan, model.value, device.value, precision.value, document) as session:
        if document is None:
            answers = _answer(session, name, class_id, start, prompts)
        result = session.segmentation() if start is None else start.with_segment(session.segmentation())
    _write(session, result, output, save)
    if as_json:
        typer.echo(json.dumps({"output": output, "segments": _rows(result), "prompts": answers}, indent=1))


def parse_point(text: str) -> Point:
    """ "R,A,S:+" or "R,A,S:-" in mm; without a sign it is a positive click.

    Raises:
        UsageError: the text is no click.
    """
    found = _POINT.fullmatch(text)
    try:
        if found is None:
            raise ValueError(text)
        r, a, s = (float(value) for value in found.groups()[:3])
    except ValueError as error:
        raise UsageError(f"{text!r} is no click: write its place in mm and its sign as R,A,S:+ or R,A,S:-.") from error
    return Point((r, a, s), found[4] != "-")


def _require_one_way(prompts: list[Prompt], replay: Path | None, described: bool) -> None:
    if replay is None and not prompts:
        raise UsageError("Give at least one --point or --box, or a session with --replay.")
    if replay is not None and (prompts or described):
        raise UsageError("A saved session holds its prompts, masks, names and classes: give --replay without others.")


def _check_outputs(
    scan: Path, output: str, save: Path | None, mask: Path | None, start: StartingMask | None, name: str
) -> None:
    """Say before the work, not after it, what cannot be written."""
    from vistaseg.segmentation import check_writable

    names = [name] if start is None else [segment.name for segment in start.segmentation.segments]
    check_writable(output, names)
    spare_scan(scan, output)
    if len(names) > 1 and output.lower().endswith((".nii", ".nii.gz")):
        raise UsageError(
            "A label map cannot hold segments that come to overlap, as corrected ones may. Write a .seg.nrrd file, or "
            "a folder with one NIfTI file per structure."
        )
    if save is not None:
        check_beside(save, scan, Path(output), *(() if mask is None else (mask,)))


def _class_id(name: str) -> int:
    ids = catalog.parse_classes(name)
    if len(ids) != 1:
        raise UsageError(f"{name!r} stands for several structures. Name the one that you click on.")
    return ids[0]


def _answer(
    session: Session, name: str, class_id: int | None, start: StartingMask | None, prompts: list[Prompt]
) -> list[dict[str, Any]]:
    """Answer the prompts one after the other, and tell how each went."""
    session.start(name, class_id)
    if start is not None:
        session.set_mask(name, start.mask_on(session.volume))
    return [_answered(session, prompt, name) for prompt in prompts]


def _answered(session: Session, prompt: Prompt, name: str) -> dict[str, Any]:
    begin = time.perf_counter()
    with ProgressBar() as progress:
        answer = session.add(prompt, name, progress)
    seconds = time.perf_counter() - begin
    if answer.note:
        typer.echo(answer.note, err=True)
    if answer.changed is None:
        typer.echo("A prompt changed nothing: the model sees no more to add or to take away there.", err=True)
    return prompt.as_dict() | {"seconds": round(seconds, 3), "voxels": int(answer.mask.sum()), "note": answer.note}


def _write(session: Session, result: Segmentation, output: str, save: Path | None) -> None:
    """Both or none."""
    from vistaseg.segmentation import write_segmentation

    with ExitStack() as beside:
        if save is not None:
            put_beside(beside, save, session_bytes(session))
        write_segmentation(result, output)
    typer.echo(f"Written to {output}.", err=True)
    if not result.segments:
        typer.echo("It holds no segment: nothing was found, or all of it was taken away.", err=True)


def _rows(result: Segmentation) -> list[dict[str, Any]]:
    return [{"name": s.name, "voxels": s.voxel_count, "ml": round(result.volume_ml(s), 2)} for s in result.segments]
