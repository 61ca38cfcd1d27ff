"""Which segments overlap, and how few layers hold them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from vistaseg.errors import UsageError
from vistaseg.segmentation.model import Segment


def overlapping_pairs(segments: Sequence[Segment]) -> list[tuple[int, int]]:
    """Pairs of positions in `segments`, first < second, that share a voxel.

    A first pass marks the voxels that are covered more than once: what overlaps nothing costs no more.
    """
    crowded = _crowded(segments)
    return [(a, b) for a, b in combinations(crowded, 2) if segments[a].mask.overlaps(segments[b].mask)]


def _crowded(segments: Sequence[Segment]) -> list[int]:
    stops = [segment.mask.box.stop for segment in segments]
    if not stops:
        return []
    covered = np.zeros(tuple(max(axis) for axis in zip(*stops, strict=True))[::-1], dtype=np.uint8)
    for segment in segments:
        part, mask = covered[segment.mask.box.slices_kji], segment.mask.array
        part[mask] = np.minimum(part[mask] + 1, 2)
    masks = [segment.mask for segment in segments]
    return [n for n, mask in enumerate(masks) if (covered[mask.box.slices_kji][mask.array] > 1).any()]


def assign_layers(segments: Sequence[Segment]) -> list[int]:
    """Layer (0, 1, …) of each segment so that within a layer no voxel and no label value is claimed twice.

    Greedy colouring, the segment with most conflicts first (Welsh and Powell 1967), keeps the layers few.
    """
    conflicts = _conflicts(segments)
    layers: dict[int, int] = {}
    for n in sorted(range(len(segments)), key=lambda n: (-len(conflicts[n]), n)):
        taken = {layers[other] for other in conflicts[n] if other in layers}
        layers[n] = next(layer for layer in range(len(segments)) if layer not in taken)
    return [layers[n] for n in range(len(segments))]


def _conflicts(segments: Sequence[Segment]) -> list[set[int]]:
    conflicts: list[set[int]] = [set() for _ in segments]
    for a, b in overlapping_pairs(segments) + _same_label(segments):
        conflicts[a].add(b)
        conflicts[b].add(a)
    return conflicts


def _same_label(segments: Sequence[Segment]) -> list[tuple[int, int]]:
    pairs = combinations(range(len(segments)), 2)
    return [(a, b) for a, b in pairs if segments[a].label_value == segments[b].label_value]


def require_label_map(segments: Sequence[Segment]) -> None:
    """Check that one label map can hold all segments.

    Raises:
        UsageError: segments overlap or share a label value; names the pairs, and the formats that hold them.
    """
    found = {"overlap": overlapping_pairs(segments), "share a label value": _same_label(segments)}
    for problem, pairs in found.items():
        if pairs:
            raise UsageError(
                f"One label map cannot hold segments that {problem}: {_list_pairs(segments, pairs)}. "
                "Write a .seg.nrrd file, or a folder with one NIfTI file per structure."
            )


def _list_pairs(segments: Sequence[Segment], pairs: list[tuple[int, int]], limit: int = 5) -> str:
    named = [f"{segments[a].name} with {segments[b].name}" for a, b in pairs[:limit]]
    more = [f"and {len(pairs) - limit} more pairs"] if len(pairs) > limit else []
    return ", ".join(named + more)
