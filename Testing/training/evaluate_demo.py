"""Measure a demo model on a labelled CT that it never saw: automatic, and after each of five clicks.

    python Testing/training/evaluate_demo.py --model FOLDER --ct FILE --labels FILE --names FILE

`--names` is a JSON object of label value, or of segment name in a .seg.nrrd, → structure. The clicks are those of
`vistaseg evaluate`; here a model is a folder, and sets of structures, such as all ribs, are compared as well.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "Logic"))

from vistaseg.compute import choose_compute  # noqa: E402
from vistaseg.evaluate import GroundTruthStructure, Truth, automatic_masks, read_names, read_truth, score, simulate  # noqa: E402
from vistaseg.models.protocol import ModelIdentity  # noqa: E402
from vistaseg.models.vista3d.configuration import Vista3dConfiguration  # noqa: E402
from vistaseg.models.vista3d.loading import load_vista3d  # noqa: E402
from vistaseg.models.vista3d.model import Vista3d  # noqa: E402
from vistaseg.session import Session  # noqa: E402
from vistaseg.volume import read_volume  # noqa: E402

SETS = {
    "lungs": (28, 29, 30, 31, 32),
    "left lung": (28, 29),
    "right lung": (30, 31, 32),
    "kidneys": (5, 14),
    "vertebrae": tuple(range(33, 57)),
    "ribs": tuple(range(63, 87)),
}
CLICKED = "liver,spleen,left kidney,right kidney,aorta,heart,vertebrae L1,lungs"


def load(folder: Path) -> Vista3d:
    """A model as the training wrote it, on the CPU."""
    configuration = Vista3dConfiguration.read(folder / "config.json")
    identity = ModelIdentity("demo", configuration.name, "")
    return load_vista3d(folder / "model.safetensors", configuration, identity, choose_compute("cpu", "fp32"))


def with_sets(truth: Truth, known: Collection[int]) -> Truth:
    """Sets as further structures, as far as their members are in the truth, of the classes that the model knows."""
    own = tuple(t if t.class_ids else replace(t, class_ids=SETS.get(t.name, ())) for t in truth.targets)
    present = {target.name for target in own}
    sets = (set_of(name, truth) for name in SETS if name not in present)
    found = (*own, *(target for target in sets if target.pieces))
    return replace(truth, targets=tuple(replace(t, class_ids=_known(t.class_ids, known)) for t in found))


def _known(class_ids: tuple[int, ...], known: Collection[int]) -> tuple[int, ...]:
    return tuple(i for i in class_ids if i in known)


def set_of(name: str, truth: Truth) -> GroundTruthStructure:
    """The set of this name, of the members that the truth has."""
    members = (target for target in truth.targets if len(target.class_ids) == 1 and target.class_ids[0] in SETS[name])
    return GroundTruthStructure(name, SETS[name], tuple(piece for target in members for piece in target.pieces))


def automatic_rows(session: Session, truth: Truth) -> dict[str, dict[str, float | None]]:
    """Dice and confidence of the automatic masks, by name."""
    found, masks = automatic_masks(session, truth), {target.name: truth.mask(target) for target in truth.targets}
    return {
        name: {
            "automatic": round(score(masks[name], answer.mask, session.volume.spacing).dice, 3),
            "confidence": answer.confidence and round(answer.confidence, 2),
        }
        for name, answer in found.items()
    }


def main() -> None:
    """Print a table as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "ct", "labels", "names"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--clicked", default=CLICKED)
    arguments = parser.parse_args()
    volume = read_volume(arguments.ct)
    session = Session(volume, load(arguments.model))
    truth = with_sets(read_truth(arguments.labels, volume, read_names(arguments.names)), session.model.class_ids)
    rows = automatic_rows(session, truth)
    for target in (target for target in truth.targets if target.name in arguments.clicked.split(",")):
        class_id = target.class_ids[0] if len(target.class_ids) == 1 else None
        for step in simulate(session, truth.mask(target), target.name, class_id):
            rows.setdefault(target.name, {})[f"{step.clicks} clicks"] = round(step.dice, 3)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
