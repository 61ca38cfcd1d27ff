"""What the rest of the program may ask of a segmentation model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from vistaseg.masks.boxed import BoxedMask, MaskChange
from vistaseg.models.recipe import Recipe
from vistaseg.progress import Progress
from vistaseg.prompts import Prompt, Ras, RegionOfInterest
from vistaseg.volume import Volume


@dataclass(frozen=True)
class ModelIdentity:
    """What a result has to say about the model that made it.

    Attributes:
        key: short name on the command line: "vista3d", "demo".
        title: name for people.
        weights_sha256: of the file that the weights were read from, in hex.
        weights_from: where that file is from: "imported", "bundled", or its published place; empty where unknown.
        recipe: the rules between the network and the masks.
    """

    key: str
    title: str
    weights_sha256: str
    weights_from: str = ""
    recipe: Recipe = Recipe()


@dataclass(frozen=True, eq=False)
class ClassMasks:
    """Answer to a class question on a volume's own grid.

    Attributes:
        labels: (k, j, i) uint8, the class id of each voxel, 0 elsewhere: classes that exclude one another.
        overlaps: class id → (k, j, i) uint8 mask, for classes that lie within others.
        details: JSON-able, how they were computed, as far as it is not the same for every volume.
        confidences: class id → how sure the model is of its mask, 0…1; without those that it does not say.
    """

    labels: np.ndarray
    overlaps: dict[int, np.ndarray]
    details: Mapping[str, Any] = field(default_factory=dict)
    confidences: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PromptQuestion:
    """One new prompt on a segment.

    Attributes:
        prompts: every prompt of the segment, the new one last.
        records: what the answers to the earlier ones said of themselves.
        class_id: id in the catalogue; None for a structure without a class.
        known_organ: whether a structure without a class is of a kind that the model was trained on; else it is
            something new.
        mask: the segment so far, on the volume's grid.
        record: of the same prompt when it was answered before, to get the same answer; None for a new one.
        given: whether the mask is more than what the model's answers to the prompts led to.
    """

    prompts: tuple[Prompt, ...]
    records: tuple[Mapping[str, Any], ...]
    class_id: int | None
    mask: BoxedMask
    record: Mapping[str, Any] | None = None
    given: bool = False
    known_organ: bool = False


@dataclass(frozen=True, eq=False)
class PromptAnswer:
    """What a prompt changes.

    Attributes:
        change: on the volume's grid.
        record: JSON-able; makes the answer repeatable.
        note: a sentence for the user, or nothing.
    """

    change: MaskChange
    record: Mapping[str, Any]
    note: str = ""


class OpenedVolume(Protocol):
    """A volume that a model has prepared for questions."""

    def windows(self, region: RegionOfInterest | None = None) -> int:
        """Windows that a class question has to encode; 0 when it can be answered from memory."""

    def segment_classes(
        self,
        class_ids: Sequence[int],
        region: RegionOfInterest | None,
        progress: Progress,
        prepare_clicks: bool = False,
    ) -> ClassMasks:
        """Masks of classes by id; clicks are prepared by the way where that is wanted."""

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        """What a new prompt changes in a segment."""

    def hint(self, ras: Ras, progress: Progress) -> None:
        """Prepare for a click there."""

    def rank_names(self, what: Prompt | np.ndarray, progress: Progress) -> list[tuple[str, float]]:
        """Names and their probabilities, the most probable first; none for a model that reads no names.

        Args:
            what: a click, a box, or a mask, bool (k, j, i) on the volume's grid.
        """


class SegmentationModel(Protocol):
    """A loaded model."""

    @property
    def identity(self) -> ModelIdentity:
        """Which model, which weights."""

    @property
    def computed_on(self) -> Mapping[str, str]:
        """What a result has to say about the arithmetic: "device" and "precision"."""

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Ids of the catalogue that can be requested directly."""

    @property
    def takes(self) -> frozenset[type[Prompt]]:
        """Kinds of prompts that it answers."""

    @property
    def trained_with(self) -> frozenset[type[Prompt]]:
        """Those of them that its weights were trained with."""

    @property
    def notice(self) -> str:
        """A sentence that accompanies every result, or nothing."""

    def open(self, volume: Volume) -> OpenedVolume:
        """Prepare a volume for questions."""
