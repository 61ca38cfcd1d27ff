"""The automatic branch up to its features: what the class embeddings are multiplied with.

Class logits are linear in these features, logit(class, voxel) = embedding(class) · feature(voxel)
(`monai.networks.nets.vista3d.ClassMappingClassify`), so windows are averaged as features, once for all classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from monai.networks.nets.vista3d import VISTA3D
from torch import Tensor

from vistaseg.compute import Compute
from vistaseg.geometry.box import VoxelBox
from vistaseg.models.answers import require_numbers
from vistaseg.models.recipe import CURRENT, Recipe
from vistaseg.models.vista3d.click_windows import ClickWindows
from vistaseg.models.vista3d.point_head import reduce
from vistaseg.models.vista3d.preprocessing import NetworkImage
from vistaseg.models.vista3d.windows import WindowPlan, cut_window, holds_only_air
from vistaseg.progress import Progress

MAPS_IN_A_PASS = 10
"""Feature maps of a window that one forward pass holds at its peak, as measured at 128³ and 48 channels."""


@dataclass(frozen=True, eq=False)
class Slab:
    """Finished features of some planes of a region, valid until the next slab.

    Attributes:
        box: where on the image's grid.
        axis: of (x, y, z), along which the planes follow one another.
        features: (channels, planes, a, b), the channels last in memory: planes along the axis, then the other two
            axes in order; 0 where only windows of air were, which makes every logit 0: background.
    """

    box: VoxelBox
    axis: int
    features: Tensor

    def within(self, region: VoxelBox) -> Slab | None:
        """The part of the slab in a region; None where there is none."""
        box = self.box.intersection(region)
        if box.empty:
            return None
        inside = list(box.relative_to(self.box.start).slices)
        return Slab(box, self.axis, self.features[(slice(None), inside.pop(self.axis), *inside)])


def window_features(network: VISTA3D, window: Tensor, compute: Compute) -> Tensor:
    """Features of one window for the class head.

    Args:
        window: (1, 1, x, y, z) in 0…1.

    Returns:
        (channels, x, y, z) in the precision of the computation.
    """
    window = window.to(compute.device).contiguous(memory_format=torch.channels_last_3d)
    with compute.autocast():
        _, automatic = network.image_encoder(window, with_point=False, with_label=True)
        mapped: Tensor = network.class_head.image_post_mapping(automatic)
    return mapped[0]


def shared_features(network: VISTA3D, window: Tensor, compute: Compute) -> tuple[Tensor, Tensor]:
    """Features of one window for both heads, for little more than for one: the way down is the same.

    Args:
        window: (1, 1, x, y, z) in 0…1.

    Returns:
        What `window_features` gives, and what clicks need (1, channels, x/2, y/2, z/2).
    """
    window = window.to(compute.device).contiguous(memory_format=torch.channels_last_3d)
    with compute.autocast():
        interactive, automatic = network.image_encoder(window, with_point=True, with_label=True)
        reduced = reduce(network.point_head, interactive)
        mapped: Tensor = network.class_head.image_post_mapping(automatic)
    return mapped[0], reduced


def stream_slabs(
    network: VISTA3D,
    image: NetworkImage,
    plan: WindowPlan,
    compute: Compute,
    progress: Progress,
    clicks: ClickWindows | None = None,
    recipe: Recipe = CURRENT,
) -> Iterator[Slab]:
    """Encode the windows in order and hand out planes as soon as no later window touches them.

    At any time only the planes under one row of windows are held, in float32.

    Args:
        clicks: takes the windows as well, prepared for clicks, as far as it has room.
        recipe: its rules for padding and for air.
    """
    stitcher = _Stitcher(plan, network.class_head.class_embeddings.embedding_dim)
    for done, window in enumerate(plan.windows):
        yield from stitcher.finish_before(window.start[plan.slab_axis])
        progress("windows", done, len(plan.windows))
        if not is_skipped(image, window, recipe):
            stitcher.add(window, _encoded(network, image, window, compute, clicks, recipe))
    progress("windows", len(plan.windows), len(plan.windows))
    yield from stitcher.finish_before(plan.region.stop[plan.slab_axis])


def needed_bytes(plan: WindowPlan, channels: int) -> int:
    """Memory that encoding the windows of a plan takes at its peak, in float32, without anything that is kept."""
    depth = min(plan.windows[0].shape[plan.slab_axis], plan.region.shape[plan.slab_axis])
    planes = math.prod(plan.region.shape) // plan.region.shape[plan.slab_axis]
    return 4 * channels * (depth * planes + MAPS_IN_A_PASS * math.prod(plan.windows[0].shape))


def is_skipped(image: NetworkImage, window: VoxelBox, recipe: Recipe) -> bool:
    """Whether a window is not encoded: it holds nothing but air, and no label of the body depends on it."""
    only_air = holds_only_air(image.voxels, window, image.air_level)
    return only_air and not (recipe.air == "scan" and image.labels_tissue(window))


@torch.inference_mode()
def _encoded(
    network: VISTA3D,
    image: NetworkImage,
    window: VoxelBox,
    compute: Compute,
    clicks: ClickWindows | None,
    recipe: Recipe,
) -> Tensor:
    voxels = cut_window(image.voxels, window, recipe.padding)
    # Clicks are answered in windows padded with 0, by either published pipeline.
    same = recipe.padding == "zero" or window.intersection(VoxelBox.whole(image.size)) == window
    if clicks is None or not same or not clicks.has_room_for(window):
        found = window_features(network, voxels, compute)
        require_numbers(found)
        return found
    found, reduced = shared_features(network, voxels, compute)
    require_numbers(found)
    clicks.hold(window, reduced)
    return found


class _Stitcher:
    """Averages overlapping windows with equal weights, over a buffer that moves along the slab axis."""

    def __init__(self, plan: WindowPlan, channels: int) -> None:
        self.plan, self.axis = plan, plan.slab_axis
        first = plan.windows[0]
        deepest = min(first.shape[self.axis], plan.region.shape[self.axis])
        across = [n for a, n in enumerate(plan.region.shape) if a != self.axis]
        self.first = plan.region.start[self.axis]
        self.sums = torch.zeros(deepest, *across, channels).movedim(-1, 0)
        self.counts = torch.zeros(deepest, *across, dtype=torch.uint8)

    def add(self, window: VoxelBox, features: Tensor) -> None:
        """Add a window's features (channels, x, y, z)."""
        inside = window.intersection(self._held())
        if min(inside.shape) <= 0:
            return
        own = inside.relative_to(window.start).slices
        held = self._in_buffer(inside)
        part = features[(slice(None), *own)].movedim(1 + self.axis, 1)
        self.sums[(slice(None), *held)] += part.to(self.sums)
        self.counts[held] += 1

    def finish_before(self, plane: int) -> Iterator[Slab]:
        """Hand out the planes in front of `plane` and make room behind."""
        planes = min(plane, self.plan.region.stop[self.axis]) - self.first
        if planes <= 0:
            return
        for plane in range(planes):
            self._average(plane)
        yield Slab(self._planes(planes), self.axis, self.sums[:, :planes])
        self._advance(planes)

    def _average(self, plane: int) -> None:
        counts = self.counts[plane]
        if counts.max() > 1:
            self.sums[:, plane] /= counts.clamp(min=1)

    def _advance(self, planes: int) -> None:
        kept = self.counts.shape[0] - planes
        for buffer, axis in ((self.sums, 1), (self.counts, 0)):
            # One plane after the other: source and target overlap.
            for target in range(kept):
                buffer.select(axis, target).copy_(buffer.select(axis, target + planes))
            buffer.narrow(axis, kept, planes).zero_()
        self.first += planes

    def _held(self) -> VoxelBox:
        return self._planes(self.counts.shape[0])

    def _planes(self, planes: int) -> VoxelBox:
        start, stop = list(self.plan.region.start), list(self.plan.region.stop)
        start[self.axis], stop[self.axis] = self.first, min(self.first + planes, stop[self.axis])
        return VoxelBox((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))

    def _in_buffer(self, box: VoxelBox) -> tuple[slice, ...]:
        slices = list(box.relative_to(self._planes(0).start).slices)
        return (slices.pop(self.axis), *slices)
