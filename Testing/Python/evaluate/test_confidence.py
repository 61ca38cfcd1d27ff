from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from vistaseg.evaluate import (
    Agreement,
    CaseResult,
    Curve,
    EvaluatedStep,
    GroundTruthStructure,
    Scores,
    StructureResult,
    Truth,
    case_as_dict,
    confidence_agreement,
    evaluate_case,
    mean_curve,
    score_tables,
)
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.segmentation.confidence import with_confidence

RIGHT_KIDNEY, LEFT_KIDNEY = 5, 14


def structure(dice: float | None, confidence: float | None, name: str = "liver") -> StructureResult:
    automatic = None if dice is None else Scores(dice, dice)
    return StructureResult(name, 1, (EvaluatedStep(1, 0.5, 0.5, 1.0, 10**9, None),), automatic, confidence)


def agreement(*pairs: tuple[float | None, float | None]) -> Agreement:
    return confidence_agreement([CaseResult(str(n), (structure(*pair),)) for n, pair in enumerate(pairs)])


def test_masks_are_counted_by_whether_they_are_poor_and_marked():
    found = agreement((0.1, 0.3), (0.6, 0.9), (0.8, 0.5), (0.9, 0.95), (0.95, 0.8), (0.2, None), (None, 0.2))
    assert (found.masks, found.poor, found.poor_marked, found.good_marked) == (5, 2, 1, 1)
    # By Dice the ranks of confidence are 1 4 2 5 3: Spearman's 1 - 6 (0 + 4 + 1 + 1 + 4) / (5 (25 - 1)).
    assert found.rank_correlation == pytest.approx(0.5)
    assert found.roc_area == pytest.approx(4 / 6)


def test_ties_count_half():
    assert agreement((0.1, 0.7), (0.9, 0.7), (0.9, 0.8)).roc_area == 0.75


def test_what_cannot_be_compared_has_no_figure():
    assert agreement() == Agreement(0, None, None, 0, 0, 0)
    assert agreement((0.9, 0.8)) == Agreement(1, None, None, 0, 0, 0)
    assert agreement((0.9, 0.8), (0.8, 0.8)).rank_correlation is None


def test_a_structure_of_several_classes_is_as_sure_as_its_voxels_on_average(volume, make_session, make_ball):
    right, left = make_ball((-20, 0, 0), 6), make_ball((20, 0, 0), 12)
    session = make_session(automatic={RIGHT_KIDNEY: right, LEFT_KIDNEY: left})
    answer = session.segment

    def sure(class_ids: list[int], *more: object) -> Segmentation:
        found = answer(class_ids)
        for segment in found.segments:
            value = {RIGHT_KIDNEY: 0.9, LEFT_KIDNEY: 0.5}[segment.label_value]
            segment.provenance = with_confidence({}, value, segment.voxel_count)
        return found

    session.segment = sure
    piece = Segment("kidneys", 1, None, (1, 2, 3), None, BoxedMask.of(right | left))
    grid = Segmentation(volume.shape_ijk, volume.ijk_to_ras, [piece])
    truth = Truth(grid, volume.orientation, (GroundTruthStructure("kidneys", (RIGHT_KIDNEY, LEFT_KIDNEY), (piece,)),))
    (result,) = evaluate_case(session, truth, clicks=1)
    small, large = np.count_nonzero(right), np.count_nonzero(left)
    assert result.confidence == pytest.approx((0.9 * small + 0.5 * large) / (small + large))


def test_the_table_of_dice_and_the_report_have_it():
    case = CaseResult("one", (structure(0.6, 0.8765), structure(0.5, None, "spleen")))
    curves = [Curve.of(result) for result in case.structures]
    console = Console(file=io.StringIO(), width=200)
    console.print(*score_tables(curves, mean_curve("mean", curves)), sep="\n")
    rows = [line.split() for line in console.file.getvalue().splitlines()]
    assert ["liver", "1", "0.600", "0.88", "0.500", "0.000", "1.0"] in rows
    assert ["spleen", "1", "0.500", "-", "0.500", "0.000", "1.0"] in rows
    assert ["mean", "0.550", "0.88", "0.500", "0.000", "1.0"] in rows
    assert sum("conf" in row for row in rows) == 1
    assert [row["confidence"] for row in case_as_dict(case)["structures"]] == [0.8765, None]
