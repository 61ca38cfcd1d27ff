"""The published preprocessing, step by step with MONAI and NumPy, against what is done here."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
import torch
import torch.nn.functional as functional
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.transforms import CropForeground, Resize

from vistaseg.errors import InputError
from vistaseg.geometry.box import VoxelBox
from vistaseg.models.segvol.preprocessing import ZoomMap, intensity_range, segvol_image
from vistaseg.volume import Volume

ZOOMED = (8, 16, 16)
sizes = st.tuples(*[st.integers(1, 70)] * 3)


def published(array: np.ndarray) -> np.ndarray:
    """(d, h, w): foreground normalisation, 0 … 1 and cropping as published."""
    values = array.astype(np.float32)
    foreground = values[values > values.mean()]
    low, high = np.percentile(foreground, 0.05), np.percentile(foreground, 99.95)
    values = (np.clip(values, low, high) - foreground.mean()) / max(foreground.std(), 1e-8)
    values -= values.min()
    values /= max(values.max(), 1e-8)
    return np.asarray(CropForeground()(values[None]))[0]


def scan(seed: int, kind: type = np.int16, shape: tuple[int, int, int] = (19, 40, 37)) -> Volume:
    generator = np.random.default_rng(seed)
    array = np.full(shape, -1000.0)
    array[2:-3, 4:-5, 6:-1] = generator.normal(40, 300, (shape[0] - 5, shape[1] - 9, shape[2] - 7))
    return Volume.from_array(array.astype(kind), np.eye(4), axes="kji")


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64, np.int32])
def test_what_the_network_sees_is_what_was_published(kind: type) -> None:
    volume = scan(1, kind)
    image, expected = segvol_image(volume, ZOOMED), published(volume.array)
    assert image.crop.shape == expected.shape
    region = VoxelBox.whole(expected.shape)
    np.testing.assert_allclose(image.window(region, region)[0, 0], expected, atol=2e-6)
    shrunk = Resize(ZOOMED, mode="nearest-exact")(expected[None])[0]
    np.testing.assert_allclose(image.whole()[0, 0], shrunk, atol=2e-6)


def test_a_window_is_0_beyond_its_region_and_not_beyond_itself() -> None:
    volume = scan(2)
    image, whole = segvol_image(volume, ZOOMED), published(volume.array)
    region, window = VoxelBox((0, 2, 0), (6, 20, 12)), VoxelBox((-1, 5, -2), (7, 21, 14))
    seen = np.zeros(window.shape)
    seen[1:7, :15, 2:14] = whole[0:6, 5:20, 0:12]
    np.testing.assert_allclose(image.window(window, region)[0, 0], seen, atol=2e-6)


@given(sizes, st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_masks_grow_as_pytorch_interpolates(size: tuple[int, int, int], seed: int) -> None:
    mask = np.random.default_rng(seed).random(ZOOMED) < 0.003
    grown = functional.interpolate(torch.from_numpy(mask)[None, None].float(), size=size, mode="nearest")[0, 0] > 0
    zoom = ZoomMap(size, ZOOMED)
    box = VoxelBox.whole(size)
    assert np.array_equal(zoom.grown(mask, box), grown)
    content = zoom.grown_content(mask)
    places = np.argwhere(grown.numpy())
    if content is None:
        assert len(places) == 0
    else:
        assert content == VoxelBox(tuple(places.min(axis=0)), tuple(places.max(axis=0) + 1))
        assert np.array_equal(zoom.grown(mask, content), grown[content.slices])


@given(sizes, st.data())
@settings(max_examples=60, deadline=None)
def test_a_voxel_lies_in_the_shrunk_voxel_that_shows_its_surroundings(size, data) -> None:
    zoom = ZoomMap(size, ZOOMED)
    index = data.draw(st.tuples(*[st.integers(0, n - 1) for n in size]))
    place = zoom.to_zoomed(index)
    assert all(0 <= p < s for p, s in zip(place, ZOOMED, strict=True))
    shown = [lookup[p] for lookup, p in zip(zoom.down, place, strict=True)]
    assert all(abs(a - b) <= n / s for a, b, n, s in zip(shown, index, size, ZOOMED, strict=True))
    mask = np.zeros(size, bool)
    mask[index] = True
    assert np.argwhere(zoom.shrunk(mask)).tolist() == [list(place)]


def published_box(mask: np.ndarray, zoomed: tuple[int, int, int]) -> np.ndarray | None:
    """First and last voxel (2, 3) of a mask that was resized as the published code resizes labels; None for nothing.

    SegVol's demo_data_process.py resizes labels by `Resized(mode="nearest-exact")`; its generate_box takes the least
    and greatest index of what is above 0.
    """
    places = np.argwhere(Resize(zoomed, mode="nearest-exact")(mask[None].astype(np.float32))[0].numpy() > 0)
    return np.stack([places.min(axis=0), places.max(axis=0)]) if len(places) else None


def test_corners_of_solid_boxes_are_those_of_the_published_box() -> None:
    generator, nothing = np.random.default_rng(0), 0
    for _ in range(1000):
        size = generator.integers((10, 20, 20), (60, 120, 120))
        ends = np.sort(generator.integers(0, size[:, None] + 1, (3, 2)), axis=1)
        start = np.minimum(ends[:, 0], size - 1)
        stop = np.maximum(ends[:, 1], start + 1)
        box = VoxelBox(tuple(map(int, start)), tuple(map(int, stop)))
        mask = np.zeros(size, bool)
        mask[box.slices] = True
        ours = ZoomMap(tuple(map(int, size)), ZOOMED).box_to_zoomed(box)
        theirs = published_box(mask, ZOOMED)
        if theirs is None:
            nothing += 1
            assert not ours.empty and ours.intersection(VoxelBox.whole(ZOOMED)) == ours
        else:
            assert [list(ours.start), [b - 1 for b in ours.stop]] == theirs.tolist()
    assert nothing < 500, "too few boxes that the published code sees were compared"


def test_corners_around_organs_differ_by_few_voxels_from_the_published_box() -> None:
    """Of an organ the shrunk scan may not show the outermost voxels, so that corners alone do not determine the box."""
    generator, size, zoomed = np.random.default_rng(1), (60, 200, 200), (32, 128, 128)
    zoom, apart = ZoomMap(size, zoomed), []
    places = np.ogrid[tuple(slice(n) for n in size)]
    for _ in range(12):
        centre, radii = generator.uniform((20, 60, 60), (40, 140, 140)), generator.uniform((5, 10, 10), (18, 50, 50))
        mask = sum(((p - c) / r) ** 2 for p, c, r in zip(places, centre, radii, strict=True)) <= 1
        found = np.argwhere(mask)
        own = VoxelBox(tuple(map(int, found.min(axis=0))), tuple(map(int, found.max(axis=0) + 1)))
        ours, theirs = zoom.box_to_zoomed(own), published_box(mask, zoomed)
        assert theirs is not None
        apart.append(np.abs(np.array([ours.start, [b - 1 for b in ours.stop]]) - theirs))
    # As the README states it.
    assert np.max(apart) <= 3 and np.mean(apart) < 0.6
    assert np.max(apart) > 0, "no organ shows the difference"


def test_sessions_of_the_first_versions_keep_their_box() -> None:
    """From where the first voxel lies to where the last one does, whether or not the shrunk scan shows them."""
    size, zoomed = (40, 50, 50), (16, 64, 64)
    box = VoxelBox((4, 4, 6), (39, 33, 36))
    old, new = ZoomMap(size, zoomed, "reached").box_to_zoomed(box), ZoomMap(size, zoomed).box_to_zoomed(box)
    assert (old.start[0], new.start[0]) == (1, 2)
    assert old != new and old.union(new) == old


def test_the_network_is_asked_with_voxels_that_show_the_box_and_no_others() -> None:
    """A voxel of the shrunk scan that shows what lies outside the box is not in it, where any voxel shows the box."""
    generator, trimmed = np.random.default_rng(2), 0
    for _ in range(100):
        start = generator.integers(0, 20, 3)
        stop = start + generator.integers(8, 20, 3)
        box, size = VoxelBox(tuple(map(int, start)), tuple(map(int, stop))), (40, 50, 50)
        zoom, first = ZoomMap(size, (16, 32, 32)), ZoomMap(size, (16, 32, 32), "reached")
        asked = zoom.box_to_zoomed(box)
        for axis in range(3):
            shown = zoom.down[axis][asked.start[axis] : asked.stop[axis]]
            assert (shown >= start[axis]).all() and (shown < stop[axis]).all()
        trimmed += asked != first.box_to_zoomed(box)
    assert trimmed, "no box shows the difference"


def test_a_scan_without_contrast_is_refused() -> None:
    array = np.zeros((6, 6, 6), np.int16)
    array[2:4] = 7
    for values in (array, array.astype(bool), np.zeros((6, 6, 6))):
        with pytest.raises(InputError, match="nothing to see"):
            segvol_image(Volume.from_array(values, np.eye(4), axes="kji"), ZOOMED)


def test_preparing_takes_less_memory_than_a_copy_in_float32() -> None:
    volume = scan(3, np.int16, (60, 256, 256))
    tracemalloc.start()
    try:
        image = segvol_image(volume, (32, 64, 64))
        image.whole()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * volume.array.nbytes


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_the_range_is_numpys(seed: int) -> None:
    array = np.random.default_rng(seed).integers(-1000, 2000, (5, 9, 11)).astype(np.int16)
    foreground = array[array > array.mean()]
    assert intensity_range(array) == pytest.approx(np.percentile(foreground, (0.05, 99.95)))
