"""VISTA3D as a `SegmentationModel`: volumes in, masks on the volumes' own grids out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from monai.networks.nets.vista3d import VISTA3D

from vistaseg import catalog
from vistaseg.compute import Compute
from vistaseg.errors import UsageError
from vistaseg.geometry.box import Index
from vistaseg.models.protocol import ClassMasks, ModelIdentity, PromptAnswer, PromptQuestion
from vistaseg.models.vista3d.automatic import AutomaticBranch
from vistaseg.models.vista3d.classify import ClassMaps, ClassQuestion
from vistaseg.models.vista3d.click_windows import ClickWindows
from vistaseg.models.vista3d.clicking import Clicking
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.interactive import PointBranch
from vistaseg.models.vista3d.preprocessing import network_image
from vistaseg.models.vista3d.regions import region_box
from vistaseg.progress import Progress
from vistaseg.prompts import Point, Prompt, Ras, RegionOfInterest
from vistaseg.volume import Volume


@dataclass(frozen=True, eq=False)
class Vista3d:
    """A loaded VISTA3D.

    Attributes:
        network: in evaluation mode, on the device of `compute`.
        keep_bytes: memory budget of the features kept for each opened volume.
        click_bytes: memory budget of the windows kept for clicks on each opened volume.
        memory_bytes: that encoding a scan may take, without the model and the scan; None: no limit.
    """

    network: VISTA3D
    configuration: Vista3dConfiguration
    compute: Compute
    identity: ModelIdentity
    keep_bytes: int
    click_bytes: int = 0
    memory_bytes: int | None = None

    @property
    def computed_on(self) -> dict[str, str]:
        """Device ("cpu" or "cuda") and precision ("fp32" or "bf16")."""
        return {"device": self.compute.device.type, "precision": self.compute.precision}

    @property
    def class_ids(self) -> tuple[int, ...]:
        """Ids that can be requested directly, ascending."""
        return self.configuration.class_ids

    @property
    def takes(self) -> frozenset[type[Prompt]]:
        """Kinds of prompts that it answers."""
        return frozenset((Point, RegionOfInterest))

    @property
    def trained_with(self) -> frozenset[type[Prompt]]:
        """Kinds of prompts that its weights were trained with: a box is answered as a click in its middle."""
        return frozenset((Point,))

    @property
    def notice(self) -> str:
        """A sentence that accompanies every result, or nothing."""
        return self.configuration.notice

    def open(self, volume: Volume) -> Vista3dVolume:
        """Prepare a volume for questions.

        Raises:
            InputError: the volume cannot be resampled.
        """
        return Vista3dVolume(self, volume)


class Vista3dVolume:
    """One volume before one VISTA3D, and what has been computed for it."""

    def __init__(self, model: Vista3d, volume: Volume) -> None:
        self._model, self._volume = model, volume
        self._image = network_image(volume, model.configuration)
        self._automatic = AutomaticBranch(
            model.network,
            model.configuration,
            self._image,
            model.compute,
            model.keep_bytes,
            model.memory_bytes,
            model.identity.recipe,
        )
        self._encoded = ClickWindows(model.network, self._image, model.compute, model.click_bytes)
        recipe = model.identity.recipe
        branch = PointBranch(model.network, self._encoded, model.configuration.window, self._image.size, recipe.merging)
        exact = recipe.click_place == "exact"
        self._clicking = Clicking(branch, self._image, volume.grid, model.class_ids, exact)

    def windows(self, region: RegionOfInterest | None = None) -> int:
        """Windows that a question about the region has to encode; 0 when the features are at hand."""
        return self._automatic.windows(None if region is None else region_box(region, self._image))

    def segment_classes(
        self,
        class_ids: Sequence[int],
        region: RegionOfInterest | None,
        progress: Progress,
        prepare_clicks: bool = False,
    ) -> ClassMasks:
        """Masks of the classes on the volume's grid.

        Args:
            class_ids: ids among the model's `class_ids`.
            region: only voxels inside are labelled.
            prepare_clicks: keep what clicks need of the windows that are encoded, within the budget for clicks; not
                of windows that a limit of memory made smaller, which clicks are never answered in.

        Raises:
            UsageError: the model does not know a class.
            InputError: the region lies outside the body.
            MemoryLimitError, CancelledError: see `AutomaticBranch.answer`.
        """
        question = self._question(class_ids)
        box = None if region is None else region_box(region, self._image)
        window = self._automatic.window(box)
        fits = window == self._model.configuration.window
        maps = self._automatic.answer(question, box, progress, self._encoded if prepare_clicks and fits else None)
        return self._on_volume(maps, region, window)

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        """What a new prompt changes in a segment; see `Clicking.answer`."""
        return self._clicking.answer(question, progress)

    def hint(self, ras: Ras, progress: Progress) -> None:
        """Encode the window of a click there; nothing where there can be no click."""
        self._clicking.hint(ras, progress)

    def rank_names(self, what: Prompt | np.ndarray, progress: Progress) -> list[tuple[str, float]]:
        """None: VISTA3D reads no names."""
        return []

    def _question(self, class_ids: Sequence[int]) -> ClassQuestion:
        unknown = [i for i in class_ids if i not in self._model.class_ids]
        if unknown:
            names = ", ".join(catalog.get(i).name for i in unknown)
            raise UsageError(f"{self._model.identity.title} does not know {names}. Leave it out, or use another model.")
        everything = set(catalog.everything())
        ids = list(dict.fromkeys(class_ids))
        return ClassQuestion(tuple(i for i in ids if i in everything), tuple(i for i in ids if i not in everything))

    def _on_volume(self, maps: ClassMaps, region: RegionOfInterest | None, window: Index) -> ClassMasks:
        back = self._image.back
        labels = back.label_map(maps.labels)
        overlaps = {i: back.label_map(maps.overlay(i).astype(np.uint8)) for i in maps.question.overlays}
        if region is not None:
            for array in (labels, *overlaps.values()):
                region.blank_outside(array, self._volume.grid)
        return ClassMasks(labels, overlaps, {"window": list(window)}, maps.confidences)
