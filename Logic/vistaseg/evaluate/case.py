"""One case: every structure of its truth, clicked and automatic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vistaseg import catalog
from vistaseg.evaluate.combinations import Combination, ask_once
from vistaseg.evaluate.metrics import Scores, score
from vistaseg.evaluate.results import StructureResult
from vistaseg.evaluate.simulation import simulate
from vistaseg.evaluate.truth import GroundTruthStructure, Truth
from vistaseg.geometry.box import VoxelBox
from vistaseg.masks.boxed import BoxedMask, Mask
from vistaseg.progress import Progress, silent
from vistaseg.segmentation import Segment, Segmentation

if TYPE_CHECKING:
    from vistaseg.session import Session


def evaluate_case(
    session: Session,
    truth: Truth,
    clicks: int = 5,
    box: bool = False,
    progress: Progress = silent,
    correct: bool = False,
    prompts: Sequence[Combination] = (),
    zero_shot: bool = False,
) -> tuple[StructureResult, ...]:
    """Click every structure of a truth, and ask for those that the model knows automatically.

    Without `correct` the clicks come first, so that their seconds are those of a user who has not segmented
    automatically before.

    Args:
        correct: click on the automatic mask of a structure, where the model knows it, and not on nothing.
        prompts: combinations of prompts that each structure is also segmented with, once.
        zero_shot: click on every structure as on one without a class.

    Returns:
        A result for each structure, in the order of the truth.

    Raises:
        UsageError: the number of clicks is below 1.
        MemoryLimitError, CancelledError: of the session.
    """
    starts = automatic_masks(session, truth, progress) if correct else {}
    class_ids = {target.name: None if zero_shot else _class_id(session, target) for target in truth.targets}
    steps = {
        target.name: simulate(
            session,
            truth.mask(target),
            target.name,
            class_ids[target.name],
            clicks,
            box,
            progress,
            starts[target.name].mask if target.name in starts else None,
        )
        for target in truth.targets
    }
    prompted = {
        name: tuple(ask_once(session, truth.mask(target), name, class_ids[name], each, progress) for each in prompts)
        for name, target in ((target.name, target) for target in truth.targets)
    }
    found = starts or automatic_masks(session, truth, progress)
    automatic = _scores(session, truth, found)
    return tuple(
        StructureResult(
            target.name,
            class_ids[target.name],
            steps[target.name],
            automatic.get(target.name),
            found[target.name].confidence if target.name in found else None,
            prompted[target.name],
        )
        for target in truth.targets
    )


@dataclass(frozen=True, eq=False)
class AutomaticMask:
    """What a model makes of a structure without a prompt.

    Attributes:
        mask: bool (k, j, i), on the grid of the CT.
        confidence: how sure it is, 0 to 1, the mean over the voxels of the parts; None where it says nothing of one.
    """

    mask: Mask
    confidence: float | None


def automatic_masks(session: Session, truth: Truth, progress: Progress = silent) -> dict[str, AutomaticMask]:
    """The automatic answers, by name, for the structures that the model knows in all their parts.

    All classes that the model knows are segmented: classes compete for a voxel, and the answer for one must not depend
    on which others are compared.

    Raises:
        MemoryLimitError, CancelledError: of the session.
    """
    known = set(session.model.class_ids)
    known_targets = [target for target in truth.targets if target.class_ids and known.issuperset(target.class_ids)]
    if not known_targets:
        return {}
    everything = [i for i in catalog.everything() if i in known]
    answer = session.segment([*everything, *(i for target in known_targets for i in target.class_ids)], None, progress)
    return {target.name: _answer(answer, target) for target in known_targets}


def _scores(session: Session, truth: Truth, found: dict[str, AutomaticMask]) -> dict[str, Scores]:
    return {
        target.name: score(truth.mask(target), found[target.name].mask, session.volume.spacing)
        for target in truth.targets
        if target.name in found
    }


def _class_id(session: Session, target: GroundTruthStructure) -> int | None:
    """The class to click a structure as; a union of classes, and what the model does not know, has none."""
    known = len(target.class_ids) == 1 and target.class_ids[0] in session.model.class_ids
    return target.class_ids[0] if known else None


def _answer(found: Segmentation, target: GroundTruthStructure) -> AutomaticMask:
    parts = [segment for segment in found.segments if segment.structure_id in target.class_ids]
    mask = BoxedMask.union_of([part.mask for part in parts])
    return AutomaticMask(mask.within(VoxelBox.whole(found.shape_ijk)), _mean_confidence(parts))


def _mean_confidence(parts: Sequence[Segment]) -> float | None:
    values = [part.confidence for part in parts]
    known = [value for value in values if value is not None]
    if not parts or len(known) < len(values):
        return None
    return float(np.average(known, weights=[part.voxel_count for part in parts]))
