"""Measure what the demo model's confidence says of its masks, beside other candidates, on variants of its own CTs.

    python Testing/training/evaluate_confidence.py --data FOLDER --chest FOLDER [--model FOLDER]

The folders of CTs are those of `case_cache.py`, the model is a folder as it writes one, else the bundled model. The
whole CTs of abdomen and chest are measured in every variant, the slabs as they are.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(Path(__file__).resolve().parent)]

from cases import Case, read_cases  # noqa: E402
from evaluate_demo import load  # noqa: E402
from variants import VARIANTS, Scan, as_it_is  # noqa: E402

from vistaseg import catalog  # noqa: E402
from vistaseg.evaluate import POOR_DICE, agreement  # noqa: E402
from vistaseg.geometry.box import VoxelBox  # noqa: E402
from vistaseg.models.vista3d.classify import class_vectors, plane_logits, two_highest  # noqa: E402
from vistaseg.models.vista3d.confidence import probability_against  # noqa: E402
from vistaseg.models.vista3d.features import Slab, stream_slabs  # noqa: E402
from vistaseg.models.vista3d.model import Vista3d  # noqa: E402
from vistaseg.models.vista3d.preprocessing import network_image  # noqa: E402
from vistaseg.models.vista3d.windows import plan_windows  # noqa: E402
from vistaseg.progress import silent  # noqa: E402
from vistaseg.segmentation.confidence import LOW_CONFIDENCE  # noqa: E402
from vistaseg.volume import Volume  # noqa: E402

WHOLE, SLABS = ("abdomen", "chest"), ("abdomen-slab", "dicom-slab")
SMALLEST = 10
"""Voxels of a mask that counts."""

Sums = dict[str, np.ndarray]
"""Name → (classes,), or of the masks that are left of them: sums over the voxels of each."""

CANDIDATES: dict[str, Callable[[Sums], np.ndarray]] = {
    "against the strongest other class, mean over the mask": lambda sums: sums["against"] / sums["voxels"],
    "probability (sigmoid), mean over the mask": lambda sums: sums["probability"] / sums["voxels"],
    "voxels above 0.7 over voxels above 0.3": lambda sums: sums["above 0.7"] / sums["above 0.3"],
    "expected Dice of the soft mask": lambda sums: 2 * sums["probability"] / (sums["everywhere"] + sums["voxels"]),
    "number of voxels": lambda sums: sums["voxels"],
}


def competing_sums(logits: Tensor, truth: Tensor, ids: Tensor) -> dict[str, Tensor]:
    """Sums over masks of which each voxel is in that of its strongest class, if it is in any.

    Args:
        logits: (voxels, classes).
        truth: (voxels,), the class of each.
        ids: (classes,).
    """
    index, highest, second = two_highest(logits.clone())
    probability, inside = torch.sigmoid(highest), highest > 0
    values = {
        "voxels": inside,
        "hits": inside & (ids[index] == truth),
        "against": inside * probability_against(highest, second),
        "probability": inside * probability,
        "above 0.3": probability > 0.3,
        "above 0.7": probability > 0.7,
    }
    sums = {name: torch.bincount(index, value.double(), minlength=len(ids)) for name, value in values.items()}
    return sums | {"everywhere": torch.sigmoid(logits).sum(0, dtype=torch.float64)}


def lone_sums(logits: Tensor, truth: Tensor, ids: Tensor) -> dict[str, Tensor]:
    """Sums over the masks of classes that are asked for alone; arguments as of `competing_sums`."""
    inside = logits > 0
    values = {
        "voxels": inside,
        "hits": inside & (truth[:, None] == ids),
        "against": inside * torch.sigmoid(logits),
    }
    return {name: value.sum(0, dtype=torch.float64) for name, value in values.items()}


def planes(model: Vista3d, volume: Volume, labels: np.ndarray, ids: Sequence[int]) -> Iterator[tuple[Tensor, Tensor]]:
    """Logits (voxels, classes) and true classes (voxels,) of what the network looks at; labels are (k, j, i)."""
    image = network_image(volume, model.configuration)
    truth = torch.from_numpy(image.source.sample(labels, (0, 0, 0), VoxelBox.whole(image.size)))
    vectors = class_vectors(model.network, ids)
    plan = plan_windows(image.size, model.configuration)
    for slab in stream_slabs(model.network, image, plan, model.compute, silent):
        yield from slab_planes(slab, truth[slab.box.slices].movedim(slab.axis, 0), vectors)


def slab_planes(slab: Slab, truth: Tensor, vectors: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The same of a slab, whose truth (planes, a, b) is given; without what only windows of air were in."""
    for features, own in zip(slab.features.unbind(1), truth, strict=True):
        known = features.any(0)
        yield plane_logits(vectors, features)[known], own[known]


def volume_of(image: Tensor, spacing: Sequence[float]) -> Volume:
    """The volume of a variant's image."""
    return Volume.from_array(
        np.ascontiguousarray(image[0, 0].permute(2, 1, 0).numpy()), np.diag([*spacing, 1.0]), axes="kji"
    )


def measure(model: Vista3d, scan: Scan, annotated: Collection[int]) -> tuple[Sums, Sums]:
    """Sums over the competing masks of a scan, and over the lone ones, of the classes that were looked for."""
    image, labels = scan
    array = np.ascontiguousarray(labels[0, 0].permute(2, 1, 0).numpy().astype(np.uint8))
    ids = [i for i in catalog.everything() if i in model.class_ids]
    columns = torch.tensor(ids)
    totals: tuple[dict[str, Tensor], dict[str, Tensor]] = ({}, {})
    for logits, truth in planes(model, volume_of(image, model.configuration.spacing), array, ids):
        for total, sums in zip(totals, (competing_sums, lone_sums), strict=True):
            for name, value in sums(logits, truth, columns).items():
                total[name] = total.get(name, 0) + value
    sizes = np.bincount(array.ravel(), minlength=256)[ids]
    looked_for = np.isin(ids, list(annotated))
    competing, lone = (counted({n: v.numpy() for n, v in t.items()} | {"truth": sizes}, looked_for) for t in totals)
    return competing, lone


def counted(sums: Sums, looked_for: np.ndarray) -> Sums:
    """The sums of masks that count."""
    chosen = looked_for & (sums["voxels"] >= SMALLEST)
    return {name: values[chosen] for name, values in sums.items()}


def variants_of(case: Case) -> Iterator[Scan]:
    """What of a case is measured."""
    scan = case.subject()
    yield from (variant(scan.image, scan.labels) for variant in (VARIANTS if case.name in WHOLE else (as_it_is,)))


def pooled(parts: Sequence[Sums]) -> Sums:
    """The masks of several scans."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def dice_of(sums: Sums) -> np.ndarray:
    """Dice of each mask."""
    return 2 * sums["hits"] / (sums["voxels"] + sums["truth"])


def table(sums: Sums) -> str:
    """Rank correlation and area of each candidate, as a table in Markdown."""
    rows = ["| | correlation | area |", "|---|---|---|"]
    for name, candidate in CANDIDATES.items():
        found = agreement(candidate(sums), dice_of(sums))
        rows.append(f"| {name} | {found.rank_correlation:.2f} | {found.roc_area:.2f} |")
    return "\n".join(rows)


def marked(sums: Sums) -> str:
    """A sentence on what the mark of low confidence finds."""
    found = agreement(sums["against"] / sums["voxels"], dice_of(sums))
    good = found.masks - found.poor
    return (
        f"{found.masks} masks, {found.poor} with a Dice below {POOR_DICE}: a confidence below {LOW_CONFIDENCE} have "
        f"{found.poor_marked / found.poor:.0%} of them and {found.good_marked / good:.0%} of the others."
    )


def main() -> None:
    """Print the table, and what the mark finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--chest", type=Path, required=True)
    parser.add_argument("--model", type=Path, default=ROOT / "Resources" / "demo-model")
    arguments = parser.parse_args()
    model = load(arguments.model)
    ids = {structure.name: structure.id for structure in catalog.structures()}
    cases = read_cases(arguments.data, arguments.chest, ids, model.configuration.spacing[0])
    measured = [c for c in cases if c.name in WHOLE + SLABS]
    found = [measure(model, scan, case.annotated) for case in measured for scan in variants_of(case)]
    competing, lone = (pooled(parts) for parts in zip(*found, strict=True))
    print(f"{table(competing)}\n\n{len(found)} scans: {marked(competing)}\nAsked for alone: {marked(lone)}")


if __name__ == "__main__":
    main()
