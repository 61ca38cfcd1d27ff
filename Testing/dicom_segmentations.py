"""Segmentations on small DICOM series, for tests: series in memory, and segments of many kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from dicom_series import ct_images, enhanced_ct
from pydicom.uid import MRImageStorage, PositronEmissionTomographyImageStorage

from vistaseg import catalog
from vistaseg.dicom import Series
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume

SHAPE_KJI = (6, 9, 10)
AXIAL = np.array([[-0.7, 0, 0, 100], [0, -0.7, 0, 120], [0, 0, 2.5, -50], [0, 0, 0, 1.0]])
AUTOMATIC = {
    "algorithm_type": "AUTOMATIC",
    "algorithm_name": "VISTA3D",
    "software": "VistaSeg 1.0",
    "model": "vista3d",
    "weights_sha256": "ab" * 32,
    "recipe": {"vista3d": {"version": 2, "padding": "replicate", "click_place": "exact"}},
    "device": "cpu",
    "precision": "fp32",
}
SEMIAUTOMATIC = AUTOMATIC | {"algorithm_type": "SEMIAUTOMATIC", "prompts": [{"kind": "point", "ras": [1.0, 2.0, 3.0]}]}
MANUAL = {"algorithm_type": "MANUAL"}


def rotation(axis: Sequence[float], degrees: float) -> np.ndarray:
    """(4, 4) about an axis."""
    from scipy.spatial.transform import Rotation

    matrix = np.eye(4)
    unit = np.asarray(axis, dtype=float) / np.linalg.norm(axis)
    matrix[:3, :3] = Rotation.from_rotvec(np.deg2rad(degrees) * unit).as_matrix()
    return matrix


SAGITTAL = np.array([[0, 0, 3.0, 20], [-0.9, 0, 0, 50], [0, -0.9, 0, 60], [0, 0, 0, 1.0]])
CORONAL = np.array([[-0.9, 0, 0, 20], [0, 0, -3.0, 50], [0, -0.9, 0, 60], [0, 0, 0, 1.0]])
GRIDS = {
    "axial": AXIAL,
    "oblique in its plane": rotation((0, 0, 1), 23) @ AXIAL,
    "non-square": AXIAL @ np.diag([1.3, 0.8, 1, 1]),
    "sagittal": SAGITTAL,
    "coronal": CORONAL,
    "doubly oblique": rotation((1, 2, 3), 31) @ AXIAL,
}


def volume_on(ijk_to_ras: np.ndarray, shape_kji: tuple[int, int, int] = SHAPE_KJI, modality: str = "CT") -> Volume:
    """Noise of HU."""
    values = np.random.default_rng(0).integers(-1000, 1000, shape_kji).astype(np.int16)
    return Volume.from_array(values, ijk_to_ras, axes="kji", name="scan", modality=modality)


def series_on(volume: Volume, **kinds: Any) -> Series:
    """A series of CT images in memory; `kinds` are attributes that each image gets instead of its own."""
    images = ct_images(volume)
    for image in images:
        for keyword, value in kinds.items():
            setattr(image, keyword, value)
    return Series(replace(volume, modality=str(images[0].Modality)), tuple(images), ())


def series_of_kind(kind: str) -> Series:
    """A small series: one of `GRIDS`, "MR", "PET", or "enhanced CT"."""
    if kind == "enhanced CT":
        volume = volume_on(AXIAL)
        order = [3, 1, 5, 0, 4, 2]
        return Series(volume, (enhanced_ct(volume, order),), (), tuple(order.index(k) + 1 for k in range(6)))
    if kind == "MR":
        volume = volume_on(rotation((3, 1, 0), 17) @ AXIAL @ np.diag([1, 1, 2, 1]), modality="MR")
        return series_on(volume, Modality="MR", SOPClassUID=MRImageStorage, SliceThickness=3)
    if kind == "PET":
        volume = volume_on(AXIAL @ np.diag([4, 4, 1, 1]))
        return series_on(volume, Modality="PT", SOPClassUID=PositronEmissionTomographyImageStorage)
    return series_on(volume_on(GRIDS[kind]))


KINDS = (*GRIDS, "MR", "PET", "enhanced CT")


def segment_of(name: str, mask: np.ndarray, provenance: dict[str, Any] | None = None, label: int = 1) -> Segment:
    """A segment of a mask (k, j, i), with the codes of the structure of that name, if there is one."""
    boxed = BoxedMask.of(mask)
    found = {structure.name: structure for structure in catalog.structures()}.get(name)
    made = AUTOMATIC if provenance is None else provenance
    if found is None:
        return Segment(name, label, None, (201, 30, 77), None, boxed, dict(made))
    return Segment(name, found.id, found.id, found.color, found.terminology, boxed, dict(made))


def box(*ranges: tuple[int, int], shape_kji: tuple[int, int, int] = SHAPE_KJI) -> np.ndarray:
    """A mask (k, j, i) of a box, given as (first, last + 1) for k, j and i."""
    mask = np.zeros(shape_kji, dtype=bool)
    mask[tuple(slice(*ends) for ends in ranges)] = True
    return mask


def on(series: Series, *segments: Segment) -> Segmentation:
    """A segmentation on the grid of a series."""
    return Segmentation(series.volume.shape_ijk, series.volume.ijk_to_ras, list(segments))


LONG_NAME = "Läsion 中 with a name that is longer than the sixty-four bytes of a label"


def several(series: Series) -> Segmentation:
    """Segments of every origin: codes with a side, a region, none; one that overlaps; one voxel; at the border."""
    return on(
        series,
        segment_of("liver", box((1, 4), (2, 6), (3, 7))),
        segment_of("left kidney", box((3, 6), (0, 4), (0, 5)), SEMIAUTOMATIC),
        segment_of("lung tumor", box((0, 1), (8, 9), (9, 10)), MANUAL),
        segment_of(
            "Läsion 中 of the patient, which has a name that is longer than sixty-four letters",
            box((2, 3), (3, 5), (4, 6)),
        ),
    )


def one_voxel(series: Series) -> Segmentation:
    return on(series, segment_of("spleen", box((5, 6), (8, 9), (0, 1))))


def everything(series: Series) -> Segmentation:
    """117 segments of one to three voxels each."""
    random = np.random.default_rng(3)
    order = random.permutation(int(np.prod(SHAPE_KJI)))
    segments = []
    for number, structure_id in enumerate(catalog.everything()):
        mask = np.zeros(int(np.prod(SHAPE_KJI)), dtype=bool)
        mask[order[4 * number : 4 * number + 1 + number % 3]] = True
        segments.append(segment_of(catalog.get(structure_id).name, mask.reshape(SHAPE_KJI)))
    return on(series, *segments)


def same_masks(one: Segmentation, other: Segmentation) -> bool:
    """Whether both have the same segments, voxel by voxel, in the same order."""
    pairs = list(zip(one.segments, other.segments, strict=True))
    return all(np.array_equal(one.full_mask(first), other.full_mask(second)) for first, second in pairs)
