"""`vistaseg cohort`: a folder of studies in, a segmentation of each out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from vistaseg.cli.cohort_run import Cohort, run_cohort
from vistaseg.cli.cohort_table import Status, StudyRow
from vistaseg.cli.console import echo, echo_json
from vistaseg.cli.model_choice import require_one_way
from vistaseg.cli.options import (
    ClassesOption,
    DeflateOption,
    Device,
    DeviceOption,
    JsonOption,
    MemoryOption,
    ModelOption,
    Precision,
    PrecisionOption,
    PresetOption,
    ResultForm,
    TextOption,
    named_path,
)
from vistaseg.cli.report import RunRequest
from vistaseg.errors import InputError
from vistaseg.pipeline.model_choice import AUTO, models_for
from vistaseg.pipeline.plan import Plan
from vistaseg.pipeline.prompting import parse_texts
from vistaseg.pipeline.structures import RequestedStructures


def cohort_command(
    studies: Annotated[
        Path,
        typer.Argument(
            metavar="STUDIES", parser=named_path, help="A folder with a subfolder of DICOM files for each study."
        ),
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="FOLDER", parser=named_path, help="Folder for the results.")
    ],
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="REPORT.csv", parser=named_path, help="Table of the studies; by default FOLDER/report.csv."
        ),
    ] = None,
    form: Annotated[ResultForm, typer.Option("--format", help="Format of the results.")] = ResultForm.SEG_NRRD,
    classes: ClassesOption = None,
    preset: PresetOption = None,
    text: TextOption = None,
    model: ModelOption = AUTO,
    device: DeviceOption = Device.AUTO,
    precision: PrecisionOption = Precision.AUTO,
    memory: MemoryOption = None,
    deflate: DeflateOption = False,
    as_json: JsonOption = False,
) -> None:
    """Segment the largest CT of each study; a study that fails does not stop the others.

    Started again, it goes on where it stopped, and tries again what failed.
    """
    require_one_way(text is not None, (classes, preset), model)
    texts = parse_texts(text)
    plan = Plan(
        RequestedStructures.parse(classes, preset),
        texts=texts,
        models=models_for(model, texts),
        device=device.value,
        precision=precision.value,
        memory=memory,
    )
    request = RunRequest(studies, str(output), plan, deflate=deflate)
    request_text = _request_text(model, classes=classes, preset=preset, text=", ".join(text or ()) or None)
    cohort = Cohort(request, request_text, f".{form.value}", report or output / "report.csv")
    rows = run_cohort(cohort)
    if as_json:
        echo_json([row.as_dict() for row in rows])
    _tell(rows, cohort.table)


def _request_text(model: str, **choices: str | None) -> str:
    parts = [f"{name} {value}" for name, value in choices.items() if value is not None]
    return "; ".join([f"model {model}", *parts])


def _tell(rows: Sequence[StudyRow], table: Path) -> None:
    """At the end, so that the results are not taken for those of all studies.

    Raises:
        InputError: a study failed, or there is none.
    """
    if not rows:
        raise InputError("No study found here. Give the folder that holds a folder for each study.")
    failed = [row for row in rows if row.status is Status.FAILED]
    echo(f"{len(rows) - len(failed)} of {len(rows)} studies are done, see {table}.", err=True)
    if failed:
        names = ", ".join(row.folder for row in failed)
        raise InputError(f"{len(failed)} of {len(rows)} studies failed, for the reasons above: {names}.")
