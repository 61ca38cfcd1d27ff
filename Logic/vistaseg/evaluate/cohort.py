"""Cases in files: the list of them, and the evaluation of one."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vistaseg.errors import InputError
from vistaseg.evaluate.case import evaluate_case
from vistaseg.evaluate.combinations import Combination
from vistaseg.evaluate.results import CaseResult
from vistaseg.evaluate.truth import read_truth
from vistaseg.models.protocol import SegmentationModel
from vistaseg.progress import Progress, silent
from vistaseg.session import Session
from vistaseg.volume import check_ct, read_volume

_COLUMNS = ("ct", "truth")


@dataclass(frozen=True)
class CaseFiles:
    """A case: what to call it, its CT and its truth; of a DICOM folder also which series, None for the largest CT."""

    name: str
    ct: Path
    truth: Path
    series: str | None = None


@dataclass(frozen=True)
class EvaluationPlan:
    """What is done with each case.

    Attributes:
        clicks: for each structure.
        box: whether the box around the structure comes first.
        correct: whether the clicks correct the automatic mask, where the model knows the structure.
        structures: names, "liver, spleen", for only these.
        names: what the labels of the truths mean, see `read_truth`.
        prompts: combinations of prompts that each structure is also segmented with, see `parse_combinations`.
        zero_shot: whether every structure is clicked on as one without a class.
    """

    clicks: int = 5
    box: bool = False
    correct: bool = False
    structures: str | None = None
    names: Mapping[str, str] | None = None
    prompts: tuple[Combination, ...] = ()
    zero_shot: bool = False


def evaluate_files(
    files: CaseFiles, model: SegmentationModel, plan: EvaluationPlan = EvaluationPlan(), progress: Progress = silent
) -> CaseResult:
    """Read a case and evaluate it.

    Raises:
        VistaSegError: a file cannot be used, or the work was stopped.
    """
    volume = read_volume(files.ct, files.series)
    warnings = check_ct(volume)
    truth = read_truth(files.truth, volume, plan.names)
    if plan.structures is not None:
        truth = truth.only(plan.structures)
    session = Session(volume, model)
    results = evaluate_case(session, truth, plan.clicks, plan.box, progress, plan.correct, plan.prompts, plan.zero_shot)
    return CaseResult(files.name, results, (*warnings, *truth.notes))


def read_cohort(path: Path) -> list[CaseFiles]:
    """Read a table of cases, CSV with the columns ct, truth and perhaps series; paths are relative to the table.

    Raises:
        InputError: it cannot be read, lacks a column, a row lacks a path, or it has no row.
    """
    # A pipe or a device may never end.
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is not a file: give a table in CSV.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [(number, _stripped(row)) for number, row in enumerate(csv.DictReader(file), start=1)]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}): check the path.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not CSV text ({error}).") from error
    cases = [_case(path, number, row) for number, row in rows if any(row.values())]
    if not cases:
        raise InputError(f"{path} lists no case: write the columns ct and truth, and a row for each case.")
    return cases


def _stripped(row: dict[str | None, str | None]) -> dict[str, str]:
    return {(key or "").strip().lower(): value.strip() for key, value in row.items() if isinstance(value, str)}


def _case(path: Path, number: int, row: dict[str, str]) -> CaseFiles:
    missing = [column for column in _COLUMNS if not row.get(column)]
    if missing:
        raise InputError(f"{path}, case {number}: there is no {' and no '.join(missing)}. Its columns are ct,truth.")
    return CaseFiles(row["ct"], path.parent / row["ct"], path.parent / row["truth"], row.get("series") or None)
