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
from vistaseg.models.boxes import Box
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
    return Volume(array.astype(kind), np.eye(4))


@pytest.mark.parametrize("kind", [np.int16, np.float32, np.float64, np.int32])
def test_what_the_network_sees_is_what_was_published(kind: type) -> None:
    volume = scan(1, kind)
    image, expected = segvol_image(volume, ZOOMED), published(volume.array)
    assert image.crop.shape == expected.shape
    region = Box((0, 0, 0), expected.shape)
    np.testing.assert_allclose(image.window(region, region)[0, 0], expected, atol=2e-6)
    shrunk = Resize(ZOOMED, mode="nearest-exact")(expected[None])[0]
    np.testing.assert_allclose(image.whole()[0, 0], shrunk, atol=2e-6)


def test_a_window_is_0_beyond_its_region_and_not_beyond_itself() -> None:
    volume = scan(2)
    image, whole = segvol_image(volume, ZOOMED), published(volume.array)
    region, window = Box((0, 2, 0), (6, 20, 12)), Box((-1, 5, -2), (7, 21, 14))
    seen = np.zeros(window.shape)
    seen[1:7, :15, 2:14] = whole[0:6, 5:20, 0:12]
    np.testing.assert_allclose(image.window(window, region)[0, 0], seen, atol=2e-6)


@given(sizes, st.integers(0, 100))
@settings(max_examples=60, deadline=None)
def test_masks_grow_as_pytorch_interpolates(size: tuple[int, int, int], seed: int) -> None:
    mask = np.random.default_rng(seed).random(ZOOMED) < 0.003
    grown = functional.interpolate(torch.from_numpy(mask)[None, None].float(), size=size, mode="nearest")[0, 0] > 0
    zoom = ZoomMap(size, ZOOMED)
    box = Box((0, 0, 0), size)
    assert np.array_equal(zoom.grown(mask, box), grown)
    content = zoom.grown_content(mask)
    places = np.argwhere(grown.numpy())
    if content is None:
        assert len(places) == 0
    else:
        assert content == Box(tuple(places.min(axis=0)), tuple(places.max(axis=0) + 1))
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


@given(sizes, st.data())
@settings(max_examples=60, deadline=None)
def test_a_box_is_shown_by_a_box_from_its_first_voxel_to_its_last(size, data) -> None:
    zoom = ZoomMap(size, ZOOMED)
    start = data.draw(st.tuples(*[st.integers(0, n - 1) for n in size]))
    stop = data.draw(st.tuples(*[st.integers(a + 1, n) for a, n in zip(start, size, strict=True)]))
    shown = zoom.box_to_zoomed(Box(start, stop))
    resized = np.zeros(size, bool)
    resized[Box(start, stop).slices] = True
    resized = resized[np.ix_(*zoom.down)]
    assert not np.delete(resized, np.r_[shown.slices[0]], axis=0).any()
    assert shown.joined(Box((0, 0, 0), ZOOMED)) == Box((0, 0, 0), ZOOMED)
    last = tuple(b - 1 for b in stop)
    for axis, (n, s) in enumerate(zip(size, ZOOMED, strict=True)):
        if n >= s:
            assert shown.start[axis] == zoom.to_zoomed(start)[axis]
            assert shown.stop[axis] == zoom.to_zoomed(last)[axis] + 1
        else:
            assert shown.stop[axis] - shown.start[axis] >= (stop[axis] - start[axis]) * s / n - 1


def test_a_scan_without_contrast_is_refused() -> None:
    array = np.zeros((6, 6, 6), np.int16)
    array[2:4] = 7
    for values in (array, array.astype(bool), np.zeros((6, 6, 6))):
        with pytest.raises(InputError, match="nothing to see"):
            segvol_image(Volume(values, np.eye(4)), ZOOMED)


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
