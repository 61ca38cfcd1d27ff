"""Measure clicks of a demo model on manual contours, as `vistaseg evaluate` clicks.

    python Testing/training/evaluate_clicks.py validation --model FOLDER --data FOLDER
    python Testing/training/evaluate_clicks.py test --model FOLDER --data FOLDER

`validation` may be read as often as one likes, to choose weights. `test` is read once for each file of weights: it is
refused where the log, `clicks-on-contours.jsonl`, has a line of it already. The folder of the data holds `openkbp`,
`sts` and `unlabelled`.
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

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "Logic"), str(Path(__file__).resolve().parent)]

from case_cache import openkbp_labels, openkbp_number  # noqa: E402
from evaluate_demo import load  # noqa: E402

from vistaseg.evaluate import GroundTruthStructure, read_truth, simulate  # noqa: E402
from vistaseg.models.vista3d.model import Vista3d  # noqa: E402
from vistaseg.session import Session  # noqa: E402
from vistaseg.volume import read_volume  # noqa: E402

OPENKBP_NAMES = {
    1: "brainstem",
    2: "spinal cord",
    3: "right parotid",
    4: "left parotid",
    5: "esophagus",
    7: "mandible",
}
CHEST_NAMES = {1: "spleen", 6: "liver", 13: "left lung", 14: "right lung"}
CHEST = "chest_pet_ct_a"
"""Of the chests without manual labels, the one that is not trained on."""
LOG = Path(__file__).with_name("clicks-on-contours.jsonl")


@dataclass(frozen=True)
class Patients:
    """Patients of the head-and-neck collection: every `step`th number from `first` to `last`."""

    first: int
    last: int
    step: int


PATIENTS = {"validation": Patients(201, 240, 8), "test": Patients(241, 340, 6)}


@dataclass(frozen=True)
class Scan:
    """A CT and its truth: label → name."""

    name: str
    ct: Path
    labels: Path
    names: Mapping[int, str]


def scans(kind: str, data: Path) -> Iterator[Scan]:
    """What a set holds."""
    patients, folder = PATIENTS[kind], data / "openkbp"
    for ct in sorted(folder.glob("pt_*_ct.nii.gz"), key=openkbp_number):
        number = openkbp_number(ct)
        if number in range(patients.first, patients.last + 1, patients.step):
            names = {label: OPENKBP_NAMES[label] for label in openkbp_labels(number)}
            yield Scan(f"pt_{number}", ct, folder / f"pt_{number}_lab.nii.gz", names)
    if kind == "test":
        return
    index = json.loads((data / "sts/index.json").read_text())
    for name in (name for name, entry in index.items() if entry["split"] == "validation"):
        yield Scan(name, data / f"sts/{name}_ct.nii.gz", data / f"sts/{name}_gtv.nii.gz", {1: "tumour"})
    chest = data / "unlabelled"
    yield Scan(CHEST, chest / f"{CHEST}_ct.nii.gz", chest / f"{CHEST}_teacher.nii.gz", CHEST_NAMES)


def clicked(model: Vista3d, scan: Scan) -> dict[str, list[float]]:
    """Dice of each structure of a scan after 1, 2, … clicks."""
    volume = read_volume(scan.ct)
    session = Session(volume, model)
    truth = read_truth(scan.labels, volume, {str(label): name for label, name in scan.names.items()})
    return {
        target.name: [
            round(step.dice, 4) for step in simulate(session, truth.mask(target), target.name, known(model, target))
        ]
        for target in truth.targets
    }


def known(model: Vista3d, target: GroundTruthStructure) -> int | None:
    """The class that is sent with the clicks on a structure."""
    return target.class_ids[0] if len(target.class_ids) == 1 and target.class_ids[0] in model.class_ids else None


def table(rows: Mapping[str, Mapping[str, list[float]]]) -> str:
    """Mean Dice of each structure over the scans, in Markdown."""
    names = sorted({name for row in rows.values() for name in row})
    clicks = range(1, 1 + len(next(iter(next(iter(rows.values())).values()))))
    lines = ["| structure | scans | " + " | ".join(map(str, clicks)) + " |", "|---|---" + "|---" * len(clicks) + "|"]
    for name in names:
        dice = np.array([row[name] for row in rows.values() if name in row])
        lines.append(f"| {name} | {len(dice)} | " + " | ".join(f"{value:.2f}" for value in dice.mean(axis=0)) + " |")
    return "\n".join(lines)


def require_unread(log: Path, digest: str) -> None:
    """End where the test set was measured with these weights before."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    if any(entry["set"] == "test" and entry["weights"] == digest for entry in map(json.loads, lines)):
        raise SystemExit(f"The test set was read with these weights before, see {log}.")


def main() -> None:
    """Measure, print a table and add a line to the log."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", choices=list(PATIENTS))
    for name in ("model", "data"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--log", type=Path, default=LOG)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    digest = hashlib.sha256((arguments.model / "model.safetensors").read_bytes()).hexdigest()
    if arguments.set == "test":
        require_unread(arguments.log, digest)
    model, rows = load(arguments.model), {}
    for scan in scans(arguments.set, arguments.data):
        rows[scan.name] = clicked(model, scan)
        print(
            scan.name, {name: [round(value, 2) for value in dice] for name, dice in rows[scan.name].items()}, flush=True
        )
    entry = {"set": arguments.set, "weights": digest, "time": time.strftime("%Y-%m-%d %H:%M"), "dice": rows}
    with arguments.log.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
