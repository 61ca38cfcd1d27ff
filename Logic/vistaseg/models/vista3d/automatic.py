"""The automatic branch over one image: encode once, ask for any classes, now or later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from monai.networks.nets.vista3d import VISTA3D
from torch import Tensor

from vistaseg.compute import Compute, available_bytes, memory_guard
from vistaseg.errors import MemoryLimitError
from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.models.recipe import CURRENT, Recipe
from vistaseg.models.vista3d.classify import ClassMaps, ClassQuestion, class_vectors
from vistaseg.models.vista3d.click_windows import ClickWindows
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.features import Slab, needed_bytes, stream_slabs
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.models.vista3d.scaling import plan_within
from vistaseg.models.vista3d.windows import WindowPlan
from vistaseg.progress import Progress

KEPT_DTYPE = torch.float16
"""Features are kept in half the space; the rounding moved 25 of 95,654 labelled voxels of a real CT."""

PLANES_AT_A_TIME = 16
MOST_ANSWERS = 4
"""Two bytes for each voxel of the network's grid, a small part of what the features take."""


@dataclass(frozen=True, eq=False)
class KeptFeatures:
    """Features of a region, so that a later class costs no encoder pass.

    Attributes:
        plan: region and windows that they were made of.
        features: (channels, planes, a, b) float16, channels last in memory, planes along the plan's slab axis.
    """

    plan: WindowPlan
    features: Tensor

    def slabs(self) -> Iterator[Slab]:
        """The features, some planes at a time."""
        for first in range(0, self.features.shape[1], PLANES_AT_A_TIME):
            part = self.features[:, first : first + PLANES_AT_A_TIME]
            yield Slab(planes_of(self.plan, first, part.shape[1]), self.plan.slab_axis, part)

    def covers(self, region: VoxelBox) -> bool:
        """Whether the region lies within that of the features."""
        return region.intersection(self.plan.region) == region

    def hold(self, slab: Slab) -> None:
        """Keep the planes of a slab."""
        axis = self.plan.slab_axis
        first = slab.box.start[axis] - self.plan.region.start[axis]
        self.features[:, first : first + slab.features.shape[1]] = slab.features


class AutomaticBranch:
    """Class questions about one image; remembers the features of the last region that fits the budget.

    Args:
        network: in evaluation mode, on the device of `compute`.
        image: the volume on the network's grid.
        keep_bytes: how much memory kept features may take; 0 keeps none.
        memory_bytes: how much memory encoding may take, with smaller windows where that is needed; None: no limit.
        recipe: its rules for padding and for air.
    """

    def __init__(
        self,
        network: VISTA3D,
        configuration: Vista3dConfiguration,
        image: NetworkImage,
        compute: Compute,
        keep_bytes: int,
        memory_bytes: int | None = None,
        recipe: Recipe = CURRENT,
    ) -> None:
        self._network, self._configuration, self._image = network, configuration, image
        self._compute, self._keep_bytes = compute, keep_bytes
        self._memory_bytes, self._recipe = memory_bytes, recipe
        self._kept: KeptFeatures | None = None
        # The same question has the same answer: of features that were rounded to be kept, a few voxels in a hundred
        # thousand come out otherwise than of fresh ones.
        self._answers: dict[tuple[ClassQuestion, VoxelBox], ClassMaps] = {}

    def windows(self, region: VoxelBox | None = None) -> int:
        """How many windows have to be encoded to answer a question about the region."""
        plan = self._plan(region)
        return 0 if self._known(plan.region) is not None else len(plan.windows)

    def window(self, region: VoxelBox | None = None) -> Index:
        """Voxels (x, y, z) of the windows that a question about the region is answered in."""
        plan = self._plan(region)
        known = self._known(plan.region)
        return (plan if known is None else known.plan).windows[0].shape

    def answer(
        self, question: ClassQuestion, region: VoxelBox | None, progress: Progress, clicks: ClickWindows | None = None
    ) -> ClassMaps:
        """Classes of every voxel of the region, 0 outside it.

        Features at hand are used also for a region within theirs. Where there are none, those kept for another
        region make room first. A question that was answered while its features are kept has the same answer again.

        Args:
            clicks: takes the windows that are encoded as well, prepared for clicks.

        Raises:
            MemoryLimitError: memory ran out.
            CancelledError: raised by `progress`.
        """
        plan = self._plan(region)
        same = (question, plan.region)
        if self._known(plan.region) is not None and same in self._answers:
            progress("windows", 1, 1)
            return self._answers[same]
        with memory_guard("the automatic segmentation"):
            vectors = class_vectors(self._network, question.ids)
            maps = ClassMaps(self._image.size, question)
            for slab in self._slabs(plan, progress, clicks):
                with torch.inference_mode():
                    maps.fill(slab, vectors)
        if self._known(plan.region) is not None:
            self._answers[same] = maps
            for oldest in list(self._answers)[:-MOST_ANSWERS]:
                del self._answers[oldest]
        return maps

    def forget(self) -> None:
        """Release the kept features, and the answers."""
        self._kept = None
        self._answers.clear()

    def _plan(self, region: VoxelBox | None) -> WindowPlan:
        return plan_within(self._image.size, self._configuration, region, self._memory_bytes)

    def _known(self, region: VoxelBox) -> KeptFeatures | None:
        return self._kept if self._kept is not None and self._kept.covers(region) else None

    def _slabs(self, plan: WindowPlan, progress: Progress, clicks: ClickWindows | None) -> Iterator[Slab]:
        known = self._known(plan.region)
        if known is not None:
            progress("windows", 1, 1)
            parts = (slab.within(plan.region) for slab in known.slabs())
            yield from (part for part in parts if part is not None)
            return
        self._require_memory(plan)
        keeping = self._room_for(plan)
        for slab in stream_slabs(self._network, self._image, plan, self._compute, progress, clicks, self._recipe):
            if keeping is not None:
                keeping.hold(slab)
            yield slab
        self._kept = keeping or self._kept

    def _require_memory(self, plan: WindowPlan) -> None:
        """Refuse what cannot fit before it starts: the system would stop the whole program in the middle."""
        needed, free = needed_bytes(plan, self._configuration.features), available_bytes(torch.device("cpu"))
        if needed > free:
            raise MemoryLimitError(
                f"This segmentation needs about {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free. "
                "Close other programs, choose a smaller region of interest, or set a limit of memory (`--memory`)."
            )

    def _room_for(self, plan: WindowPlan) -> KeptFeatures | None:
        """Space for the features of a plan, or None where they do not fit the budget."""
        shape = (self._configuration.features, *_planes_first(plan))
        if torch.Size(shape).numel() * KEPT_DTYPE.itemsize > self._keep_bytes:
            return None
        self.forget()
        return KeptFeatures(plan, torch.zeros((*shape[1:], shape[0]), dtype=KEPT_DTYPE).movedim(-1, 0))


def planes_of(plan: WindowPlan, first: int, count: int) -> VoxelBox:
    """Box of some planes of the plan's region, counted along its slab axis."""
    start, stop = list(plan.region.start), list(plan.region.stop)
    start[plan.slab_axis] += first
    stop[plan.slab_axis] = start[plan.slab_axis] + count
    return VoxelBox((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))


def _planes_first(plan: WindowPlan) -> tuple[int, int, int]:
    shape = list(plan.region.shape)
    planes = shape.pop(plan.slab_axis)
    return planes, shape[0], shape[1]
