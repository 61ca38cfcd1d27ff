"""Generated torsos: organs of plausible place, shape and density, for training a small SegVol.

Places are shares of the body: x to the patient's left, of half its width; y to the back, of half its depth; z upwards,
of its height, from the floor of the pelvis.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import ndimage

from vistaseg.volume import Volume

AIR, FAT, MUSCLE = -1000.0, -100.0, 50.0

BUMPS = 1.15
"""Largest distance from an organ's centre, in radii."""

Share3 = tuple[float, float, float]


@dataclass(frozen=True)
class Organ:
    """An organ of the mean torso.

    Attributes:
        centre, radii: (x, y, z).
        density: lowest and highest mean, HU.
        squareness: exponent of the distance along z; 2 is an ellipsoid, more comes near to a tube.
    """

    name: str
    centre: Share3
    radii: Share3
    density: tuple[float, float]
    squareness: int = 2


ORGANS = (
    Organ("right lung", (-0.45, 0.00, 0.77), (0.33, 0.66, 0.21), (-880, -720)),
    Organ("left lung", (0.45, 0.02, 0.77), (0.31, 0.64, 0.21), (-880, -720)),
    Organ("heart", (0.14, -0.24, 0.68), (0.30, 0.38, 0.10), (30, 200)),
    Organ("liver", (-0.34, -0.10, 0.54), (0.45, 0.60, 0.125), (40, 130)),
    Organ("stomach", (0.34, -0.36, 0.52), (0.24, 0.28, 0.09), (-20, 60)),
    Organ("spleen", (0.60, 0.28, 0.55), (0.17, 0.30, 0.075), (40, 140)),
    Organ("right kidney", (-0.36, 0.38, 0.40), (0.16, 0.24, 0.085), (25, 240)),
    Organ("left kidney", (0.36, 0.38, 0.42), (0.16, 0.24, 0.085), (25, 240)),
    Organ("bone", (0.00, 0.56, 0.50), (0.13, 0.20, 0.70), (180, 600), 8),
    Organ("aorta", (0.09, 0.26, 0.50), (0.07, 0.10, 0.34), (35, 380), 8),
    Organ("bladder", (0.00, -0.15, 0.08), (0.24, 0.32, 0.075), (-5, 30)),
)
"""In the order in which they are drawn; later ones hide earlier ones. The bone is the vertebral column."""

IDS = {organ.name: number for number, organ in enumerate(ORGANS, start=1)}
FIRST_BODY = 100
"""Label of the first of the bodies that have no name."""


@dataclass(frozen=True, eq=False)
class Torso:
    """A scan of a torso.

    Attributes:
        volume: int16 HU.
        labels: uint8 (k, j, i): `IDS` of organs, from `FIRST_BODY` on bodies without a name.
        looked_for: organs that are labelled wherever they are; of others nothing is known.
    """

    volume: Volume
    labels: np.ndarray
    looked_for: frozenset[str] = frozenset(IDS)


@dataclass(frozen=True, eq=False)
class Canvas:
    """What is being drawn on.

    Attributes:
        places: float32 (3, k, j, i), the x, y, z of each voxel.
        density: float32 (k, j, i), HU.
        labels: uint8 (k, j, i).
    """

    places: np.ndarray
    density: np.ndarray
    labels: np.ndarray
    random: np.random.Generator

    def draw(self, organ: Organ, label: int) -> None:
        """Draw an organ with a bumpy surface and texture."""
        part = self._around(organ)
        inside = self._distance(organ, self.places[(slice(None), *part)]) < 1
        self.density[part][inside] = self.random.uniform(*organ.density)
        self.labels[part][inside] = label

    @cached_property
    def _planes(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For x, y and z, the lowest and the highest value in each plane across the scan's own axis of that name."""
        found = []
        for axis, values in enumerate(self.places):
            others = tuple(a for a in range(3) if a != 2 - axis)
            found.append((values.min(axis=others), values.max(axis=others)))
        return found

    def _around(self, organ: Organ) -> tuple[slice, ...]:
        """A box (k, j, i) of voxels that holds the organ."""
        found = []
        for (low, high), centre, radius in zip(self._planes, organ.centre, organ.radii, strict=True):
            reach = BUMPS * radius
            kept = np.flatnonzero((low < centre + reach) & (high > centre - reach))
            found.append(slice(kept[0], kept[-1] + 1) if kept.size else slice(0, 0))
        return tuple(reversed(found))

    def _distance(self, organ: Organ, places: np.ndarray) -> np.ndarray:
        """From the centre, 1 at the surface."""
        x, y, z = ((p - c) / r for p, c, r in zip(places, organ.centre, organ.radii, strict=True))
        waves = self.random.normal(0, 1.3, (3, 3))
        bumps = sum(np.sin(a * x + b * y + c * z + self.random.uniform(0, 6.3)) for a, b, c in waves)
        distance: np.ndarray = x**2 + y**2 + np.abs(z) ** organ.squareness + 0.09 * bumps
        return distance


def random_torso(random: np.random.Generator) -> Torso:
    """A torso of random size, pose, organs, field of view and noise.

    Half of the scans are stored with i to the left and j to the back, as scanners do, the others with i to the right
    and j to the front: turned, and never mirrored.
    """
    places, ijk_to_ras = random_grid(random)
    canvas = Canvas(places, np.full(places.shape[1:], AIR, np.float32), np.zeros(places.shape[1:], np.uint8), random)
    draw_trunk(canvas)
    draw_bowel(canvas)
    for organ in ORGANS:
        canvas.draw(varied(organ, random), IDS[organ.name])
    draw_bodies(canvas)
    density = ndimage.gaussian_filter(canvas.density, random.uniform(0.3, 0.8))
    density += random.uniform(4, 35) * random.standard_normal(density.shape, dtype=np.float32)
    volume = Volume.from_array(
        np.clip(density, -1024, 3000).astype(np.int16), ijk_to_ras, axes="kji", name="torso", modality="CT"
    )
    if random.random() < 0.5:
        return Torso(volume, canvas.labels)
    return turned(Torso(volume, canvas.labels))


def turned(torso: Torso) -> Torso:
    """The same torso, stored with i and j the other way round."""
    i, j, _ = torso.volume.shape_ijk
    turn = np.array([[-1, 0, 0, i - 1], [0, -1, 0, j - 1], [0, 0, 1, 0], [0, 0, 0, 1]])
    volume = Volume.from_array(
        torso.volume.array[:, ::-1, ::-1].copy(),
        torso.volume.ijk_to_ras @ turn,
        axes="kji",
        name=torso.volume.name,
        modality="CT",
    )
    return Torso(volume, torso.labels[:, ::-1, ::-1].copy(), torso.looked_for)


def random_grid(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Places (3, k, j, i) of the voxels of a scan, and its matrix from (i, j, k) to RAS mm."""
    body = np.array([random.uniform(140, 210), random.uniform(95, 135), random.uniform(520, 660)])
    height = random.uniform(0.3, 1.0)
    bottom = random.uniform(-0.02, 0.98 - height)
    width = 2 * body[0] * random.uniform(0.95, 1.3)
    depth = width if random.random() < 0.5 else 2 * body[1] * random.uniform(1.0, 1.3)
    spacing = width / random.integers(72, 121)
    thickness = height * body[2] / random.integers(20, 57)
    step = np.array([spacing, spacing, thickness])
    count = np.array([width / spacing, depth / spacing, height * body[2] / thickness]).astype(int)
    start = np.append(-step[:2] * (count[:2] - 1) / 2 + random.normal(0, 8, 2), bottom * body[2])
    axes = [a + s * np.arange(n) for a, s, n in zip(start, step, count, strict=True)]
    millimetres = np.stack(np.meshgrid(*axes[::-1], indexing="ij")[::-1]).astype(np.float32)
    pose = (small_rotation(random) / body[:, None]).astype(np.float32)
    places = np.tensordot(pose, millimetres - [[[[0]]], [[[0]]], [[[body[2] / 2]]]], 1).astype(np.float32)
    places[2] += 0.5
    ijk_to_ras = np.diag([*(step * [-1, -1, 1]), 1.0])
    ijk_to_ras[:3, 3] = start * [-1, -1, 1]
    return places, ijk_to_ras


def small_rotation(random: np.random.Generator) -> np.ndarray:
    """(3, 3), of up to some ten degrees."""
    a, b, c = random.normal(0, [0.04, 0.04, 0.08])
    turn, triangle = np.linalg.qr(np.array([[1, -c, b], [c, 1, -a], [-b, a, 1]]))
    return turn * np.sign(np.diag(triangle))


def varied(organ: Organ, random: np.random.Generator) -> Organ:
    """The organ of another patient."""
    centre = np.array(organ.centre) + random.normal(0, [0.03, 0.04, 0.012])
    radii = np.array(organ.radii) * np.exp(random.normal(0, 0.12, 3) + random.normal(0, 0.08))
    return Organ(organ.name, tuple(centre), tuple(radii), organ.density, organ.squareness)


def draw_trunk(canvas: Canvas) -> None:
    """Skin and fat, the muscles of the wall, and the fat inside."""
    x, y, _ = canvas.places
    distance = np.abs(x) ** 2.4 + np.abs(y) ** 2.2
    wall = canvas.random.uniform(0.78, 0.97)
    for limit, density in ((1.0, FAT), (wall, MUSCLE), (wall - canvas.random.uniform(0.12, 0.25), FAT)):
        canvas.density[distance < limit] = density + canvas.random.uniform(-20, 20)
    _, y, z = canvas.places
    canvas.density[(z > 0.6) & (distance < 0.5) & (y > -0.5)] = MUSCLE


def draw_bowel(canvas: Canvas) -> None:
    """Loops of bowel, some of them with gas: they are in the way, and nobody asks for them."""
    random = canvas.random
    for _ in range(random.integers(4, 14)):
        centre = (random.uniform(-0.6, 0.6), random.uniform(-0.6, 0.1), random.uniform(0.08, 0.46))
        radii = tuple(random.uniform([0.06, 0.08, 0.015], [0.25, 0.3, 0.06]))
        gas = random.random() < 0.25
        canvas.draw(Organ("bowel", centre, radii, (-950, -800) if gas else (-40, 90)), 0)


def draw_bodies(canvas: Canvas) -> None:
    """Lesions and other bodies without a name, unlike what is around them."""
    random = canvas.random
    for number in range(random.integers(2, 6)):
        at = tuple(int(random.integers(n)) for n in canvas.labels.shape)
        if canvas.density[at] < -150:
            continue
        centre = tuple(canvas.places[(slice(None), *at)])
        radii = tuple(random.uniform([0.06, 0.08, 0.02], [0.22, 0.3, 0.07]))
        density = canvas.density[at] + random.choice([-1, 1]) * random.uniform(60, 250)
        canvas.draw(Organ("body", centre, radii, (density, density + 1)), FIRST_BODY + number)
