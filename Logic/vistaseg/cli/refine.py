"""`vistaseg refine`: texts, boxes and clicks on one structure, from nothing or from a mask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vistaseg import catalog
from vistaseg.cli.console import echo, echo_json, warn
from vistaseg.cli.console_reporter import ConsoleReporter
from vistaseg.cli.model_choice import models_to_replay
from vistaseg.cli.opening import Scan, open_session
from vistaseg.cli.options import (
    SPACES,
    DeflateOption,
    Device,
    DeviceOption,
    JsonOption,
    MaskOption,
    ModelOption,
    OutputOption,
    Precision,
    PrecisionOption,
    ScanArgument,
    SeriesOption,
    TextOption,
    named_path,
)
from vistaseg.cli.outputs import (
    check_session_place,
    kept_to_this_run,
    require_room_for_corrections,
    spare_scan,
)
from vistaseg.cli.places import Asked, parse_box, parse_point
from vistaseg.cli.report import look_note, segment_rows
from vistaseg.cli.results import check_output, kept_if_lost, require_series, write_result
from vistaseg.cli.session_files import read_session, session_bytes
from vistaseg.cli.starting_mask import StartingMask, read_starting_mask
from vistaseg.errors import UsageError
from vistaseg.io import together, write_bytes
from vistaseg.pipeline.loading import check_texts
from vistaseg.pipeline.model_choice import AUTO, models_for
from vistaseg.pipeline.prompting import answer_prompts, meant_by, parse_texts
from vistaseg.prompts import Prompt, Text

if TYPE_CHECKING:
    from vistaseg.segmentation import Segmentation
    from vistaseg.session import Session


class Merging(str, Enum):
    """Rules by which clicks change a mask, see `vistaseg.models.recipe.RULES`."""

    TOUCHED = "touched"
    PUBLISHED = "published"


@dataclass(frozen=True)
class _Structure:
    """What is refined.

    Attributes:
        name: of the segment; None where the texts name it.
        class_id: of the catalogue; None for a structure without a class, or where the texts mean one.
        known_organ: whether one without a class is of a kind that VISTA3D was trained on.
        start: the segment of a file to go on from, or None.
    """

    name: str | None
    class_id: int | None
    start: StartingMask | None
    known_organ: bool = False


_ReplayOption = Annotated[
    Path | None,
    typer.Option("--replay", metavar="SESSION.json", parser=named_path, help="Replay a saved session."),
]
_SaveOption = Annotated[
    Path | None,
    typer.Option("--save-session", metavar="SESSION.json", parser=named_path, help="Save the prompts for --replay."),
]


def refine_command(
    scan: ScanArgument,
    output: OutputOption,
    series: SeriesOption = None,
    text: TextOption = None,
    box: Annotated[
        list[str] | None,
        typer.Option(metavar="R,A,S:R,A,S", help=f"A box around the structure, {SPACES}; applied before the clicks."),
    ] = None,
    point: Annotated[
        list[str] | None,
        typer.Option(metavar="R,A,S:+", help=f"A click, {SPACES}; :+ inside the structure, :- outside."),
    ] = None,
    class_name: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="Class of the structure; by default none.")
    ] = None,
    known_organ: Annotated[
        bool,
        typer.Option(
            "--known-organ", help="Without --class: treat it as an organ VISTA3D was trained on, not as something new."
        ),
    ] = False,
    merging: Annotated[
        Merging | None,
        typer.Option("--merging", help="How clicks change a mask: touched (VistaSeg) or published (MONAI)."),
    ] = None,
    mask: MaskOption = None,
    segment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Segment of --mask, or name of the result.")
    ] = None,
    replay: _ReplayOption = None,
    save: _SaveOption = None,
    model: ModelOption = AUTO,
    device: DeviceOption = Device.AUTO,
    precision: PrecisionOption = Precision.AUTO,
    deflate: DeflateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Segment one structure by texts, boxes and clicks, or correct a mask."""
    texts = parse_texts(text)
    typed: list[Asked] = [*texts, *map(parse_box, box or ()), *map(parse_point, point or ())]
    described = known_organ or any(option is not None for option in (mask, class_name, segment, merging))
    _require_one_way(typed, replay, described)
    structure = replace(_structure(class_name, mask, segment), known_organ=known_organ)
    _require_no_class(structure)
    document = None if replay is None else read_session(replay)
    models = models_for(model, texts, bool(box)) if document is None else models_to_replay(model, document)
    _check_outputs(scan, output, save, mask, structure)
    check_texts(models, texts)
    keep = document is not None or len(texts) > 1
    rule = None if merging is None else merging.value
    opening = open_session(
        scan, series, models, device.value, precision.value, typed, document, keep, output=output, merging=rule
    )
    with kept_to_this_run(output):
        with opening as (session, opened, prompts):
            structure = _on_scan(structure, opened)
            answers = [] if document is not None else _answer(session, structure, texts, prompts, output)
            made = session.segmentation()
            result = made if structure.start is None else structure.start.with_segment(made)
        _write(session, opened, result, output, save, deflate)
    rows = segment_rows(result)
    _warn_of(rows)
    if as_json:
        echo_json({"output": output, "segments": rows, "prompts": answers})


def _warn_of(rows: Sequence[dict[str, Any]]) -> None:
    note = look_note(rows)
    if note:
        warn(note)


def _require_one_way(typed: Sequence[Asked], replay: Path | None, described: bool) -> None:
    if replay is None and not typed:
        raise UsageError("Give at least one --text, --box or --point, or a session with --replay.")
    if replay is not None and (typed or described):
        raise UsageError(
            "A saved session holds its prompts, masks, names, classes and rules: give --replay without others."
        )


def _require_no_class(structure: _Structure) -> None:
    if structure.known_organ and structure.class_id is not None:
        raise UsageError("A structure with a class is known by it: give --known-organ without --class.")


def _structure(class_name: str | None, mask: Path | None, segment: str | None) -> _Structure:
    class_id = None if class_name is None else _class_id(class_name)
    if mask is None:
        return _Structure(segment or class_name, class_id, None)
    start = read_starting_mask(mask, segment)
    return _Structure(start.segment.name, start.clickable_class if class_id is None else class_id, start)


def _class_id(name: str) -> int:
    ids = catalog.parse_classes(name)
    if len(ids) != 1:
        raise UsageError(f"{name!r} stands for several structures. Name the one that you click on.")
    return ids[0]


def _on_scan(structure: _Structure, scan: Scan) -> _Structure:
    start = structure.start
    return structure if start is None else replace(structure, start=start.on_series(scan.series))


def _check_outputs(scan: Path, output: str, save: Path | None, mask: Path | None, structure: _Structure) -> None:
    """Say before the work, not after it, what cannot be written."""
    start, name = structure.start, structure.name
    names = [segment.name for segment in start.segmentation.segments] if start else [name] if name else []
    check_output(output, names)
    require_series(scan, output)
    spare_scan(scan, output)
    require_room_for_corrections(output, len(names))
    if save is not None:
        check_session_place(save, output, scan, *(() if mask is None else (mask,)))


def _answer(
    session: Session, structure: _Structure, texts: Sequence[Text], prompts: Sequence[Prompt], output: str
) -> list[dict[str, Any]]:
    """Start the segment, and answer its prompts one after the other."""
    name, class_id = structure.name, structure.class_id
    if texts and structure.start is None and class_id is None:
        meant, class_id = meant_by(session, texts)
        name = name or meant
    elif texts and class_id is not None:
        _require_same_class(session, texts, class_id)
    name = name or "segment"
    check_output(output, [name] if structure.start is None else [])
    session.start(name, class_id, known_organ=structure.known_organ and class_id is None)
    if structure.start is not None:
        session.set_mask(name, structure.start.mask_on(session.volume))
    return answer_prompts(session, prompts, name, ConsoleReporter())


def _require_same_class(session: Session, texts: Sequence[Text], class_id: int) -> None:
    """A text for another structure would put it under the name and codes of the class."""
    for text in texts:
        ids = session.route(text).class_ids
        if ids and ids != (class_id,):
            raise UsageError(f'"{text.text}" is not {catalog.get(class_id).name}: leave one of the two out.')


def _write(session: Session, scan: Scan, result: Segmentation, output: str, save: Path | None, deflate: bool) -> None:
    """Both or none; a result that cannot be written as wanted is kept."""
    with kept_if_lost(result, output), together():
        if save is not None:
            write_bytes(save, session_bytes(session))
        write_result(result, scan.series, output, deflate)
    echo(f"Written to {output}.", err=True)
    if not result.segments:
        echo("It holds no segment: nothing was found, or all of it was taken away.", err=True)
