"""What makes a segment worth a look: it is cut off, in pieces, of a size that its kind hardly has, or doubtful."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from vistaseg.masks.boxed import BoxedMask, Mask
from vistaseg.resources import resource_path
from vistaseg.segmentation.confidence import LOW_CONFIDENCE, confidence_of
from vistaseg.segmentation.model import Segment
from vistaseg.volume.simpleitk import simpleitk

if TYPE_CHECKING:
    import numpy.typing as npt

    from vistaseg.geometry.grid import Grid
    from vistaseg.segmentation.drawn import Drawn

SIZE_MARGIN = 2.0
"""How many times smaller than the smaller reference, or larger than the larger, a size still passes.

The source has reference values and no limits; the margin is this project's.
"""
STRAY_SHARE = 0.02
"""Share of a segment that may lie outside its largest piece; less are specks."""
CHANGED_VOLUME = 0.1
"""Share of its volume that a segment may gain or lose on other voxels without a word."""
_MOST_CELLS = 1_000_000
_COUNTS = ("pieces", "voxels_outside", "voxels")


@dataclass(frozen=True)
class Finding:
    """One reason to look at a segment.

    Attributes:
        kind: "border": it touches the border of the scan; "pieces": it is not in one piece; "small" and "large":
            for its kind; "confidence": the model is not sure of it; "outside": a part lies outside the scan;
            "resampled": its volume on the voxels of the scan is another.
        numbers: "pieces": how many there are, and the share outside the largest, 0 … 1; "small" and "large": its
            volume, and the least and the most that is expected, ml; "confidence": how sure, 0 … 1; "outside": how many
            voxels, and of how many; "resampled": its volume as drawn, and on the scan, ml; else nothing.
    """

    kind: Literal["border", "pieces", "small", "large", "confidence", "outside", "resampled"]
    numbers: tuple[float, ...] = ()

    @property
    def severity(self) -> float:
        """How far from what is expected, 0 … 1, to show the worst first; the scale is ours."""
        if self.kind == "border":
            return 0.05
        if self.kind == "pieces":
            return self.numbers[1]
        if self.kind == "outside":
            return self.numbers[0] / self.numbers[1]
        if self.kind == "resampled":
            return 1 - min(self.numbers) / max(self.numbers)
        if self.kind == "confidence":
            return 1 - self.numbers[0] / LOW_CONFIDENCE
        volume, low, high = self.numbers
        return 1 - volume / low if self.kind == "small" else 1 - high / volume

    def as_dict(self) -> dict[str, Any]:
        """JSON-able: the kind, and its numbers by name."""
        names = {
            "pieces": ("pieces", "share_outside_largest"),
            "confidence": ("confidence",),
            "outside": ("voxels_outside", "voxels"),
            "resampled": ("drawn_ml", "ml"),
        }
        named = dict(zip(names.get(self.kind, ("ml", "least_ml", "most_ml")), self.numbers, strict=False))
        return {"kind": self.kind} | {
            key: round(value) if key in _COUNTS else round(value, 4) for key, value in named.items()
        }


def findings(mask: BoxedMask, grid: Grid, structure_id: int | None) -> tuple[Finding, ...]:
    """Why a segment is worth a look; nothing without a reason, or without a voxel.

    Args:
        mask: on `grid`.
        grid: of the scan.
        structure_id: id in the catalogue; None for a structure without a class, whose size is not known.
    """
    if mask.empty:
        return ()
    cut = touches_border(mask, grid.shape_ijk)
    milliliters = float(mask.voxel_count) * voxel_milliliters(grid)
    found = [Finding("border")] if cut else []
    found += [] if structure_id in _references().in_pieces else _pieces(mask.array)
    return (*found, *_size(milliliters, structure_id, cut))


def worth_a_look(
    found: tuple[Finding, ...], provenance: Mapping[str, Any], voxels: int, edited: bool = False
) -> tuple[Finding, ...]:
    """All that makes a segment worth a look.

    Args:
        found: `findings` of its mask.
        provenance: how it was made.
        voxels: of its mask.
        edited: whether somebody painted on it since, so that what a model said of it is of another mask.
    """
    return found if edited else (*found, *doubts(confidence_of(provenance, voxels)))


def segment_findings(segment: Segment, grid: Grid) -> tuple[Finding, ...]:
    """All that makes a segment of a file or of a result worth a look."""
    milliliters = segment.voxel_count * voxel_milliliters(grid)
    found = losses(segment.drawn, milliliters) + findings(segment.mask, grid, segment.structure_id)
    return worth_a_look(found, segment.provenance, segment.voxel_count)


def losses(drawn: Drawn | None, milliliters: float) -> tuple[Finding, ...]:
    """What the grid of a scan does not hold of a segment as it was drawn.

    Args:
        drawn: the segment on its own voxels; None where the grid holds it unchanged.
        milliliters: its volume on the grid.
    """
    if drawn is None:
        return ()
    found = [Finding("outside", (drawn.outside, drawn.voxels))] if drawn.outside else []
    before = drawn.milliliters_inside
    if abs(milliliters - before) > CHANGED_VOLUME * before:
        found.append(Finding("resampled", (before, milliliters)))
    return tuple(found)


def doubts(confidence: float | None) -> tuple[Finding, ...]:
    """That a model is not sure of a segment, where it says how sure it is; see `confidence_of`."""
    return () if confidence is None or confidence >= LOW_CONFIDENCE else (Finding("confidence", (confidence,)),)


def voxel_milliliters(grid: Grid) -> float:
    """Volume of one voxel, for tilted axes too."""
    return abs(float(np.linalg.det(grid.ijk_to_ras[:3, :3]))) / 1000.0


def touches_border(mask: BoxedMask, shape_ijk: tuple[int, int, int]) -> bool:
    """Whether a mask has a voxel in the outermost layer of its grid."""
    return any(
        (mask.box.start[axis] == 0 and bool(mask.array.take(0, 2 - axis).any()))
        or (mask.box.stop[axis] == size and bool(mask.array.take(-1, 2 - axis).any()))
        for axis, size in enumerate(shape_ijk)
    )


def _pieces(mask: Mask) -> list[Finding]:
    """Pieces that meet at a corner are one; large masks are looked at in cells of several voxels."""
    cells = _voxels_in_cells(mask)
    image = simpleitk().GetImageFromArray((cells > 0).astype(np.uint8))
    labels = simpleitk().GetArrayFromImage(simpleitk().ConnectedComponent(image, True))
    sizes = np.bincount(labels.ravel(), weights=cells.ravel())[1:]
    stray = 1.0 - float(sizes.max() / sizes.sum())
    return [Finding("pieces", (float(sizes.size), stray))] if stray > STRAY_SHARE else []


def _voxels_in_cells(mask: Mask) -> npt.NDArray[np.uint16]:
    """How many voxels (k, j, i) are set in each cube of as few voxels as leave about a million cubes."""
    counts = mask.astype(np.uint16)
    side = int(np.ceil(np.cbrt(mask.size / _MOST_CELLS)))
    for axis in range(3):
        counts = _summed(counts, side, axis)
    return counts


def _summed(counts: npt.NDArray[np.uint16], side: int, axis: int) -> npt.NDArray[np.uint16]:
    """Sums of `side` neighbours along an axis; of fewer at the end."""
    parts = [np.moveaxis(counts, axis, 0)[first::side] for first in range(side)]
    sums = parts[0].copy()
    for part in parts[1:]:
        sums[: len(part)] += part
    return np.moveaxis(sums, 0, axis)


def _size(milliliters: float, structure_id: int | None, cut: bool) -> list[Finding]:
    expected = _references().milliliters.get(structure_id)
    if expected is None:
        return []
    low, high = expected
    if milliliters > high:
        return [Finding("large", (milliliters, low, high))]
    return [Finding("small", (milliliters, low, high))] if milliliters < low and not cut else []


@dataclass(frozen=True)
class _References:
    milliliters: dict[int | None, tuple[float, float]]
    in_pieces: frozenset[int | None]


@lru_cache(maxsize=1)
def _references() -> _References:
    table: dict[str, Any] = json.loads(resource_path("reference-volumes.json").read_text(encoding="utf-8"))
    density = table["density_g_per_ml"]
    limits = {
        row["id"]: (min(row["grams"]) / density / SIZE_MARGIN, max(row["grams"]) / density * SIZE_MARGIN)
        for row in table["organs"]
    }
    return _References(limits, frozenset(table["in_pieces"]))
