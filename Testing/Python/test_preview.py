from __future__ import annotations

import errno
import os

import numpy as np
import pytest
from PIL import Image

from vistaseg import preview
from vistaseg.errors import UsageError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.preview import MARGIN, PANEL, check_preview_path, render_preview
from vistaseg.segmentation import Segment, Segmentation
from vistaseg.volume import Volume

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
SIZE = 40  # mm, of the cube; the world runs from -20 to 20 mm on each axis
SIGNS = {"R": (0, 1), "L": (0, -1), "A": (1, 1), "P": (1, -1), "S": (2, 1), "I": (2, -1)}


def stored(orientation: str, spacing=(2.0, 2.0, 2.0)) -> tuple[tuple[int, int, int], np.ndarray]:
    """Size and IJK to RAS of the cube, stored with axes that grow in these directions."""
    matrix = np.eye(4)
    shape = []
    for index, code in enumerate(orientation):
        axis, sign = SIGNS[code]
        matrix[:3, index] = 0
        matrix[axis, index] = sign * spacing[index]
        matrix[axis, 3] = -sign * (SIZE / 2 - spacing[index] / 2)
        shape.append(round(SIZE / spacing[index]))
    return (shape[0], shape[1], shape[2]), matrix


def scene(orientation: str, spacing=(2.0, 2.0, 2.0)) -> tuple[Volume, Segmentation]:
    """A ball on the patient's left in red, one in front in green, one above in blue, 8 mm off the centre."""
    shape, matrix = stored(orientation, spacing)
    indices = np.stack(np.meshgrid(*map(np.arange, shape[::-1]), indexing="ij")[::-1], axis=-1)
    ras = indices @ matrix[:3, :3].T + matrix[:3, 3]
    places = {"left": (-11, 0, 0), "front": (0, 11, 0), "upper": (0, 0, 11)}
    segments = []
    for label, ((name, place), color) in enumerate(zip(places.items(), (RED, GREEN, BLUE), strict=True), start=1):
        mask = np.linalg.norm(ras - place, axis=-1) < 7
        segments.append(Segment(name, label, None, color, None, BoxedMask.of(mask)))
    return Volume.from_array(np.zeros(shape[::-1], dtype=np.int16), matrix, axes="kji"), Segmentation(
        shape, matrix, segments
    )


def panels(path) -> list[np.ndarray]:
    """The axial, coronal and sagittal picture, without their frame."""
    pixels = np.asarray(Image.open(path).convert("RGB"))
    lefts = [MARGIN + n * (PANEL + MARGIN) for n in range(3)]
    return [pixels[MARGIN : MARGIN + PANEL, left : left + PANEL] for left in lefts]


def centre(panel: np.ndarray, color) -> np.ndarray:
    """Mean (x, y) of the outline in this colour, from -1 (left, top) to 1."""
    rows, columns = np.nonzero((panel == color).all(axis=-1))
    assert rows.size, f"{color} is not in the picture"
    return np.array([columns.mean(), rows.mean()]) / PANEL * 2 - 1


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LAS", "SAR", "PIL"])
def test_the_patients_left_is_on_the_right_and_front_and_head_are_on_top(tmp_path, orientation):
    volume, segmentation = scene(orientation)
    render_preview(volume, segmentation, tmp_path / "x.png")
    axial, coronal, sagittal = panels(tmp_path / "x.png")
    assert centre(axial, RED)[0] > 0.4
    assert centre(axial, GREEN)[1] < -0.4
    assert centre(coronal, RED)[0] > 0.4
    assert centre(coronal, BLUE)[1] < -0.4
    assert centre(sagittal, GREEN)[0] < -0.4
    assert centre(sagittal, BLUE)[1] < -0.4


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 5.0), (0.5, 1.0, 2.0)])
def test_a_ball_is_as_wide_as_high_whatever_the_spacing(tmp_path, spacing):
    volume, segmentation = scene("LPS", spacing)
    render_preview(volume, segmentation, tmp_path / "x.png")
    for panel, color in zip(panels(tmp_path / "x.png"), (RED, RED, GREEN), strict=True):
        rows, columns = np.nonzero((panel == color).all(axis=-1))
        assert np.ptp(rows) == pytest.approx(np.ptp(columns), rel=0.3)
        assert np.ptp(rows) == pytest.approx(14 / SIZE * PANEL, rel=0.3)


def test_a_long_scan_keeps_its_proportions(tmp_path):
    volume = Volume.from_array(np.full((50, 10, 10), 40, dtype=np.int16), np.diag([2.0, 2.0, 2.0, 1.0]), axes="kji")
    render_preview(volume, Segmentation((10, 10, 50), volume.ijk_to_ras), tmp_path / "x.png")
    lit = np.nonzero((panels(tmp_path / "x.png")[1] == 127).all(axis=-1))
    assert np.ptp(lit[0]) == pytest.approx(5 * np.ptp(lit[1]), rel=0.05)


def test_the_ct_is_shown_in_a_soft_tissue_window(tmp_path):
    volume, _ = scene("RAS")
    array = np.full(volume.array.shape, 40.0)
    array[:, :, :5], array[:, :, -5:] = -1000, np.nan
    render_preview(
        Volume.from_array(array, volume.ijk_to_ras, axes="kji"),
        Segmentation(volume.shape_ijk, volume.ijk_to_ras),
        tmp_path / "x.png",
    )
    axial = panels(tmp_path / "x.png")[0]
    assert axial[100, 200].tolist() == [127] * 3
    assert axial[100, 30].tolist() == axial[100, -30].tolist() == [0] * 3


def test_the_slice_that_shows_most_structures_is_taken(tmp_path):
    mask = np.zeros((9, 9, 9), dtype=bool)
    large, small, thin = mask.copy(), mask.copy(), mask.copy()
    large[1:4, 0:8, 0:8] = large[7, 0:3, 0:3] = True
    small[7, 5:8, 5:8] = thin[7, 0:3, 5:8] = True
    crops = [BoxedMask.of(item) for item in (large, small, thin)]
    colors = (RED, GREEN, BLUE)
    segments = [
        Segment("x", n, None, color, None, crop) for n, (color, crop) in enumerate(zip(colors, crops, strict=True), 1)
    ]
    render_preview(
        Volume.from_array(np.zeros((9, 9, 9)), np.eye(4), axes="kji"),
        Segmentation((9, 9, 9), np.eye(4), segments),
        tmp_path / "x.png",
    )
    axial = panels(tmp_path / "x.png")[0]
    for color in colors:
        centre(axial, color)


def turned(degrees: float) -> np.ndarray:
    sine, cosine = np.sin(np.radians(degrees)), np.cos(np.radians(degrees))
    return np.array([[cosine, -sine, 0, 0], [sine, cosine, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1.0]])


def test_only_a_grid_far_from_the_axes_is_said_to_be_shown_as_stored(monkeypatch):
    said = [
        captions(Volume.from_array(np.zeros((9, 9, 9)), turned(degrees), axes="kji"), [], monkeypatch)
        for degrees in (0, 10, 35)
    ]
    assert ["oblique" in text for texts in said for text in texts] == [False] * 6 + [True] * 3
    assert ["in the middle" in text for texts in said for text in texts] == [False] * 3 + [True] * 6


def captions(volume: Volume, segments: list[Segment], monkeypatch) -> list[str]:
    """What stands below the three views."""
    drawn: list[str] = []
    monkeypatch.setattr(preview, "_draw_caption", lambda picture, text, left, middle: drawn.append(text))
    preview.preview_png(volume, Segmentation(volume.shape_ijk, volume.ijk_to_ras, segments))
    return drawn


@pytest.mark.parametrize("orientation", ["RAS", "LPS", "LAS", "SAR", "PIL"])
@pytest.mark.parametrize("spacing", [(2.0, 2.0, 2.0), (1.0, 4.0, 2.5)])
def test_below_each_view_stands_where_its_slice_lies(orientation, spacing, monkeypatch):
    """A single voxel: its slices are shown, and its centre is their place."""
    shape, matrix = stored(orientation, spacing)
    matrix[:3, 3] += (100.25, -50.5, 700)
    index = [1, shape[1] - 3, 4]
    mask = np.zeros(shape[::-1], dtype=bool)
    mask[tuple(reversed(index))] = True
    r, a, s = matrix[:3, :3] @ index + matrix[:3, 3]
    segment = Segment("voxel", 1, None, RED, None, BoxedMask.of(mask))
    said = captions(Volume.from_array(np.zeros(shape[::-1]), matrix, axes="kji"), [segment], monkeypatch)
    assert said == [f"Axial, S {s:.1f} mm", f"Coronal, A {a:.1f} mm", f"Sagittal, R {r:.1f} mm"]


def test_a_caption_fits_below_its_view(monkeypatch):
    volume = Volume.from_array(np.zeros((9, 9, 9)), turned(35), axes="kji")
    far = volume.ijk_to_ras.copy()
    far[:3, 3] = -1234.5
    for text in captions(Volume.from_array(volume.array, far, axes="kji"), [], monkeypatch):
        assert preview._font(15).getlength(text) <= PANEL


@pytest.mark.parametrize("count", [0, 1, 39, 40, 41, 200])
def test_any_number_of_structures_fits(tmp_path, count):
    mask = BoxedMask.of(np.ones((1, 1, 1)))
    segments = [Segment("a very long name " * 5, n + 1, None, RED, None, mask) for n in range(count)]
    segmentation = Segmentation((20, 20, 20), np.eye(4), segments)
    render_preview(
        Volume.from_array(np.zeros((20, 20, 20)), np.eye(4), axes="kji"),
        segmentation,
        tmp_path / "x.png",
        "title " * 99,
        "footer " * 99,
    )
    width, height = Image.open(tmp_path / "x.png").size
    assert (width, height < 900) == (3 * PANEL + 4 * MARGIN, True)
    swatches = np.asarray(Image.open(tmp_path / "x.png"))[54 + PANEL + 40 :, MARGIN + 7]
    assert (swatches == RED).all(axis=-1).any() == (count > 0)


def test_empty_segments_are_listed_and_disturb_nothing(tmp_path):
    volume, segmentation = scene("RAS")
    segmentation.segments.append(Segment("none", 9, None, (9, 9, 9), None, BoxedMask.of(np.zeros((1, 1, 1)))))
    render_preview(volume, segmentation, tmp_path / "x.png")
    assert centre(panels(tmp_path / "x.png")[0], RED)[0] > 0.4


def test_a_segmentation_of_another_volume_is_refused(tmp_path):
    volume, _ = scene("RAS")
    with pytest.raises(UsageError, match="does not fit"):
        render_preview(volume, Segmentation((1, 2, 3), np.eye(4)), tmp_path / "x.png")


def test_a_full_disk_leaves_no_picture(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UsageError, match="[Nn]o room"):
        render_preview(*scene("RAS"), tmp_path / "x.png")
    assert not list(tmp_path.iterdir())


def test_a_folder_in_the_place_of_the_picture_is_found_before_the_work(tmp_path):
    (tmp_path / "dd.png").mkdir()
    with pytest.raises(UsageError, match=r"dd\.png is a folder"):
        check_preview_path(tmp_path / "dd.png")


@pytest.mark.parametrize("path", ["", "/"])
def test_a_picture_without_a_name_is_refused(path):
    with pytest.raises(UsageError, match=r"has to end in \.png: name it preview\.png"):
        check_preview_path(path)
