"""Measure a small SegVol: Dice for each kind of prompt, on torsos that it never saw, on a labelled CT or on several.

    python Testing/training/evaluate_segvol.py --model FOLDER [--ct FILE --labels FILE --names FILE | --data FOLDER]

`--names` is a JSON object of label value → structure; `--data` measures the validation CTs of `evaluate_clicks.py`.
The prompts are those of a user: the name of the structure, the box around it, one click at its middle, and the box with
the name.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).resolve().parents[2] / "Logic"), str(Path(__file__).resolve().parent)]

from evaluate_clicks import scans  # noqa: E402
from evaluate_demo import SETS, set_of  # noqa: E402
from torsos import FIRST_BODY, IDS, random_torso  # noqa: E402

from vistaseg.compute import choose_compute  # noqa: E402
from vistaseg.evaluate import bounding_box, next_click, read_names, read_truth  # noqa: E402
from vistaseg.models.protocol import ModelIdentity  # noqa: E402
from vistaseg.models.segvol.configuration import SegVolConfiguration  # noqa: E402
from vistaseg.models.segvol.loading import load_segvol  # noqa: E402
from vistaseg.models.segvol.model import SegVol  # noqa: E402
from vistaseg.prompts import Point, Prompt, Text  # noqa: E402
from vistaseg.session import Session  # noqa: E402
from vistaseg.volume import Volume, read_volume  # noqa: E402

TORSOS = 16
FIRST_SEED = 2**31
"""Of the torsos: beyond all seeds of the training."""
SMALLEST = 100
"""Voxels of a structure that counts."""
NAMELESS = "body without a name"
IN_A_CT = {"bone": "vertebrae"}
"""Text → structure of a CT that is what was called so in training; elsewhere both have one name."""

Scores = dict[str, dict[str, list[float]]]
"""Structure → kind of prompt → Dice."""


def load(folder: Path) -> SegVol:
    """A model as the training wrote it, on the CPU."""
    configuration = SegVolConfiguration.read(folder / "config.json")
    identity = ModelIdentity("segvol-demo", configuration.name, "")
    return load_segvol(folder / "model.safetensors", configuration, identity, choose_compute("cpu", "fp32"))


def prompts_of_a_user(mask: np.ndarray, name: str, volume: Volume) -> dict[str, list[Prompt]]:
    """Kind → the prompts for a structure, whose mask is bool (k, j, i) on the volume's grid."""
    index, _ = next_click(mask, np.zeros_like(mask), volume.spacing) or ((0, 0, 0), True)
    r, a, s = volume.index_to_ras([index])[0].tolist()
    click, box = Point((r, a, s)), bounding_box(mask, volume.grid)
    if name not in IDS:
        return {"box": [box], "1 click": [click]}
    return {"text": [Text(name)], "box": [box], "1 click": [click], "box + text": [box, Text(name)]}


def dice_after(session: Session, prompts: list[Prompt], truth: np.ndarray, segment: str) -> float:
    """Dice of a new segment after some prompts."""
    session.start(segment)
    for prompt in prompts:
        answer = session.add(prompt, segment)
    found = np.zeros_like(truth)
    found[answer.mask.box.slices_kji] = answer.mask.array
    return float(2 * (found & truth).sum() / (found.sum() + truth.sum()))


def measure(model: SegVol, volume: Volume, masks: Iterator[tuple[str, np.ndarray]], scores: Scores) -> None:
    """Add what the structures of a volume score."""
    session = Session(volume, model)
    for number, (name, mask) in enumerate(masks):
        for kind, prompts in prompts_of_a_user(mask, name, volume).items():
            dice = dice_after(session, prompts, mask, f"{number} {kind}")
            scores.setdefault(name, {}).setdefault(kind, []).append(dice)


def torso_masks(labels: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """The structures of a generated torso."""
    names = {label: name for name, label in IDS.items()}
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        if count >= SMALLEST and (label in names or label >= FIRST_BODY):
            yield names.get(label, NAMELESS), labels == label


def ct_masks(volume: Volume, labels: Path, names: Path) -> Iterator[tuple[str, np.ndarray]]:
    """The structures of a labelled CT that the model has a name for."""
    truth = read_truth(labels, volume, read_names(names))
    targets = {target.name: target for target in truth.targets}
    for name in IDS:
        own = IN_A_CT.get(name, name)
        target = targets.get(own) or (set_of(own, truth) if own in SETS else None)
        if target is not None and target.pieces:
            mask = truth.mask(target)
            if mask.sum() >= SMALLEST:
                yield name, mask


def validation_masks(volume: Volume, labels: Path, names: Mapping[int, str]) -> Iterator[tuple[str, np.ndarray]]:
    """Every structure of a CT, whether the model has a name for it or not."""
    truth = read_truth(labels, volume, {str(label): name for label, name in names.items()})
    for target in truth.targets:
        yield target.name, truth.mask(target)


def table(scores: Scores) -> str:
    """Means, as a table in Markdown."""
    kinds = ("text", "box", "1 click", "box + text")
    rows = ["| | " + " | ".join(kinds) + " | measured |", "|---" * (len(kinds) + 2) + "|"]
    for name, own in scores.items():
        cells = [f"{np.mean(own[kind]):.2f}" if kind in own else "–" for kind in kinds]
        rows.append(f"| {name} | " + " | ".join(cells) + f" | {len(own['box'])} |")
    return "\n".join(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    for name in ("ct", "labels", "names", "data"):
        parser.add_argument(f"--{name}", type=Path)
    arguments = parser.parse_args()
    model = load(arguments.model)
    scores: Scores = {}
    if arguments.ct:
        volume = read_volume(arguments.ct)
        measure(model, volume, ct_masks(volume, arguments.labels, arguments.names), scores)
    elif arguments.data:
        for scan in scans("validation", arguments.data):
            volume = read_volume(scan.ct)
            measure(model, volume, validation_masks(volume, scan.labels, scan.names), scores)
    else:
        for seed in range(FIRST_SEED, FIRST_SEED + TORSOS):
            torso = random_torso(np.random.default_rng(seed))
            measure(model, torso.volume, torso_masks(torso.labels), scores)
    print(table(dict(sorted(scores.items()))))


if __name__ == "__main__":
    main()
