"""Measure a demo model on a labelled CT that it never saw: automatic, and after 1, 3 and 5 clicks.

    python Testing/training/evaluate_demo.py --model FOLDER --ct FILE --labels FILE --names FILE

`--names` is a JSON object of label value, or of segment name in a .seg.nrrd, → structure or set of structures. A click
lies where the Euclidean distance transform of the largest error component is largest, positive or negative as the error
is, as in the CVPR 2025 challenge for interactive segmentation; each click is answered in one window centred on it with
all clicks inside.
"""

from __future__ import annotations

import argparse
import json
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(Path(__file__).resolve().parent)]

from cases import vista_name  # noqa: E402

from vistaseg import catalog  # noqa: E402
from vistaseg.compute import choose_compute  # noqa: E402
from vistaseg.models.protocol import ModelIdentity  # noqa: E402
from vistaseg.models.registry import load_vista3d  # noqa: E402
from vistaseg.models.vista3d.configuration import Vista3dConfiguration  # noqa: E402
from vistaseg.models.vista3d.model import Vista3d  # noqa: E402
from vistaseg.models.vista3d.preprocessing import network_image  # noqa: E402
from vistaseg.models.vista3d.windows import Box, cut_window  # noqa: E402
from vistaseg.segmentation import read_segmentation  # noqa: E402
from vistaseg.session import Session  # noqa: E402
from vistaseg.volume import prepare, read_volume  # noqa: E402

SPECIAL = frozenset({23, 24, 25, 26, 27, 57, 128})
CLICKS = (1, 3, 5)
SETS = {
    "lungs": (28, 29, 30, 31, 32),
    "left lung": (28, 29),
    "right lung": (30, 31, 32),
    "kidneys": (5, 14),
    "vertebrae": tuple(range(33, 57)),
    "ribs": tuple(range(63, 87)),
}
TISSUE = np.ones((3, 3, 3))
ZERO_SHOT = 133

Truth = dict[str, tuple[tuple[int, ...], np.ndarray]]
"""Name → (class ids, mask (k, j, i))."""


def dice(one: np.ndarray, other: np.ndarray) -> float:
    """2 |A ∩ B| / (|A| + |B|)."""
    return float(2 * (one & other).sum() / max(1, one.sum() + other.sum()))


def next_click(truth: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, int] | None:
    """Index (3,) and label of the click that the protocol places."""
    components, count = ndimage.label(truth != prediction, TISSUE)
    if not count:
        return None
    largest = components == 1 + np.bincount(components.ravel())[1:].argmax()
    depth = ndimage.distance_transform_edt(np.pad(largest, 1))[1:-1, 1:-1, 1:-1]
    at = np.array(np.unravel_index(depth.argmax(), depth.shape))
    return at, int(truth[tuple(at)])


def window_around(at: np.ndarray, window: tuple[int, int, int], size: tuple[int, int, int]) -> Box:
    """The window centred on a voxel, moved to lie inside the image; around the image where that is smaller."""
    starts = [
        min(max(int(p) - w // 2, 0), n - w) if n >= w else -((w - n) // 2)
        for p, w, n in zip(at, window, size, strict=True)
    ]
    return Box((starts[0], starts[1], starts[2]), tuple(s + w for s, w in zip(starts, window, strict=True)))


def click_dice(model: Vista3d, image: torch.Tensor, truth: np.ndarray, class_id: int) -> list[float]:
    """Dice after each of five clicks, starting from nothing; all arrays (x, y, z) on the network's grid."""
    prediction, clicks, found = np.zeros_like(truth), [], []
    for _ in range(max(CLICKS)):
        click = next_click(truth, prediction)
        if click is not None:
            clicks.append(click)
            answer_click(model, image, prediction, clicks, class_id)
        found.append(dice(prediction, truth))
    return found


def answer_click(model: Vista3d, image: torch.Tensor, prediction: np.ndarray, clicks: list, class_id: int) -> None:
    """Replace the prediction in the window around the last click."""
    box = window_around(clicks[-1][0], model.configuration.window, tuple(image.shape))
    inside = [(at - box.start, label) for at, label in clicks if ((at >= box.start) & (at < box.stop)).all()]
    coordinates = torch.tensor(np.array([at for at, _ in inside]), dtype=torch.float32)[None]
    labels = torch.tensor([[label + 2 * (class_id in SPECIAL) for _, label in inside]])
    with torch.inference_mode():
        features, _ = model.network.image_encoder(cut_window(image, box), with_point=True, with_label=False)
        logits = model.network.point_head(features, coordinates, labels, class_vector=torch.tensor([[class_id]]))
    whole = box.clipped(Box((0, 0, 0), tuple(image.shape)))
    own = whole.moved([-a for a in box.start]).slices
    prediction[whole.slices] = logits[0, 0].numpy()[own] > 0


def automatic_dice(model: Vista3d, ct: Path, truth: Truth) -> dict[str, float]:
    """Dice of each structure and set, on the CT's own grid."""
    volume = read_volume(ct)
    result = Session(volume, model).segment([i for i in catalog.everything() if i in model.class_ids])
    labels = np.zeros(volume.array.shape, np.uint8)
    for segment in result.segments:
        labels[segment.extent.slices][segment.mask] = segment.label_value
    return {name: dice(np.isin(labels, ids), mask) for name, (ids, mask) in truth.items()}


def read_truth(path: Path, names: Path) -> Truth:
    """Structures, and sets of them, with their class ids and masks (k, j, i)."""
    table: dict[str, list[str]] = {}
    for label, name in json.loads(names.read_text()).items():
        table.setdefault(vista_name(name), []).append(label)
    found = {}
    for name, labels in table.items():
        structure = next((s for s in catalog.structures() if s.name == name), None)
        ids = SETS.get(name) or (() if structure is None else (structure.id,))
        mask = labelled(path, tuple(labels))
        if ids and mask.any():
            found[name] = (ids, mask)
    return found | sets_of(found)


def sets_of(truth: Truth) -> Truth:
    """Sets whose members are in the truth, as far as they are."""
    found = {}
    for name, ids in SETS.items():
        members = [mask for own, mask in truth.values() if len(own) == 1 and own[0] in ids]
        if members and name not in truth:
            found[name] = (ids, np.logical_or.reduce(members))
    return found


def labelled(path: Path, labels: tuple[str, ...]) -> np.ndarray:
    """Mask (k, j, i) of label values, or of segments by name."""
    if path.name.endswith(".seg.nrrd"):
        segmentation = read_segmentation(path)
        return np.logical_or.reduce([segmentation.full_mask(s) for s in segmentation.segments if s.name in labels])
    return np.isin(volume_array(path), [int(label) for label in labels])


@lru_cache(maxsize=1)
def volume_array(path: Path) -> np.ndarray:
    """Label values (k, j, i)."""
    return read_volume(path).array.astype(int)


def main() -> None:
    """Print a table as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("model", "ct", "labels", "names"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--clicked", default="liver,spleen,left kidney,right kidney,aorta,heart,vertebrae L1,lungs")
    arguments = parser.parse_args()
    configuration = Vista3dConfiguration.read(arguments.model / "config.json")
    identity = ModelIdentity("demo", configuration.name, "")
    model = load_vista3d(arguments.model / "model.safetensors", configuration, identity, choose_compute("cpu", "fp32"))
    truth = read_truth(arguments.labels, arguments.names)
    rows = {name: {"automatic": round(value, 3)} for name, value in automatic_dice(model, arguments.ct, truth).items()}
    volume = read_volume(arguments.ct)
    image = network_image(volume, configuration).voxels
    prepared = prepare(volume, configuration.spacing, margin=configuration.foreground_margin)
    for name in (name for name in arguments.clicked.split(",") if name in truth):
        ids, mask = truth[name]
        found = click_dice(model, image, prepared.from_original(mask), ids[0] if len(ids) == 1 else ZERO_SHOT)
        rows[name].update({f"{n} clicks": round(found[n - 1], 3) for n in CLICKS})
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
