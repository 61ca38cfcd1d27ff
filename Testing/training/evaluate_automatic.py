"""Measure the automatic masks of a bundled model on CTs that it was not trained on.

    python Testing/training/evaluate_automatic.py validation --model FOLDER --data FOLDER
    python Testing/training/evaluate_automatic.py test --model FOLDER --data FOLDER
    python Testing/training/evaluate_automatic.py left-out --model FOLDER --data FOLDER --chest FOLDER --case NAME
    python Testing/training/evaluate_automatic.py levels --model FOLDER --data FOLDER --chest FOLDER --case NAME

`validation`, to choose weights, is cord and esophagus of some head-and-neck CTs, drawn by hand, and liver, spleen,
lungs and bone of one chest, labelled by a teacher. `test`, read once for each file of weights, is cord and esophagus of
others. `left-out` measures a labelled CT on weights of a run that was not shown it (`--leave-out` of
`train_automatic.py`). `levels` crops such a CT to pieces along z and says which structures are found where they are,
and which where they are not: what locating them by the automatic branch is worth.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "Logic"), str(Path(__file__).resolve().parent)]

from case_cache import openkbp_labels, openkbp_number  # noqa: E402
from cases import Case, read_cases  # noqa: E402
from evaluate_clicks import CHEST, require_unread  # noqa: E402
from evaluate_demo import SETS, load  # noqa: E402
from training_structures import BONE, UNIONS  # noqa: E402

from vistaseg import catalog  # noqa: E402
from vistaseg.models.vista3d.model import Vista3d  # noqa: E402
from vistaseg.progress import silent  # noqa: E402
from vistaseg.volume import Volume, read_volume  # noqa: E402

LOG = Path(__file__).with_name("automatic-on-contours.jsonl")
PATIENTS = {"validation": (201, 233), "test": tuple(range(241, 341, 12))}
"""Of the head-and-neck collection, as far as they are there."""
CONTOURED = {2: ("spinal cord", (121,)), 5: ("esophagus", (11,))}
"""Label of that collection → structure; compared in the planes in which it was drawn."""
TAUGHT = {
    1: ("spleen", (3,)),
    6: ("liver", (1,)),
    13: ("left lung", (28, 29)),
    14: ("right lung", (30, 31, 32)),
    15: ("bone", UNIONS[BONE]),
}
"""Label of the chest → structure."""
ONE_PIECE = (1, 3, 4, 5, 6, 10, 11, 12, 14, 15, 57, 115, 121)
"""Classes that are one piece in every patient."""
LEVEL = 96.0
"""Height of a piece of a scan, in mm."""
FOUND = 0.2
"""Share of a structure's voxels in a piece from which it counts as found."""
SMALLEST = 40
"""Voxels of what has to be found, and of what is wrongly found."""


@dataclass(frozen=True)
class Row:
    """One structure of one scan.

    Attributes:
        scraps: share of the mask's voxels that are outside its largest piece; None where the structure is several.
    """

    structure: str
    dice: float
    scraps: float | None


def label_map(model: Vista3d, volume: Volume) -> np.ndarray:
    """The strongest class of every voxel, uint8 (k, j, i)."""
    known = [i for i in catalog.everything() if i in model.class_ids]
    return model.open(volume).segment_classes(known, None, silent).labels


def row(structure: str, found: np.ndarray, truth: np.ndarray, one_piece: bool) -> Row:
    """Compare two masks (k, j, i)."""
    size = int(found.sum() + truth.sum())
    dice = 2 * int((found & truth).sum()) / size if size else 1.0
    return Row(structure, round(dice, 4), round(scraps_of(found), 4) if one_piece and found.any() else None)


def scraps_of(mask: np.ndarray) -> float:
    """Share of the voxels outside the largest piece, 26 neighbours."""
    pieces, _ = ndimage.label(mask, np.ones((3, 3, 3)))
    sizes = np.bincount(pieces.ravel())[1:]
    return 1 - int(sizes.max()) / int(sizes.sum())


def compared(
    found: np.ndarray, labels: np.ndarray, names: Mapping[int, tuple[str, tuple[int, ...]]], in_planes: bool
) -> Iterator[Row]:
    """A row for each structure of a scan, of `found` classes and `labels` (k, j, i)."""
    for label, (name, classes) in names.items():
        truth = labels == label
        if truth.any():
            planes = truth.any(axis=(1, 2)) if in_planes else slice(None)
            mask = np.isin(found, classes)
            yield row(name, mask[planes], truth[planes], len(classes) == 1 and classes[0] in ONE_PIECE)


def read_labels(path: Path, volume: Volume) -> np.ndarray:
    """A label map on the grid of a volume, (k, j, i)."""
    labels = read_volume(path)
    if not np.allclose(labels.ijk_to_ras, volume.ijk_to_ras, atol=1e-3):
        raise SystemExit(f"{path} has another grid than its CT.")
    return np.asarray(labels.array)


def contoured_scans(kind: str, data: Path) -> Iterator[tuple[str, Path, Path, dict[int, tuple[str, tuple[int, ...]]]]]:
    """Name, CT, labels and structures of the scans with manual contours."""
    for ct in sorted((data / "openkbp").glob("pt_*_ct.nii.gz"), key=openkbp_number):
        number = openkbp_number(ct)
        if number in PATIENTS[kind]:
            names = {label: entry for label, entry in CONTOURED.items() if label in openkbp_labels(number)}
            yield f"pt_{number}", ct, ct.with_name(f"pt_{number}_lab.nii.gz"), names


def measured(kind: str, model: Vista3d, data: Path) -> dict[str, list[Row]]:
    """Rows of each scan of a set."""
    found = {}
    for name, ct, labels, names in contoured_scans(kind, data):
        volume = read_volume(ct)
        truth = read_labels(labels, volume)
        found[name] = list(compared(label_map(model, volume), truth, names, in_planes=True))
        print(name, *found[name], flush=True)
    if kind == "validation":
        volume = read_volume(data / f"unlabelled/{CHEST}_ct.nii.gz")
        truth = read_labels(data / f"unlabelled/{CHEST}_teacher.nii.gz", volume)
        found[CHEST] = list(compared(label_map(model, volume), truth, TAUGHT, in_planes=False))
        print(CHEST, *found[CHEST], flush=True)
    return found


def table(rows: Mapping[str, list[Row]]) -> str:
    """Means over the scans, in Markdown."""
    by_name: dict[str, list[Row]] = {}
    for each in (each for own in rows.values() for each in own):
        by_name.setdefault(each.structure, []).append(each)
    lines = ["| structure | scans | Dice | outside the largest piece |", "|---|---|---|---|"]
    for name, own in sorted(by_name.items()):
        scraps = [each.scraps for each in own if each.scraps is not None]
        share = f"{np.mean(scraps):.1%}" if scraps else "–"
        lines.append(f"| {name} | {len(own)} | {np.mean([each.dice for each in own]):.2f} | {share} |")
    return "\n".join(lines)


def volume_of(case: Case, spacing: float, planes: slice = slice(None)) -> Volume:
    """Some planes of a case as a volume."""
    array = np.ascontiguousarray(case.image[..., planes].transpose(2, 1, 0))
    return Volume.from_array(array, np.diag([spacing, spacing, spacing, 1.0]), axes="kji", modality="CT")


def left_out(model: Vista3d, case: Case) -> list[Row]:
    """Rows of every class of a case, and of sets of them."""
    names = {structure.id: structure.name for structure in catalog.structures()}
    found = label_map(model, volume_of(case, model.configuration.spacing[0]))
    truth = case.labels.transpose(2, 1, 0)
    own = [i for i in case.places if i in model.class_ids]
    rows = [row(names[i], found == i, truth == i, i in ONE_PIECE) for i in own]
    for name, classes in {**SETS, "bone": UNIONS[BONE]}.items():
        if np.isin(truth, classes).any():
            rows.append(row(name, np.isin(found, classes), np.isin(truth, classes), one_piece=False))
    return rows


@dataclass(frozen=True)
class Level:
    """What is found in a piece of a scan: how many structures that are there, of how many, and which that are not."""

    first: int
    last: int
    found: int
    there: int
    wrong: tuple[str, ...]


def levels(model: Vista3d, case: Case) -> Iterator[Level]:
    """Every piece of `LEVEL` of a case, each half a piece above the one before."""
    names = {structure.id: structure.name for structure in catalog.structures()}
    spacing = model.configuration.spacing[0]
    height, depth = round(LEVEL / spacing), case.labels.shape[2]
    for first in range(0, max(1, depth - height // 2), height // 2):
        last = min(depth, first + height)
        found = label_map(model, volume_of(case, spacing, slice(first, last)))
        truth = case.labels[..., first:last].transpose(2, 1, 0)
        looked_for = [i for i in case.annotated if i in model.class_ids]
        there = [i for i in looked_for if (truth == i).sum() >= SMALLEST]
        hits = sum(((found == i) & (truth == i)).sum() >= FOUND * (truth == i).sum() for i in there)
        wrong = [i for i in looked_for if not (truth == i).any() and (found == i).sum() >= SMALLEST]
        yield Level(first, last, int(hits), len(there), tuple(names[i] for i in wrong))


def the_case(arguments: argparse.Namespace, spacing: float) -> Case:
    """The labelled case that was asked for."""
    ids = {structure.name: structure.id for structure in catalog.structures()}
    cases = read_cases(arguments.data / "totalsegmentator", arguments.chest, ids, spacing)
    found = {case.name: case for case in cases}
    if arguments.case not in found:
        raise SystemExit(f"There is no case {arguments.case!r}: choose one of {', '.join(found)}.")
    return found[arguments.case]


def main() -> None:
    """Measure and print; sets are logged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*PATIENTS, "left-out", "levels"])
    for name in ("model", "data"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--chest", type=Path)
    parser.add_argument("--case")
    parser.add_argument("--log", type=Path, default=LOG)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model = load(arguments.model)
    if arguments.what in PATIENTS:
        digest = hashlib.sha256((arguments.model / "model.safetensors").read_bytes()).hexdigest()
        if arguments.what == "test":
            require_unread(arguments.log, digest)
        rows = measured(arguments.what, model, arguments.data)
        dice = {name: {each.structure: each.dice for each in own} for name, own in rows.items()}
        entry = {"set": arguments.what, "weights": digest, "time": time.strftime("%Y-%m-%d %H:%M"), "dice": dice}
        with arguments.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")
        print(table(rows))
        return
    case = the_case(arguments, model.configuration.spacing[0])
    if arguments.what == "left-out":
        print(table({case.name: left_out(model, case)}))
        return
    for level in levels(model, case):
        print(level, flush=True)


if __name__ == "__main__":
    main()
