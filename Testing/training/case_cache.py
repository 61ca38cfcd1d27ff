"""Every CT that training may see, on the model's grid, kept on disk as it is read.

    python Testing/training/case_cache.py --cache FOLDER --data FOLDER --chest FOLDER

`--data` holds `totalsegmentator`, and `unlabelled`, `sts` and `openkbp` as far as they are there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import SimpleITK

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(Path(__file__).resolve().parent)]

from cases import Case, as_array, as_hu, everywhere, on_grid, ras_grid, read_cases  # noqa: E402
from teachers import BONE_HU, body_of, lungs_in_the_lowest_plane, with_bone  # noqa: E402
from training_structures import (  # noqa: E402
    ABDOMEN,
    BONE,
    BRAINSTEM,
    CHEST,
    HEAD,
    LEFT_LUNG,
    LEFT_PAROTID,
    MANDIBLE,
    NECK,
    PELVIS,
    RIGHT_LUNG,
    RIGHT_PAROTID,
    TUMOUR,
)

from vistaseg import catalog  # noqa: E402

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

OPENKBP_HEIGHT = 380.0
"""mm; a scan from the head down that is no longer ends above the diaphragm."""
CORD, ESOPHAGUS = 121, 11

CHEST_LABELS = {13: LEFT_LUNG, 14: RIGHT_LUNG, 15: BONE}
"""Label of the chests without manual labels → structure."""

IMAGE, LABELS, ANNOTATED = ".image.npy", ".labels.npy", ".annotated.json"
"""How the names of the files of a cached CT end."""


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


def read_labelled(name: str, source: str, ct: Path, labels: Path, table: Mapping[int, int], spacing: float) -> Case:
    """A case of a CT and a label map of the same frame; every structure that is there was looked for."""
    grid = ras_grid(SimpleITK.ReadImage(str(ct)), spacing)
    found = relabelled(SimpleITK.ReadImage(str(labels)), grid, table)
    return Case(name, source, as_hu(as_array(grid)), found, everywhere(np.unique(found[found > 0]).tolist(), found))


def contoured_planes(labels: np.ndarray, structure: int) -> tuple[int, int]:
    """Planes in which a long structure was drawn; where it is drawn no longer, it may go on."""
    zs = np.nonzero((labels == structure).any(axis=(0, 1)))[0]
    return int(zs[0]) + 1, int(zs[-1])


def head_and_neck(case: Case, spacing: float) -> Case:
    """A case of OpenKBP with what else is known of it: lungs by their density, and what lies far below."""
    labels, annotated = case.labels.copy(), dict(case.annotated)
    for long in (CORD, ESOPHAGUS):
        if long in annotated:
            annotated[long] = contoured_planes(labels, long)
    if CORD in annotated:
        lungs = lungs_in_the_lowest_plane(case.image, float(np.nonzero(labels == CORD)[0].mean()))
        for side, lung in lungs.items():
            labels[lung & (labels == 0)] = side
        annotated |= everywhere(lungs, labels)
    if {BRAINSTEM, LEFT_PAROTID, RIGHT_PAROTID} & annotated.keys() and labels.shape[2] * spacing <= OPENKBP_HEIGHT:
        annotated |= everywhere((*ABDOMEN, *PELVIS), labels)
    return replace(case, labels=labels, annotated=annotated)


def openkbp_cases(folder: Path, first: int, last: int, spacing: float) -> Iterator[Case]:
    """Head-and-neck CTs of the patients `first` to `last`, both included."""
    for ct in sorted(folder.glob("pt_*_ct.nii.gz"), key=openkbp_number):
        number = openkbp_number(ct)
        if first <= number <= last:
            labels = ct.with_name(f"pt_{number}_lab.nii.gz")
            case = read_labelled(f"pt_{number}", "openkbp", ct, labels, openkbp_labels(number), spacing)
            yield head_and_neck(case, spacing)


def sts_cases(folder: Path, split: str, spacing: float) -> Iterator[Case]:
    """CTs of tumours in limbs, of the split "train" or "validation"."""
    for name, entry in json.loads((folder / "index.json").read_text()).items():
        if entry["split"] == split:
            ct, labels = (folder / f"{name}_{kind}.nii.gz" for kind in ("ct", "gtv"))
            case = read_labelled(name, "sts", ct, labels, {1: TUMOUR}, spacing)
            known = everywhere((*case.annotated, *HEAD, *NECK, *CHEST, *ABDOMEN), case.labels)
            yield replace(case, annotated=known)


def chest_cases(folder: Path, names: tuple[str, ...], spacing: float) -> Iterator[Case]:
    """Chest CTs with labels of a teacher, and bone by its density."""
    for name in names:
        ct, labels = (folder / f"{name}_{kind}.nii.gz" for kind in ("ct", "teacher"))
        case = read_labelled(name, "chests", ct, labels, CHEST_LABELS, spacing)
        bone = (case.image > BONE_HU) & body_of(case.image) & np.isin(case.labels, (0, BONE))
        found = with_bone(np.where(case.labels == BONE, 0, case.labels), bone)
        yield replace(case, labels=found, annotated=everywhere((*case.annotated, *HEAD, *PELVIS), found))


def write_cases(cache: Path, cases: Iterable[Case]) -> None:
    """Keep cases on disk."""
    for case in cases:
        stem = f"{case.source}-{case.name}"
        (cache / f"{stem}{ANNOTATED}").write_text(json.dumps(case.annotated), encoding="utf-8")
        np.save(cache / f"{stem}{LABELS}", case.labels)
        np.save(cache / f"{stem}{IMAGE}", case.image)


def read_cache(cache: Path) -> list[Case]:
    """Every case of a cache, in the order of their names; voxels are read when they are used."""
    found = []
    for path in sorted(cache.glob(f"*-*{IMAGE}")):
        stem = path.name.removesuffix(IMAGE)
        source, name = stem.split("-", 1)
        annotated = json.loads((cache / f"{stem}{ANNOTATED}").read_text(encoding="utf-8"))
        image, labels = (np.load(cache / f"{stem}{ending}", mmap_mode="r") for ending in (IMAGE, LABELS))
        planes = {int(structure): (first, last) for structure, (first, last) in annotated.items()}
        found.append(Case(name, source, image, labels, planes))
    return found


def readable_cases(data: Path, chest: Path, spacing: float) -> Iterator[Case]:
    """Every CT that training may see; says which collections are missing."""
    ids = {structure.name: structure.id for structure in catalog.structures()}
    yield from read_cases(data / "totalsegmentator", chest, ids, spacing)
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
    write_cases(arguments.cache, readable_cases(arguments.data, arguments.chest, arguments.spacing))
    print(f"{len(list(arguments.cache.glob(f'*{IMAGE}')))} CTs in {arguments.cache.resolve()}")


if __name__ == "__main__":
    main()
