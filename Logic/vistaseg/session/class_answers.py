"""A text answered by a model that knows the structure by class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from vistaseg.models.protocol import ClassMasks, OpenedVolume, PromptAnswer, PromptQuestion
from vistaseg.progress import Progress
from vistaseg.segmentation import crop_to_content
from vistaseg.segmentation.model import Mask

ENGINE = "classes"
NOTHING_FOUND = "Nothing of it was found in this scan, and nothing was changed."
NOTHING_NEW = "All that was found of it is in the segment already."


def answer_by_classes(
    opened: OpenedVolume, class_ids: Sequence[int], question: PromptQuestion, progress: Progress
) -> PromptAnswer:
    """Add the structures to the segment; nothing of it is taken away."""
    found = _union(opened.segment_classes(class_ids, None, progress), class_ids)
    note = NOTHING_NEW if found.any() else NOTHING_FOUND
    if not question.extent.empty:
        found[question.extent.slices_kji] &= ~question.mask
    cropped, extent = crop_to_content(found)
    record = {"engine": ENGINE, "class_ids": list(class_ids)}
    return PromptAnswer(cropped, np.zeros_like(cropped), extent, record, "" if cropped.any() else note)


def _union(masks: ClassMasks, class_ids: Sequence[int]) -> Mask:
    found: Mask = np.isin(masks.labels, [i for i in class_ids if i not in masks.overlaps])
    for class_id in class_ids:
        if class_id in masks.overlaps:
            found |= masks.overlaps[class_id].astype(bool)
    return found
