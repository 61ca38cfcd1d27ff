"""SegVol as a `SegmentationModel`: texts, clicks and boxes in, masks on the volumes' own grids out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from vistaseg.compute import Compute, memory_guard
from vistaseg.errors import UsageError
from vistaseg.masks.boxed import Mask
from vistaseg.models.protocol import ClassMasks, ModelIdentity, PromptAnswer, PromptQuestion
from vistaseg.models.segvol.answering import Answering
from vistaseg.models.segvol.configuration import SegVolConfiguration
from vistaseg.models.segvol.encoding import Encoding, Texts
from vistaseg.models.segvol.network import SegVolNetwork
from vistaseg.models.segvol.placing import place
from vistaseg.models.segvol.preprocessing import segvol_image
from vistaseg.models.segvol.prompt_encoder import PromptBatch
from vistaseg.models.segvol.sides import BodySides
from vistaseg.models.segvol.texts import suggested_names
from vistaseg.models.segvol.zoom import ZoomOutZoomIn
from vistaseg.progress import Progress
from vistaseg.prompts import Point, Prompt, Ras, RegionOfInterest, Text
from vistaseg.volume import Volume

LIMITS = "SegVol was trained on CT only; what it finds by a name may lie on the wrong side."


@dataclass(frozen=True, eq=False)
class SegVol:
    """A loaded SegVol.

    Attributes:
        network: in evaluation mode, on the device of `compute`.
        window_bytes: memory budget of the windows kept for each opened volume.
    """

    network: SegVolNetwork
    configuration: SegVolConfiguration
    compute: Compute
    identity: ModelIdentity
    window_bytes: int

    @property
    def computed_on(self) -> dict[str, str]:
        """Device ("cpu" or "cuda") and precision ("fp32" or "bf16")."""
        return {"device": self.compute.device.type, "precision": self.compute.precision}

    @property
    def class_ids(self) -> tuple[int, ...]:
        """None: SegVol knows names and places, and no ids."""
        return ()

    @property
    def takes(self) -> frozenset[type[Prompt]]:
        """Kinds of prompts that it answers."""
        return frozenset((Point, RegionOfInterest, Text))

    @property
    def trained_with(self) -> frozenset[type[Prompt]]:
        """Kinds of prompts that its weights were trained with."""
        return self.takes if self.configuration.trained_with_boxes else self.takes - {RegionOfInterest}

    @property
    def notice(self) -> str:
        """What SegVol cannot be relied on for, and what else its configuration says."""
        return f"{LIMITS} {self.configuration.notice}".strip()

    @cached_property
    def texts(self) -> Texts:
        """Embedded texts, kept for all volumes."""
        return Texts(self.network, self.compute)

    def open(self, volume: Volume) -> SegVolVolume:
        """Prepare a volume for questions.

        Raises:
            InputError: there is nothing to see in it.
        """
        return SegVolVolume(self, volume)


class SegVolVolume:
    """One volume before one SegVol, and what has been computed for it."""

    def __init__(self, model: SegVol, volume: Volume) -> None:
        self._model, self._volume = model, volume
        self._image = segvol_image(volume, model.configuration.image_size, model.identity.recipe.box)
        self._encoding = Encoding(model.network, self._image, model.compute, model.window_bytes)
        self._zoom = ZoomOutZoomIn(model.network, self._image, self._encoding, model.compute)
        self._answering = Answering(volume, self._image, self._zoom, model.texts, BodySides(volume))

    def windows(self, region: RegionOfInterest | None = None) -> int:
        """None: SegVol answers no class questions."""
        return 0

    def segment_classes(
        self,
        class_ids: Sequence[int],
        region: RegionOfInterest | None,
        progress: Progress,
        prepare_clicks: bool = False,
    ) -> ClassMasks:
        """Refuse: SegVol knows no classes.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            f"{self._model.identity.title} takes texts, clicks and boxes, and no list of classes. Ask for one "
            "structure at a time, or use VISTA3D."
        )

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        """What a new prompt changes in a segment; see `Answering.answer`."""
        with memory_guard("the answer to a prompt"):
            return self._answering.answer(question, progress)

    def hint(self, ras: Ras, progress: Progress) -> None:
        """Look at the whole volume, which every answer needs."""
        if not self._encoding.has_whole:
            progress("looks", 0, 1)
            with memory_guard("the first look at the scan"):
                self._encoding.whole()

    def rank_names(self, what: Prompt | Mask, progress: Progress) -> list[tuple[str, float]]:
        """Names that SegVol was trained with and their probabilities, the most probable first; see `identify`."""
        from vistaseg.models.segvol.identify import identify  # which takes an opened volume

        return identify(self, what, suggested_names(), progress)

    def shrunk_mask(self, mask: Mask) -> Mask:
        """A mask (k, j, i) of the volume as SegVol sees it, (D, H, W): every voxel leaves a trace."""
        shrunk: Mask = self._image.zoom.shrunk(mask[self._image.crop.slices])
        return shrunk

    def shrunk_prediction(self, prompt: Prompt, progress: Progress) -> Mask:
        """What one click or box means in the shrunk volume, bool (D, H, W).

        Raises:
            InputError: it lies outside the scan or the body.
        """
        placed = place([prompt], self._volume.grid, self._image.crop)
        text = None if placed.text is None else self._model.texts.embedding(placed.text)
        return self._zoom.predict(placed, text, progress)

    def text_logits(self, texts: Sequence[str], at_once: int) -> Iterator[Tensor]:
        """Logits (N, D, H, W) of what texts mean in the shrunk volume, `at_once` or fewer in each piece."""
        for start in range(0, len(texts), at_once):
            embedded = [self._model.texts.embedding(text) for text in texts[start : start + at_once]]
            with torch.inference_mode():
                yield self._model.network.decode(self._encoding.whole(), PromptBatch(texts=torch.cat(embedded)))
