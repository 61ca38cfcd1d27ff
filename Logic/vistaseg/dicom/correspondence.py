"""Whether the frames of a DICOM segmentation lie where the images lie that they were made from.

The standard lets a segmentation lie on another grid than its images, and name for each frame the image that is nearest
to it, as dcmqi does. A frame that says that it has the pixels of an image has to lie on them: by Spatial Locations
Preserved, which highdicom writes only where that is so, or by having most of the geometry of the image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from pydicom.dataset import Dataset

from vistaseg.dicom.derivations import Derivation, Source, derivations
from vistaseg.dicom.planes import Plane, planes_of
from vistaseg.dicom.seg_file import frame_count, whole_number
from vistaseg.dicom.seg_grid import frame_numbers
from vistaseg.errors import InputError

if TYPE_CHECKING:
    from vistaseg.dicom.series import Series

_ROUNDING_MM = 0.1
_SAME_SLICE = 0.1  # of the distance of slices, as for the slices of a series
_NEAREST = 0.5  # of the distance of slices: from there on another one is nearer
_SAME_PIXEL = 0.5
_SAME_SPACING = 1e-3
_TURNED = 2e-3  # sine of the angle; directions are often rounded to three decimals

Vectors = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Planes:
    """Rectangles of pixels in space.

    Attributes:
        positions: (N, 3) LPS mm of the first pixel.
        directions: (N, 2, 3) along a row, down a column.
        spacings: (N, 2) mm between rows, between columns.
        size: rows and columns.
    """

    positions: Vectors
    directions: Vectors
    spacings: Vectors
    size: tuple[int, int]

    def __getitem__(self, which: npt.ArrayLike) -> _Planes:
        index = np.asarray(which, dtype=np.intp)
        return replace(
            self,
            positions=self.positions[index],
            directions=self.directions[index],
            spacings=self.spacings[index],
        )

    @property
    def normals(self) -> Vectors:
        """(N, 3) unit vectors."""
        return np.cross(self.directions[:, 0], self.directions[:, 1])

    @property
    def corners(self) -> Vectors:
        """(N, 4, 3) LPS mm of the centres of the pixels in the corners."""
        rows, columns = self.size
        ends = np.array([[0, 0], [columns - 1, 0], [0, rows - 1], [columns - 1, rows - 1]], dtype=np.float64)
        steps = self.directions * self.spacings[:, ::-1, np.newaxis]
        corners: Vectors = self.positions[:, np.newaxis] + ends @ steps
        return corners


@dataclass(frozen=True)
class _Contradiction:
    """A frame, counted from 0, and the slice of the series that it contradicts: by sine of an angle, and by mm."""

    frame: int
    k: int
    turned: float
    away: float


def require_correspondence(dataset: Dataset, series: Series, distance: float) -> None:
    """Check that the frames lie where the images lie that they name.

    Args:
        distance: of the slices of the segmentation, mm.

    Raises:
        InputError: some do not; the message names the farthest one, its image, and how far they are apart.
    """
    slices = planes_of(series)
    found = derivations(dataset, slices)
    if not found:
        return
    frames, images = _frames(dataset), _images(slices, series)
    distances = float(series.volume.spacing[2]), distance
    wrong = [one for derivation in found for one in _contradictions(derivation, frames, images, distances)]
    if wrong:
        raise _error(wrong, len(frames.positions), slices)


def _error(wrong: Sequence[_Contradiction], total: int, slices: Sequence[Plane]) -> InputError:
    worst = max(wrong, key=lambda one: one.away)
    image = slices[worst.k]
    part = "" if image.frame is None else f"frame {image.frame} of "
    turned = f"is turned by {np.degrees(np.arcsin(min(worst.turned, 1))):.1f} degrees against"
    lies = turned if worst.turned > _TURNED else f"lies {worst.away:.1f} mm away from"
    return InputError(
        f"{len(wrong)} of its {total} frames contradict the images that they name: frame {worst.frame + 1} {lies} "
        f"{part}the image {image.sop_instance_uid}. It was moved, or made for another scan: export it again from its "
        "own series."
    )


def _frames(dataset: Dataset) -> _Planes:
    size = whole_number(dataset, "Rows"), whole_number(dataset, "Columns")
    return _planes(
        frame_numbers(dataset, "PlanePositionSequence", "ImagePositionPatient", 3),
        frame_numbers(dataset, "PlaneOrientationSequence", "ImageOrientationPatient", 6),
        frame_numbers(dataset, "PixelMeasuresSequence", "PixelSpacing", 2),
        size,
        frame_count(dataset),
    )


def _images(slices: Sequence[Plane], series: Series) -> _Planes:
    columns, rows, _ = series.volume.shape_ijk
    return _planes(
        np.array([plane.position for plane in slices]),
        np.array([plane.orientation for plane in slices]),
        np.array([plane.pixel_spacing for plane in slices]),
        (rows, columns),
        len(slices),
    )


def _planes(positions: Vectors, directions: Vectors, spacings: Vectors, size: tuple[int, int], count: int) -> _Planes:
    """Each array has a row for each plane, or one for all of them; directions are made unit vectors."""
    vectors = directions.reshape(-1, 2, 3)
    vectors = vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
    return _Planes(
        np.broadcast_to(positions, (count, 3)),
        np.broadcast_to(vectors, (count, 2, 3)),
        np.broadcast_to(spacings, (count, 2)),
        size,
    )


def _contradictions(
    derivation: Derivation, frames: _Planes, images: _Planes, distances: tuple[float, float]
) -> Iterator[_Contradiction]:
    """Of frames that name the same images, each against the one that is nearest to it.

    Args:
        distances: of the slices of the series, and of the segmentation, mm.
    """
    sources = [source for source in derivation.sources if source.preserved != "NO"]
    if not sources:
        return
    numbers = np.array(derivation.frames)
    away = np.stack([_along(frames[numbers], images[[source.k]]) for source in sources])
    nearest = np.argmin(away, axis=0)
    for index in np.unique(nearest).tolist():
        # What names several images has the pixels of none of them.
        source = sources[index] if len(sources) == 1 else Source(sources[index].k, "")
        yield from _against(source, numbers[nearest == index], frames, images[[source.k]], distances)


def _against(
    source: Source, numbers: npt.NDArray[np.intp], frames: _Planes, image: _Planes, distances: tuple[float, float]
) -> Iterator[_Contradiction]:
    own = frames[numbers]
    turned, along, sideways = _turned(own, image), _along(own, image), _sideways(own, image)
    nearest = _NEAREST * max(distances) + _ROUNDING_MM
    limit = _SAME_SLICE * distances[0] + _ROUNDING_MM if source.preserved else nearest
    shifted = sideways > _SAME_PIXEL * float(image.spacings.max()) + _ROUNDING_MM
    misplaced = (turned > _TURNED) | (along > limit) | shifted
    elsewhere = (turned <= _TURNED) & (along > nearest)
    wrong = np.where(_has_its_pixels(own, image, bool(source.preserved)), misplaced, elsewhere)
    for index in np.flatnonzero(wrong).tolist():
        away = float(np.hypot(along[index], sideways[index]))
        yield _Contradiction(int(numbers[index]), source.k, float(turned[index]), away)


def _has_its_pixels(frames: _Planes, image: _Planes, stated: bool) -> npt.NDArray[np.bool_]:
    """(N,) whether frames are meant to have the pixels of an image; `stated` where they say so.

    A frame of its size that differs only in place, only in direction or only in spacing is one of its own, gone wrong.
    """
    if sorted(frames.size) != sorted(image.size):
        return np.zeros(len(frames.positions), dtype=bool)
    same_spacing = np.abs(frames.spacings - image.spacings).max(axis=1) <= _SAME_SPACING
    sines = np.cross(frames.directions[:, :, np.newaxis], image.directions[:, np.newaxis])
    same_directions = np.linalg.norm(sines, axis=-1).min(axis=-1).max(axis=-1) <= _TURNED
    offsets = np.linalg.norm(frames.positions[:, np.newaxis] - image.corners, axis=-1).min(axis=-1)
    same_corner = offsets <= _SAME_PIXEL * float(image.spacings.max()) + _ROUNDING_MM
    agreeing = same_spacing.astype(int) + same_directions + same_corner
    meant: npt.NDArray[np.bool_] = (agreeing >= 2) | stated
    return meant


def _turned(frames: _Planes, image: _Planes) -> Vectors:
    """(N,) sines of the angles between the normals, whichever way they point."""
    return np.asarray(np.linalg.norm(np.cross(frames.normals, image.normals), axis=1))


def _along(frames: _Planes, image: _Planes) -> Vectors:
    """(N,) mm along the normal of the image, from it to the centres of the frames."""
    return np.asarray(np.abs((frames.corners.mean(axis=1) - image.positions) @ image.normals[0]))


def _sideways(frames: _Planes, image: _Planes) -> Vectors:
    """(N,) mm within the image: the farthest that a corner of a frame is from the next corner of the image.

    A frame may be turned and mirrored against its image, as long as it covers the same pixels.
    """
    ways = frames.corners[:, :, np.newaxis] - image.corners[:, np.newaxis]
    within = ways @ image.directions[0].T
    return np.asarray(np.linalg.norm(within, axis=-1).min(axis=-1).max(axis=-1))
