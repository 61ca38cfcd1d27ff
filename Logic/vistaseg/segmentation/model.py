"""The result of a segmentation: boxed masks on the grid of the input volume."""

from __future__ import annotations

import colorsys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from vistaseg.errors import UsageError
from vistaseg.geometry.box import Index, VoxelBox
from vistaseg.masks.boxed import BoxedMask, Mask
from vistaseg.masks.label_boxes import label_boxes
from vistaseg.segmentation.confidence import confidence_of

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

    from vistaseg.catalog import Terminology
    from vistaseg.geometry.grid import Grid
    from vistaseg.segmentation.drawn import Drawn

Color = tuple[int, int, int]

MAX_LABEL = 65535
SHOWN = 4
"""Segments that a `repr` names."""


@dataclass(eq=False)
class Segment:
    """One structure: what it is, where it is, and how it was made.

    Attributes:
        name: one line of text; control characters and runs of spaces become one space.
        label_value: 1 to 65535.
        structure_id: id in the catalog, None for what is not in it.
        color: (red, green, blue), 0 to 255.
        terminology: DICOM codes, None where there are none.
        mask: on the grid of the volume.
        provenance: JSON-able; `algorithm_type` (AUTOMATIC, SEMIAUTOMATIC, MANUAL) and `algorithm_name` are
            what Slicer hands on to DICOM.
        drawn: what it is on the voxels that it was drawn on, where the grid may not hold it unchanged; else None.
    """

    name: str
    label_value: int
    structure_id: int | None
    color: Color
    terminology: Terminology | None
    mask: BoxedMask
    provenance: dict[str, Any] = field(default_factory=dict)
    drawn: Drawn | None = None

    def __post_init__(self) -> None:
        self.name = _one_line(self.name)
        if not 1 <= self.label_value <= MAX_LABEL:
            raise ValueError(f"label value {self.label_value} of {self.name!r} is not in 1 to {MAX_LABEL}")

    @property
    def voxel_count(self) -> int:
        """Number of voxels set."""
        return self.mask.voxel_count

    @property
    def confidence(self) -> float | None:
        """How sure the model is of the mask, 0…1; None where it says nothing, or the mask was changed since."""
        return confidence_of(self.provenance, self.voxel_count)

    def volume_ml(self, spacing: Sequence[float]) -> float:
        """Volume in millilitres on a grid with this spacing (mm) and orthogonal axes."""
        return self.voxel_count * float(np.prod(np.asarray(spacing, dtype=float))) / 1000.0


def _one_line(text: str) -> str:
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split()) or "unnamed"


class LabelInfo(Protocol):
    """What `Segmentation.from_label_map` wants to know of a label; a catalog structure has it."""

    @property
    def id(self) -> int: ...  # noqa: D102
    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def color(self) -> Color: ...  # noqa: D102
    @property
    def terminology(self) -> Terminology | None: ...  # noqa: D102


@dataclass(eq=False, repr=False)
class Segmentation:
    """Segments on the grid of one volume.

    `segmentation["liver"]` is the segment of a name or synonym, and a loop gives all of them, as `SegmentOnGrid`.

    Attributes:
        shape_ijk: number of voxels (I, J, K) of the grid.
        ijk_to_ras: 4x4, voxel index (i, j, k) to RAS millimetres.
        segments: in the order they are listed and written; they may overlap.
        name: of the volume that was segmented.
        notes: what a reader had to assume about the file, a sentence each.
    """

    shape_ijk: Index
    ijk_to_ras: npt.NDArray[np.float64]
    segments: list[Segment] = field(default_factory=list)
    name: str = "segmentation"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.ijk_to_ras = np.array(self.ijk_to_ras, dtype=np.float64)
        for segment in self.segments:
            if any(last > size for last, size in zip(segment.mask.box.stop, self.shape_ijk, strict=True)):
                raise ValueError(f"segment {segment.name!r} lies outside the grid {self.shape_ijk}")

    def __repr__(self) -> str:
        shown = [f"{one.name} {one.volume_ml:.4g} ml" for _, one in zip(range(SHOWN), self, strict=False)]
        more = f" and {len(self.segments) - SHOWN} more" if len(self.segments) > SHOWN else ""
        return f"<Segmentation of {self.name}: {', '.join(shown) or 'no segments'}{more}>"

    def __iter__(self) -> Iterator[SegmentOnGrid]:
        return (SegmentOnGrid(segment, self) for segment in self.segments)

    def __contains__(self, name: str) -> bool:
        return bool(self._named(name))

    def __getitem__(self, name: str) -> SegmentOnGrid:
        """The segment of a name, or of a synonym of it; upper and lower case do not matter.

        Raises:
            KeyError: there is none, or several.
        """
        found = self._named(name)
        if len(found) != 1:
            problem = f"{len(found)} segments are named {name!r}" if found else f"there is no segment {name!r}"
            raise KeyError(f"{problem}; the names are: {', '.join(one.name for one in self.segments) or 'none'}")
        return SegmentOnGrid(found[0], self)

    def _named(self, name: str) -> list[Segment]:
        from vistaseg import catalog

        exact = [one for one in self.segments if one.name.casefold() == name.strip().casefold()]
        structure = catalog.by_name(name)
        return exact or [one for one in self.segments if structure and one.structure_id == structure.id]

    @property
    def grid(self) -> Grid:
        """Size and position of the voxels."""
        from vistaseg.geometry.grid import Grid

        return Grid(self.shape_ijk, self.ijk_to_ras)

    @property
    def shape_kji(self) -> Index:
        """Size of an array on the grid, in array order (k, j, i)."""
        i, j, k = self.shape_ijk
        return k, j, i

    @property
    def spacing(self) -> tuple[float, float, float]:
        """Distance of neighbouring voxels along (i, j, k), in mm."""
        return self.grid.spacing

    def volume_ml(self, segment: Segment) -> float:
        """Volume in millilitres; right for grids with a tilted axis too, because it uses the determinant."""
        return segment.voxel_count * abs(float(np.linalg.det(self.ijk_to_ras[:3, :3]))) / 1000.0

    def overlaps(self) -> bool:
        """Whether any voxel belongs to more than one segment."""
        from vistaseg.segmentation.overlap import overlapping_pairs

        return bool(overlapping_pairs(self.segments))

    def full_mask(self, segment: Segment) -> Mask:
        """The mask of a segment on the whole grid, (k, j, i)."""
        return segment.mask.within(VoxelBox.whole(self.shape_ijk))

    def label_map(self) -> npt.NDArray[np.uint16]:
        """Label values on the whole grid, uint16 (k, j, i), 0 where there is nothing.

        Raises:
            UsageError: segments overlap or share a label value, which a label map cannot say.
        """
        from vistaseg.segmentation.overlap import require_label_map

        require_label_map(self.segments)
        labels = np.zeros(self.shape_kji, dtype=np.uint16)
        for segment in self.segments:
            labels[segment.mask.box.slices_kji][segment.mask.array] = segment.label_value
        return labels

    def to_sitk(self) -> Any:
        """The label map as a SimpleITK image.

        Raises:
            UsageError: segments overlap, see `label_map`.
            InputError: the axes are not at right angles, which SimpleITK cannot hold.
        """
        from vistaseg.volume import Volume

        return Volume.from_array(self.label_map(), self.ijk_to_ras, axes="kji", name=self.name).to_sitk()

    def to_nibabel(self) -> Any:
        """The label map as a `nibabel.Nifti1Image`, in (i, j, k) and RAS.

        Raises:
            UsageError: segments overlap, see `label_map`, or nibabel is not installed.
        """
        labels = self.label_map()
        try:
            from importlib import import_module

            nibabel: Any = import_module("nibabel")
        except ImportError as error:
            raise UsageError("nibabel is not installed: pip install nibabel.") from error
        return nibabel.Nifti1Image(labels.transpose(2, 1, 0), self.ijk_to_ras)

    def save(self, path: Path | str) -> None:
        """Write as .seg.nrrd, as a .nii.gz label map, or as a folder with one NIfTI file per structure.

        Raises:
            UsageError: see `write_segmentation`.
        """
        from vistaseg.segmentation.files import write_segmentation

        write_segmentation(self, path)

    @classmethod
    def from_label_map(
        cls,
        label_map: npt.NDArray[np.integer[Any]],
        ijk_to_ras: npt.NDArray[np.float64],
        table: Mapping[int, LabelInfo] | None = None,
        name: str = "segmentation",
        provenance: Mapping[str, Any] | None = None,
    ) -> Segmentation:
        """Segments of the labels that occur in `label_map` (k, j, i), each cropped, in order of label.

        Labels that `table` does not name are called "label 7" and get a colour of their own. Each segment
        gets a copy of `provenance`.

        Raises:
            UsageError: a label is negative or above 65535.
        """
        k, j, i = label_map.shape
        segments = [
            _segment_of_label(label, mask, (table or {}).get(label), provenance or {})
            for label, mask in label_masks(label_map).items()
        ]
        return cls((i, j, k), ijk_to_ras, segments, name)


@dataclass(frozen=True, eq=False)
class SegmentOnGrid:
    """One segment of a segmentation, with its whole grid.

    Attributes:
        segment: name, codes, colour, and how it was made.
        segmentation: that it belongs to.
    """

    segment: Segment
    segmentation: Segmentation

    @property
    def name(self) -> str:
        """Name of the structure."""
        return self.segment.name

    @property
    def mask(self) -> Mask:
        """Bool (k, j, i) on the whole grid; a new array."""
        return self.segmentation.full_mask(self.segment)

    @property
    def voxel_count(self) -> int:
        """Number of voxels set."""
        return self.segment.voxel_count

    @property
    def volume_ml(self) -> float:
        """Volume in millilitres."""
        return self.segmentation.volume_ml(self.segment)

    @property
    def confidence(self) -> float | None:
        """How sure the model is of an automatic mask, 0…1; None where it says nothing."""
        return self.segment.confidence

    def __repr__(self) -> str:
        return f"<{self.name}: {self.volume_ml:.4g} ml>"


def _segment_of_label(label: int, mask: BoxedMask, info: LabelInfo | None, provenance: Mapping[str, Any]) -> Segment:
    made = dict(provenance)
    if info is None:
        return Segment(f"label {label}", label, None, distinct_color(label), None, mask, made)
    return Segment(info.name, label, info.id, info.color, info.terminology, mask, made)


def label_masks(label_map: npt.NDArray[np.integer[Any]]) -> dict[int, BoxedMask]:
    """The mask of each label in a map (k, j, i), by ascending label, found in one pass over the map.

    Raises:
        UsageError: a label is negative or above 65535.
    """
    if label_map.size and (int(label_map.min()) < 0 or int(label_map.max()) > MAX_LABEL):
        raise UsageError(f"A label map holds labels from 0 to {MAX_LABEL}, this one does not: renumber its labels.")
    boxes = label_boxes(label_map)
    return {label: BoxedMask(label_map[box.slices_kji] == label, box) for label, box in boxes.items()}


def distinct_color(number: int) -> Color:
    """A colour for the n-th thing that has none: hues a golden angle apart, so that neighbours differ."""
    red, green, blue = colorsys.hsv_to_rgb((number * 0.618034) % 1.0, 0.6, 0.9)
    return round(red * 255), round(green * 255), round(blue * 255)
