"""Scans for training a small SegVol of labelled CTs: random fields of view, with the names that it learns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from artefacts import with_artefacts
from augmentation import AIR, as_grid, chance, random_affine, sampled, uniform, vary_intensity
from cases import Case
from torsos import FIRST_BODY, IDS, Torso, turned
from training_structures import BONE, FIRST_WITHOUT_CLASS, LEFT_LUNG, RIGHT_LUNG, SPINE, UNIONS, UNSURE

from vistaseg.volume import Volume

CLASSES: Mapping[str, tuple[int, ...]] = {
    "right lung": UNIONS[RIGHT_LUNG],
    "left lung": UNIONS[LEFT_LUNG],
    "heart": (115,),
    "liver": (1,),
    "stomach": (12,),
    "spleen": (3,),
    "right kidney": (5,),
    "left kidney": (14,),
    "bone": UNIONS[SPINE],
    "aorta": (6,),
    "bladder": (15,),
}
"""What the organs of a torso are in a CT; bone is the vertebral column in both."""
AS_ONE = {"right lung": RIGHT_LUNG, "left lung": LEFT_LUNG, "bone": SPINE}
"""Organs that some CTs have as one structure."""
SMALLEST_SHARE, FEWEST_PLANES = 0.35, 24
"""Of the height of a CT, and planes of it, that a scan shows at least."""
BRIGHTEST = 3071.0


def label_table() -> np.ndarray:
    """Label of a case → that of a torso, uint8 (256,). What has no name is a body; all bone together is nothing."""
    table = np.zeros(256, np.uint8)
    for label in range(1, 133):
        table[label] = FIRST_BODY + label
    for label in range(FIRST_WITHOUT_CLASS, BONE):
        table[label] = FIRST_BODY + 133 + label - FIRST_WITHOUT_CLASS
    for name, classes in CLASSES.items():
        table[[*classes, *([AS_ONE[name]] if name in AS_ONE else [])]] = IDS[name]
    table[list(UNSURE)] = 0
    return table


def looked_for(case: Case) -> frozenset[str]:
    """Organs that were looked for in all of a case."""
    whole = {structure for structure, planes in case.annotated.items() if planes == (0, case.labels.shape[2])}
    return frozenset(
        name for name, classes in CLASSES.items() if whole.issuperset(classes) or AS_ONE.get(name, -1) in whole
    )


def random_scan(case: Case, generator: torch.Generator) -> Torso:
    """A part of a CT, turned and deformed a little, in voxels of random size, as scanners store it or as RAS."""
    subject = case.subject()
    depth = subject.image.shape[-1]
    height = max(min(depth, FEWEST_PLANES), round(uniform(SMALLEST_SHARE, 1.0, generator) * depth))
    first = int(torch.randint(depth - height + 1, (), generator=generator))
    in_plane, along = uniform(0.9, 1.4, generator), uniform(1.0, 2.5, generator)
    steps = torch.tensor([in_plane, in_plane, along])
    extent = torch.tensor([*subject.image.shape[2:4], height])
    counts = (extent / steps).ceil().int().tolist()
    axes = [torch.arange(count) * step for count, step in zip(counts, steps, strict=True)]
    places = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1) + torch.tensor([0.0, 0.0, first])
    middle = extent / 2 + torch.tensor([0.0, 0.0, first])
    grid = as_grid(middle + (places - middle) @ random_affine(generator).T, subject.image)
    image, labels = sampled(subject.image, subject.labels, grid)
    image = vary_intensity(with_artefacts(image, generator), labels, generator).clamp(AIR, BRIGHTEST)
    array = np.ascontiguousarray(image[0, 0].permute(2, 1, 0).numpy().astype(np.int16))
    spacing = (3.0 * steps).tolist()
    volume = Volume.from_array(array, np.diag([*spacing, 1.0]), axes="kji", name=case.name, modality="CT")
    scan = Torso(volume, label_table()[labels[0, 0].permute(2, 1, 0).byte().numpy()], looked_for(case))
    return turned(scan) if chance(0.5, generator) else scan
