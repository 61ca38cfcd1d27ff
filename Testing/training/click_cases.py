"""CTs with structures to click on, on the model's grid, kept on disk as they are read.

    python Testing/training/click_cases.py --cache FOLDER --data FOLDER --chest FOLDER

`--data` holds `totalsegmentator`, and `unlabelled`, `sts` and `openkbp` as far as they are there.
A structure without a class of VISTA3D has an id from 200 here.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import SimpleITK
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(Path(__file__).resolve().parent)]

from augmentation import Subject  # noqa: E402
from cases import AIR, Case, as_array, on_grid, ras_grid, read_cases  # noqa: E402

from vistaseg import catalog  # noqa: E402

LEFT_LUNG, RIGHT_LUNG, SPINE, BRAINSTEM, RIGHT_PAROTID, LEFT_PAROTID, MANDIBLE, TUMOUR = range(200, 208)
FIRST_WITHOUT_CLASS = 200
UNIONS: Mapping[int, tuple[int, ...]] = {
    LEFT_LUNG: (28, 29),
    RIGHT_LUNG: (30, 31, 32),
    SPINE: (*range(33, 57), 127),
}
"""Structures that are clicked on as one, of several classes."""

OPENKBP_LABELS = {
    1: BRAINSTEM,
    2: 121,  # spinal cord
    3: RIGHT_PAROTID,
    4: LEFT_PAROTID,
    5: 11,  # esophagus
    7: MANDIBLE,
}
"""Label → structure. The larynx (6) is left out: its contours are crude."""

OPENKBP_LEFT_OUT: Mapping[int, tuple[int, ...]] = {55: (2,), 128: (3, 4), 215: (2,), 283: (2,), 260: tuple(range(1, 8))}
"""Patient → labels that are not what they say."""

TEACHER_LABELS = {1: 3, 3: 14, 6: 1, 13: LEFT_LUNG, 14: RIGHT_LUNG}
"""Label of the chests without manual labels → structure: spleen, left kidney, liver, lungs."""

IMAGE = ".image.npy"
"""How the name of a cached CT ends; its labels lie beside it."""
SMALLEST = 20
"""Voxels of what is worth a click."""
PLACES = 2000
"""Kept of each structure to centre patches on."""


@dataclass(frozen=True, eq=False)
class ClickCase:
    """A CT on the model's grid.

    Attributes:
        source: which collection it belongs to.
        image: HU, int16, (x, y, z) in RAS order.
        labels: uint8, same shape: classes of VISTA3D, or ids of this module.
    """

    name: str
    source: str
    image: np.ndarray
    labels: np.ndarray

    @cached_property
    def places(self) -> dict[int, torch.Tensor]:
        """Id of each structure that is large enough → some of its voxels (N, 3), the same ones every time."""
        found, generator = {}, torch.Generator().manual_seed(0)
        for class_id, count in zip(*np.unique(self.labels, return_counts=True), strict=True):
            if class_id and count >= SMALLEST:
                voxels = torch.from_numpy(np.argwhere(self.labels == class_id).astype(np.int16))
                found[int(class_id)] = voxels[torch.randperm(len(voxels), generator=generator)[:PLACES]]
        return found

    def subject(self) -> Subject:
        """The case as tensors."""
        return Subject(
            self.name,
            torch.from_numpy(np.asarray(self.image, np.float32))[None, None],
            torch.from_numpy(np.asarray(self.labels, np.float32))[None, None],
            frozenset(self.places),
            tuple(self.places),
            self.places,
        )


def openkbp_number(path: Path) -> int:
    """The patient's number in the name of a file: "pt_12_ct.nii.gz" → 12."""
    return int(path.name.split("_")[1])


def openkbp_labels(number: int) -> dict[int, int]:
    """Labels of a patient that are worth learning, with their structures."""
    left_out = OPENKBP_LEFT_OUT.get(number, ())
    return {label: structure for label, structure in OPENKBP_LABELS.items() if label not in left_out}


def relabelled(labels: SimpleITK.Image, grid: SimpleITK.Image, table: Mapping[int, int]) -> np.ndarray:
    """Labels on a grid (x, y, z): each structure where it fills at least half of a voxel, interpolated."""
    found = np.zeros(as_array(grid).shape, np.uint8)
    for label, structure in table.items():
        mask = SimpleITK.Cast(labels == label, SimpleITK.sitkFloat32)
        found[as_array(on_grid(mask, grid, SimpleITK.sitkLinear, 0)) >= 0.5] = structure
    return found


def from_files(name: str, source: str, ct: Path, labels: Path, table: Mapping[int, int], spacing: float) -> ClickCase:
    """A case of a CT and a label map of the same frame."""
    grid = ras_grid(SimpleITK.ReadImage(str(ct)), spacing)
    return ClickCase(name, source, as_hu(as_array(grid)), relabelled(SimpleITK.ReadImage(str(labels)), grid, table))


def as_hu(image: np.ndarray) -> np.ndarray:
    """Whole HU that are no less than air's."""
    return np.clip(np.rint(image), AIR, 3071).astype(np.int16)


def openkbp_cases(folder: Path, first: int, last: int, spacing: float) -> Iterator[ClickCase]:
    """Head-and-neck CTs of the patients `first` to `last`, both included."""
    for ct in sorted(folder.glob("pt_*_ct.nii.gz"), key=openkbp_number):
        number = openkbp_number(ct)
        if first <= number <= last:
            labels = ct.with_name(f"pt_{number}_lab.nii.gz")
            yield from_files(f"pt_{number}", "openkbp", ct, labels, openkbp_labels(number), spacing)


def sts_cases(folder: Path, split: str, spacing: float) -> Iterator[ClickCase]:
    """CTs of tumours in limbs, of the split "train" or "validation"."""
    for name, entry in json.loads((folder / "index.json").read_text()).items():
        if entry["split"] == split:
            ct, labels = (folder / f"{name}_{kind}.nii.gz" for kind in ("ct", "gtv"))
            yield from_files(name, "sts", ct, labels, {1: TUMOUR}, spacing)


def chest_cases(folder: Path, names: tuple[str, ...], spacing: float) -> Iterator[ClickCase]:
    """Chest CTs with labels of a teacher."""
    for name in names:
        ct, labels = (folder / f"{name}_{kind}.nii.gz" for kind in ("ct", "teacher"))
        yield from_files(name, "chests", ct, labels, TEACHER_LABELS, spacing)


def labelled_case(case: Case) -> ClickCase:
    """A case of the automatic branch, to click on."""
    return ClickCase(case.name, "labelled", as_hu(case.image), case.labels)


def write_cases(cache: Path, cases: Iterable[ClickCase]) -> None:
    """Keep cases on disk."""
    for case in cases:
        np.save(cache / f"{case.source}-{case.name}.labels.npy", case.labels)
        np.save(cache / f"{case.source}-{case.name}{IMAGE}", case.image)


def read_click_cases(cache: Path) -> list[ClickCase]:
    """Every case of a cache, in the order of their names; voxels are read when they are used."""
    found = []
    for path in sorted(cache.glob(f"*-*{IMAGE}")):
        source, name = path.name.removesuffix(IMAGE).split("-", 1)
        labels = path.with_name(f"{source}-{name}.labels.npy")
        found.append(ClickCase(name, source, np.load(path, mmap_mode="r"), np.load(labels, mmap_mode="r")))
    return found


def collections(data: Path, chest: Path, spacing: float) -> Iterator[ClickCase]:
    """Every CT that training may see; says which collections are missing."""
    ids = {structure.name: structure.id for structure in catalog.structures()}
    yield from map(labelled_case, read_cases(data / "totalsegmentator", chest, ids, spacing))
    readers = {
        "unlabelled": lambda folder: chest_cases(folder, ("chest_low_dose", "chest_thin"), spacing),
        "sts": lambda folder: sts_cases(folder, "train", spacing),
        "openkbp": lambda folder: openkbp_cases(folder, 1, 200, spacing),
    }
    for name, reader in readers.items():
        if (data / name).is_dir():
            yield from reader(data / name)
        else:
            print(f"{data / name} is missing: training goes without it.")


def main() -> None:
    """Fill a cache with what training may see."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("cache", "data", "chest"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--spacing", type=float, default=3.0, help="of the model, in mm")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    write_cases(arguments.cache, collections(arguments.data, arguments.chest, arguments.spacing))
    print(f"{len(list(arguments.cache.glob(f'*{IMAGE}')))} CTs in {arguments.cache.resolve()}")


if __name__ == "__main__":
    main()
