"""One case: every structure of its truth, clicked and automatic."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from vistaseg import catalog
from vistaseg.evaluate.metrics import Scores, score
from vistaseg.evaluate.results import Step, StructureResult
from vistaseg.evaluate.simulation import simulate
from vistaseg.evaluate.truth import Target, Truth
from vistaseg.progress import Progress, silent
from vistaseg.segmentation import Segment
from vistaseg.segmentation.model import Mask

if TYPE_CHECKING:
    from vistaseg.session import Session


def evaluate_case(
    session: Session, truth: Truth, clicks: int = 5, box: bool = False, progress: Progress = silent
) -> tuple[StructureResult, ...]:
    """Click every structure of a truth, then ask for those that the model knows automatically.

    The clicks come first, so that their seconds are those of a user who has not segmented automatically before.

    Returns:
        A result for each structure, in the order of the truth.

    Raises:
        UsageError: no click was asked for.
        MemoryLimitError, CancelledError: of the session.
    """
    steps = {target.name: _clicked(session, truth, target, clicks, box, progress) for target in truth.targets}
    automatic = automatic_scores(session, truth, progress)
    return tuple(
        StructureResult(target.name, _class_id(session, target), steps[target.name], automatic.get(target.name))
        for target in truth.targets
    )


def automatic_scores(session: Session, truth: Truth, progress: Progress = silent) -> dict[str, Scores]:
    """Scores of the automatic answers, by name, of the structures that the model knows in all their parts.

    The model is asked for everything that it knows: classes compete for a voxel, and the scores of one must not depend
    on which others are compared.

    Raises:
        MemoryLimitError, CancelledError: of the session.
    """
    known = set(session.model.class_ids)
    asked = [target for target in truth.targets if target.class_ids and known.issuperset(target.class_ids)]
    if not asked:
        return {}
    everything = [i for i in catalog.everything() if i in known]
    answer = session.segment([*everything, *(i for target in asked for i in target.class_ids)], None, progress)
    return {
        target.name: score(truth.mask(target), _union(answer.segments, target, answer.shape_kji), answer.spacing)
        for target in asked
    }


def _clicked(
    session: Session, truth: Truth, target: Target, clicks: int, box: bool, progress: Progress
) -> tuple[Step, ...]:
    return simulate(session, truth.mask(target), target.name, _class_id(session, target), clicks, box, progress)


def _class_id(session: Session, target: Target) -> int | None:
    """The class to click a structure as; a union of classes, and what the model does not know, has none."""
    known = len(target.class_ids) == 1 and target.class_ids[0] in session.model.class_ids
    return target.class_ids[0] if known else None


def _union(segments: Iterable[Segment], target: Target, shape: tuple[int, int, int]) -> Mask:
    mask = np.zeros(shape, dtype=bool)
    for segment in segments:
        if segment.structure_id in target.class_ids:
            mask[segment.extent.slices] |= segment.mask
    return mask
