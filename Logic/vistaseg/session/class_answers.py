"""A text answered by a model that knows the structure by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vistaseg.masks.boxed import NO_VOXELS, BoxedMask, Mask, MaskChange
from vistaseg.models.protocol import ClassMasks, OpenedVolume, PromptAnswer, PromptQuestion
from vistaseg.progress import Progress

ENGINE = "classes"
NOTHING_FOUND = "Nothing of it was found in this scan, and nothing was changed."
NOTHING_NEW = "All that was found of it is in the segment already."


def answer_by_classes(
    opened: OpenedVolume, class_ids: Sequence[int], question: PromptQuestion, progress: Progress
) -> PromptAnswer:
    """Add the structures to the segment; nothing of it is taken away."""
    found = BoxedMask.of(_union(opened.segment_classes(class_ids, None, progress), class_ids))
    added = found.difference(question.mask).cropped()
    record = {"engine": ENGINE, "class_ids": list(class_ids)}
    note = "" if not added.empty else NOTHING_FOUND if found.empty else NOTHING_NEW
    return PromptAnswer(MaskChange(added, NO_VOXELS), record, note)


def _union(masks: ClassMasks, class_ids: Sequence[int]) -> Mask:
    found: Mask = np.isin(masks.labels, [i for i in class_ids if i not in masks.overlaps])
    for class_id in class_ids:
        if class_id in masks.overlaps:
            found |= masks.overlaps[class_id].astype(bool)
    return found
