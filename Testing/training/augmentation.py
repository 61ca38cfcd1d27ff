"""Random patches: geometry and intensity of a labelled CT varied, sides never swapped.

All tensors are on the model's grid, axes (x, y, z) in RAS order; images are in HU until `to_network_range`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from artefacts import HUMERI, with_artefacts
from torch import Tensor
from training_structures import UNSURE

AIR = -1024.0
TILTED, TILT = 0.1, 25.0
"""Share of the patches of scans with a tilted gantry whose slices were stacked upright, and the largest tilt in
degrees."""


@dataclass(frozen=True)
class Tissue:
    """Structures that take up contrast medium alike.

    Attributes:
        shift: lowest and highest change in HU: phase and protocol differ between scanners and patients.
        plain: HU without contrast medium; None where it makes no difference.
    """

    ids: tuple[int, ...]
    shift: tuple[float, float]
    plain: tuple[float, float] | None = None


TISSUES = (
    Tissue((6, 58, 59, 109, 112, 113, 123, 124), (-120.0, 180.0), (30.0, 50.0)),
    Tissue((7, 17, 60, 61, 110, 111, 119, 125), (-80.0, 120.0), (30.0, 50.0)),
    Tissue((115, 108), (-80.0, 140.0), (30.0, 50.0)),
    Tissue((5, 14), (-120.0, 120.0), (22.0, 40.0)),
    Tissue((3,), (-60.0, 60.0), (40.0, 56.0)),
    Tissue((1,), (-50.0, 50.0), (40.0, 66.0)),
    Tissue((4, 8, 9, 13), (-40.0, 50.0), (20.0, 45.0)),
    Tissue((10,), (-40.0, 50.0)),
    Tissue((11, 12, 19, 62), (-150.0, 150.0)),
    Tissue((15,), (-30.0, 250.0)),
    Tissue((28, 29, 30, 31, 32), (-70.0, 200.0)),
    Tissue(tuple(range(98, 108)), (-30.0, 30.0)),
)
PLAIN = 0.3
"""Share of the patches that are made to look like scans without contrast medium."""


Planes = tuple[int, int]
"""First plane across z, and the one after the last."""


@dataclass(frozen=True, eq=False)
class Subject:
    """A case as tensors.

    Attributes:
        image, labels: (1, 1, X, Y, Z) float32, HU and ids.
        annotated: structure → planes in which it was looked for.
        voxels: structure → indices (N, 3) of some of its voxels: places to centre a patch on.
    """

    image: Tensor
    labels: Tensor
    annotated: Mapping[int, Planes]
    voxels: Mapping[int, Tensor]

    @property
    def present(self) -> tuple[int, ...]:
        """Structures to centre a patch on."""
        return tuple(self.voxels)


@dataclass(frozen=True, eq=False)
class Patch:
    """What the network is shown at once.

    Attributes:
        image: (1, 1, P, P, P) in 0…1.
        labels: (P, P, P) int64.
        annotated: structure → bool (P, P, P), where it was looked for; what has no label elsewhere may be of it.
    """

    image: Tensor
    labels: Tensor
    annotated: Mapping[int, Tensor]


def uniform(low: float, high: float, generator: torch.Generator) -> float:
    """One number of the interval."""
    return low + (high - low) * float(torch.rand((), generator=generator))


def chance(probability: float, generator: torch.Generator) -> bool:
    """True with the given probability."""
    return float(torch.rand((), generator=generator)) < probability


def random_affine(generator: torch.Generator) -> Tensor:
    """A 3×3 matrix of rotation, scale and shear about the patch centre; its determinant stays positive."""
    angles = [uniform(-a, a, generator) * math.pi / 180 for a in (12.0, 12.0, 20.0)]
    matrix = torch.eye(3)
    for axis, angle in enumerate(angles):
        a, b = [i for i in range(3) if i != axis]
        turn = torch.eye(3)
        turn[a, a] = turn[b, b] = math.cos(angle)
        turn[a, b], turn[b, a] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    size = math.exp(uniform(-0.35, 0.3, generator))
    scale = torch.tensor([size * math.exp(uniform(-0.12, 0.12, generator)) for _ in range(3)])
    shear = torch.eye(3) + 0.08 * (2 * torch.rand(3, 3, generator=generator) - 1) * (1 - torch.eye(3))
    if chance(TILTED, generator):
        shear[2, 1] += math.tan(uniform(-TILT, TILT, generator) * math.pi / 180)
    return matrix @ shear @ torch.diag(scale)


def elastic_offsets(patch: int, amplitude: float, generator: torch.Generator) -> Tensor:
    """A smooth random displacement in voxels, (P, P, P, 3)."""
    coarse = amplitude * torch.randn(1, 3, 5, 5, 5, generator=generator)
    field = functional.interpolate(coarse, size=(patch,) * 3, mode="trilinear", align_corners=True)
    return field[0].permute(1, 2, 3, 0)


def sampling_grid(subject: Subject, centre: Tensor, patch: int, zoom: float, generator: torch.Generator) -> Tensor:
    """Where the patch's voxels, `zoom` times as large, lie in the case, as `grid_sample` wants it, (1, P, P, P, 3)."""
    axis = zoom * (torch.arange(patch, dtype=torch.float32) - (patch - 1) / 2)
    offsets = torch.stack(torch.meshgrid(axis, axis, axis, indexing="ij"), dim=-1)
    if chance(0.9, generator):
        offsets = offsets @ random_affine(generator).T
    if chance(0.5, generator):
        offsets = offsets + elastic_offsets(patch, uniform(0.5, 2.5, generator), generator)
    return as_grid(centre + offsets, subject.image)


def as_grid(places: Tensor, image: Tensor) -> Tensor:
    """Places (X, Y, Z, 3) in voxels of an image, as `grid_sample` wants them, (1, X, Y, Z, 3)."""
    sides = torch.tensor(image.shape[-3:], dtype=torch.float32)
    return ((2 * places + 1) / sides - 1).flip(-1)[None]


def sampled(image: Tensor, labels: Tensor, grid: Tensor) -> tuple[Tensor, Tensor]:
    """Image and labels, (1, 1, X, Y, Z) each, at the places of a grid; air beyond them."""
    return (
        functional.grid_sample(image - AIR, grid, mode="bilinear", align_corners=False) + AIR,
        functional.grid_sample(labels, grid, mode="nearest", align_corners=False),
    )


def pick_centre(subject: Subject, patch: float, generator: torch.Generator) -> Tensor:
    """Near a voxel of a random class (rare ones as often as large ones) or anywhere, but hardly beyond the scan.

    Windows of the pipeline lie inside the volume, or around it where it is smaller than a window.
    """
    sides = torch.tensor(subject.image.shape[-3:], dtype=torch.float32)
    centre = torch.rand(3, generator=generator) * sides
    if subject.present and chance(0.75, generator):
        class_id = subject.present[int(torch.randint(len(subject.present), (), generator=generator))]
        places = subject.voxels[class_id]
        at = places[int(torch.randint(len(places), (), generator=generator))].float()
        centre = at + (torch.rand(3, generator=generator) - 0.5) * patch * 0.8
    slack = 6 * (2 * torch.rand(3, generator=generator) - 1)
    lowest = torch.minimum(sides, torch.tensor(float(patch))) / 2
    return torch.maximum(torch.minimum(centre, sides - lowest), lowest) + slack


def blur(image: Tensor, sigma: tuple[float, float, float]) -> Tensor:
    """Gaussian smoothing along each axis, sigma in voxels."""
    for axis, width in enumerate(sigma):
        if width < 0.2:
            continue
        radius = max(1, math.ceil(2 * width))
        kernel = torch.exp(-0.5 * (torch.arange(-radius, radius + 1) / width) ** 2)
        shape = [1, 1, 1, 1, 1]
        shape[2 + axis] = -1
        padding = [0, 0, 0]
        padding[axis] = radius
        image = functional.conv3d(image, (kernel / kernel.sum()).view(shape), padding=tuple(padding))
    return image


def shift_contrast(image: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Add to each tissue an offset of its own, with soft edges; a part of the patches as if without contrast medium."""
    plain = chance(PLAIN, generator)
    for tissue in TISSUES:
        wanted = tissue.plain if plain else None
        if wanted is None and not chance(0.45, generator):
            continue
        mask = torch.isin(labels, torch.tensor(tissue.ids, dtype=labels.dtype))
        if mask.any():
            shift = uniform(*tissue.shift, generator)
            if wanted is not None:
                shift = uniform(*wanted, generator) - float(image[mask].median())
            image = image + shift * functional.avg_pool3d(mask.float(), 3, 1, 1)
    return image


def cut_field_of_view(image: Tensor, labels: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Blank everything beyond a plane, as at the end of a scan."""
    axis = int(torch.randint(3, (), generator=generator))
    at = int(torch.randint(image.shape[2 + axis] // 2, (), generator=generator))
    index = [slice(None)] * 5
    index[2 + axis] = slice(0, at) if chance(0.5, generator) else slice(image.shape[2 + axis] - at, None)
    image, labels = image.clone(), labels.clone()
    image[tuple(index)], labels[tuple(index)] = AIR, 0
    return image, labels


def thick_slices(image: Tensor, generator: torch.Generator) -> Tensor:
    """Scans of 5 to 10 mm slices."""
    axis = 2 if chance(0.8, generator) else int(torch.randint(2, (), generator=generator))
    return slices_times(image, axis, uniform(1.3, 3.3, generator))


def slices_times(image: Tensor, axis: int, factor: float) -> Tensor:
    """Slices across one of the axes (x, y, z) `factor` times as thick: averaged, and interpolated back."""
    size = list(image.shape[2:])
    size[axis] = max(2, round(size[axis] / factor))
    thick = functional.interpolate(image, size=size, mode="area")
    return functional.interpolate(thick, size=image.shape[2:], mode="trilinear", align_corners=False)


def vary_intensity(image: Tensor, labels: Tensor, generator: torch.Generator) -> Tensor:
    """Contrast phase, calibration, sharpness, slice thickness and noise."""
    image = shift_contrast(image, labels, generator)
    if chance(0.5, generator):
        image = image * uniform(0.85, 1.2, generator) + uniform(-30, 30, generator)
    if chance(0.35, generator):
        image = blur(image, tuple(uniform(0.0, 0.9, generator) for _ in range(3)))
    if chance(0.25, generator):
        image = thick_slices(image, generator)
    if chance(0.6, generator):
        noise = torch.randn(image.shape, generator=generator)
        smooth = blur(noise, (0.6, 0.6, 0.3)) * 2 if chance(0.5, generator) else noise
        image = image + uniform(0, 45, generator) * smooth
    return image


def to_network_range(image: Tensor, intensity_range: tuple[float, float]) -> Tensor:
    """HU to 0…1 with clipping."""
    low, high = intensity_range
    return ((image - low) / (high - low)).clamp(0, 1)


def annotated_voxels(subject: Subject, grid: Tensor, labels: Tensor) -> dict[int, Tensor]:
    """Where each structure was looked for among voxels at the places of a grid; labels are (P, P, P)."""
    depth = subject.image.shape[-1]
    z = ((grid[0, ..., 0] + 1) * depth - 1) / 2
    everywhere = torch.ones_like(labels, dtype=torch.bool)
    slabs = {planes: (z >= planes[0]) & (z <= planes[1] - 1) for planes in set(subject.annotated.values())}
    slabs[0, depth] = everywhere  # air beyond a scan is known
    found = {structure: slabs[planes] for structure, planes in subject.annotated.items()}
    for label, structure in UNSURE.items():
        if structure in found:
            found[structure] = found[structure] & (labels != label)
    return found


def side_by_side(one: Patch, other: Patch, generator: torch.Generator) -> Patch:
    """A patch of which a plane parts what is of one scan from what is of another."""
    axis = int(torch.randint(3, (), generator=generator))
    side = one.labels.shape[axis]
    at = int(torch.randint(side // 4, side - side // 4, (), generator=generator))

    def joined(first: Tensor, second: Tensor) -> Tensor:
        dimension = first.ndim - 3 + axis
        return torch.cat([first.narrow(dimension, 0, at), second.narrow(dimension, at, side - at)], dimension)

    nowhere = torch.zeros_like(one.labels, dtype=torch.bool)
    return Patch(
        joined(one.image, other.image),
        joined(one.labels, other.labels),
        {
            structure: joined(one.annotated.get(structure, nowhere), other.annotated.get(structure, nowhere))
            for structure in one.annotated.keys() | other.annotated.keys()
        },
    )


def random_patch(
    subject: Subject, patch: int, zoom: float, intensity_range: tuple[float, float], generator: torch.Generator
) -> Patch:
    """One augmented patch of a case, its voxels `zoom` times as large as the case's."""
    grid = sampling_grid(subject, pick_centre(subject, patch * zoom, generator), patch, zoom, generator)
    image, labels = sampled(subject.image, subject.labels, grid)
    annotated = annotated_voxels(subject, grid, labels[0, 0])
    with_more = with_artefacts(image, generator)
    as_scanned = (with_more == image)[0, 0]
    annotated |= {humerus: annotated[humerus] & as_scanned for humerus in HUMERI if humerus in annotated}
    image = vary_intensity(with_more, labels, generator)
    if chance(0.15, generator):
        image, labels = cut_field_of_view(image, labels, generator)
    return Patch(to_network_range(image, intensity_range), labels[0, 0].long(), annotated)
