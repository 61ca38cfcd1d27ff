"""`vistaseg evaluate`: how good a model is in the hands of a simulated user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vistaseg import __version__
from vistaseg.cli.console import echo, echo_json, table_console
from vistaseg.cli.options import (
    Device,
    DeviceOption,
    JsonOption,
    OneModelOption,
    OptionalScanArgument,
    Precision,
    PrecisionOption,
    SeriesOption,
    named_path,
)
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.errors import CancelledError, InputError, UsageError, VistaSegError
from vistaseg.io import write_bytes
from vistaseg.models.registry import PREFERRED

if TYPE_CHECKING:
    from vistaseg.evaluate import CaseFiles, CaseResult, EvaluationPlan, FailedCase
    from vistaseg.models.protocol import SegmentationModel


@dataclass(frozen=True)
class _Evaluation:
    """What was evaluated, how, and what came of it; at least one case has a result."""

    model: SegmentationModel
    plan: EvaluationPlan
    results: tuple[CaseResult, ...]
    failed: tuple[FailedCase, ...]


_TruthOption = Annotated[
    Path | None,
    typer.Option(
        "--truth",
        metavar="LABELS",
        parser=named_path,
        help="Ground truth: a label map of class ids, or a .seg.nrrd with names.",
    ),
]
_CohortOption = Annotated[
    Path | None,
    typer.Option(
        "--cohort",
        metavar="CASES.csv",
        parser=named_path,
        help="Several cases: a table with the columns ct, truth and, for DICOM, series.",
    ),
]
_NamesOption = Annotated[
    Path | None,
    typer.Option(
        "--names",
        metavar="NAMES.json",
        parser=named_path,
        help='What the labels mean: {"1": "spleen"}, {"segment": "spleen"}, or the table of a label map.',
    ),
]


def evaluate_command(
    scan: OptionalScanArgument = None,
    truth: _TruthOption = None,
    series: SeriesOption = None,
    cohort: _CohortOption = None,
    names: _NamesOption = None,
    structures: Annotated[
        str | None, typer.Option(metavar="NAMES", help='Evaluate only these, for example "liver, spleen".')
    ] = None,
    model: OneModelOption = PREFERRED[0],
    clicks: Annotated[int, typer.Option(min=1, help="Clicks per structure.")] = 5,
    box: Annotated[bool, typer.Option("--box", help="Start with the box around the structure.")] = False,
    correct: Annotated[
        bool, typer.Option("--correct", help="Start from the automatic masks where the model has them.")
    ] = False,
    zero_shot: Annotated[
        bool, typer.Option("--zero-shot", help="Click on every structure as on one without a class.")
    ] = False,
    prompts: Annotated[
        str | None,
        typer.Option(
            metavar="KINDS", help="Also prompt once with each of these, for example text,point,box,point+text,box+text."
        ),
    ] = None,
    device: DeviceOption = Device.AUTO,
    precision: PrecisionOption = Precision.AUTO,
    picture: Annotated[
        Path | None, typer.Option(metavar="OUT.png", parser=named_path, help="Also plot Dice against clicks.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Measure a model on labelled CTs: automatic masks, and clicks of a simulated user.

    SegVol has no automatic answer: of it, only answers to prompts are measured.
    """
    from vistaseg.evaluate import EvaluationPlan, parse_combinations, read_names

    _check_picture(picture)
    cases = _cases(scan, truth, series, cohort)
    if box and correct:
        raise UsageError("A box begins a structure, --correct goes on from one: leave one of the two out.")
    if zero_shot and correct:
        raise UsageError("--correct asks for classes, which --zero-shot leaves out: leave one of the two out.")
    combinations = () if prompts is None else parse_combinations(prompts)
    plan = EvaluationPlan(
        clicks, box, correct, structures, None if names is None else read_names(names), combinations, zero_shot
    )
    loaded = _load(model, device.value, precision.value)
    evaluation = _evaluate_case(cases[0], loaded, plan) if cohort is None else _evaluate_cohort(cases, loaded, plan)
    _show(evaluation, as_json)
    if picture is not None:
        _draw(evaluation, picture)
    _tell_failures(evaluation)


def _check_picture(path: Path | None) -> None:
    """Before the long work."""
    if path is not None:
        from vistaseg.evaluate import require_matplotlib
        from vistaseg.preview import check_preview_path

        check_preview_path(path)
        require_matplotlib()


def _cases(scan: Path | None, truth: Path | None, series: str | None, cohort: Path | None) -> list[CaseFiles]:
    from vistaseg.evaluate import CaseFiles, read_cohort

    if cohort is not None and scan is None and truth is None and series is None:
        return read_cohort(cohort)
    if cohort is None and scan is not None and truth is not None:
        return [CaseFiles(str(scan), scan, truth, series)]
    raise UsageError("Give either a CT and --truth LABELS, or --cohort CASES.csv.")


def _load(key: str, device: str, precision: str) -> SegmentationModel:
    from vistaseg.compute import choose_compute, describe_device
    from vistaseg.models.registry import load_model

    compute = choose_compute(device, precision)
    model = load_model(key, compute)
    echo(f"{model.identity.title} on {describe_device(compute.device)}, {compute.precision}.", err=True)
    return model


def _evaluate(files: CaseFiles, model: SegmentationModel, plan: EvaluationPlan) -> CaseResult:
    from vistaseg.compute import memory_guard
    from vistaseg.evaluate import evaluate_files

    with memory_guard("the evaluation"), ProgressBar() as progress:
        result = evaluate_files(files, model, plan, progress)
    for note in result.notes:
        echo(f"Warning: {files.name}: {note}", err=True)
    return result


def _evaluate_case(files: CaseFiles, model: SegmentationModel, plan: EvaluationPlan) -> _Evaluation:
    return _Evaluation(model, plan, (_evaluate(files, model, plan),), ())


def _evaluate_cohort(cases: Sequence[CaseFiles], model: SegmentationModel, plan: EvaluationPlan) -> _Evaluation:
    """A bad case is named, and the others go on."""
    from vistaseg.evaluate import FailedCase

    results: list[CaseResult] = []
    failed: list[FailedCase] = []
    for number, files in enumerate(cases, start=1):
        echo(f"Case {number} of {len(cases)}: {files.name}", err=True)
        try:
            results.append(_evaluate(files, model, plan))
        except CancelledError:
            raise
        except VistaSegError as error:
            echo(f"Left out: {error}", err=True)
            failed.append(FailedCase(files.name, str(error)))
    if not results:
        raise InputError("No case could be evaluated, for the reasons above.")
    return _Evaluation(model, plan, tuple(results), tuple(failed))


def _show(evaluation: _Evaluation, as_json: bool) -> None:
    if as_json:
        echo_json(_report(evaluation))
        return
    from vistaseg.evaluate import count_falls, mean_curve, mean_curves, prompt_table, score_tables

    curves = mean_curves(evaluation.results)
    mean = mean_curve("mean", curves)
    tables = [*score_tables(curves, mean), *([prompt_table(curves, mean)] if evaluation.plan.prompts else [])]
    table_console().print(*tables, sep="\n")
    peak = max(step.peak_bytes for case in evaluation.results for result in case.structures for step in result.steps)
    fell, steps = count_falls(evaluation.results, evaluation.plan.correct)
    echo(*_agreement(evaluation))
    echo(f"Dice fell by more than 0.01 in {fell} of {steps} steps.")
    echo(f"Most memory while clicking: {peak / 1e9:.1f} GB.")


def _agreement(evaluation: _Evaluation) -> list[str]:
    """A line on what the confidence is worth; nothing where the model says none."""
    from vistaseg.evaluate import POOR_DICE, confidence_agreement
    from vistaseg.segmentation.confidence import LOW_CONFIDENCE

    found = confidence_agreement(evaluation.results)
    if not found.masks:
        return []
    alike = (
        "" if found.rank_correlation is None else f" Its rank correlation with Dice is {found.rank_correlation:.2f}."
    )
    return [
        f"Confidence is below {LOW_CONFIDENCE:g} in {found.poor_marked} of {found.poor} automatic masks with a Dice "
        f"below {POOR_DICE:g}, and in {found.good_marked} of {found.masks - found.poor} others.{alike}"
    ]


def _report(evaluation: _Evaluation) -> dict[str, Any]:
    from vistaseg.evaluate import (
        TOLERANCE_MM,
        case_as_dict,
        combination_name,
        confidence_agreement,
        count_falls,
        curve_as_dict,
        mean_curve,
        mean_curves,
    )

    model, plan, curves = evaluation.model, evaluation.plan, mean_curves(evaluation.results)
    return {
        "software": f"VistaSeg {__version__}",
        "model": model.identity.title,
        "notice": model.notice,
        "weights_sha256": model.identity.weights_sha256,
        **model.computed_on,
        "protocol": {
            "clicks": plan.clicks,
            "box": plan.box,
            "correct": plan.correct,
            "zero_shot": plan.zero_shot,
            "prompts": [combination_name(combination) for combination in plan.prompts],
            "tolerance_mm": TOLERANCE_MM,
        },
        "cases": [case_as_dict(case) for case in evaluation.results],
        "failed": [{"name": case.name, "reason": case.reason} for case in evaluation.failed],
        "structures": [curve_as_dict(curve) for curve in curves],
        "confidence": asdict(confidence_agreement(evaluation.results)),
        "falls": dict(zip(("fell", "steps"), count_falls(evaluation.results, plan.correct), strict=True)),
        "mean": curve_as_dict(mean_curve("mean", curves)),
    }


def _draw(evaluation: _Evaluation, path: Path) -> None:
    from vistaseg.evaluate import mean_curve, mean_curves, picture_png

    curves = mean_curves(evaluation.results)
    title = f"{evaluation.model.identity.title}, {len(evaluation.results)} CT{'s' * (len(evaluation.results) > 1)}"
    picture = picture_png(curves, mean_curve("mean", curves), title)
    write_bytes(path, picture)


def _tell_failures(evaluation: _Evaluation) -> None:
    """At the end, so that the mean is not taken for that of all cases.

    Raises:
        InputError: a case was left out.
    """
    if evaluation.failed:
        names = ", ".join(case.name for case in evaluation.failed)
        total = len(evaluation.results) + len(evaluation.failed)
        raise InputError(f"{len(evaluation.failed)} of {total} cases could not be evaluated: {names}.")
