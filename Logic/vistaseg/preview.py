"""One picture of a result: three views through it, its outlines over the CT, and what they are."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vistaseg.errors import UsageError
from vistaseg.escaping import printable
from vistaseg.io import check_file_place, write_bytes

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

    from vistaseg.geometry.grid import Grid
    from vistaseg.segmentation import Segment, Segmentation
    from vistaseg.volume import Volume

Color = tuple[int, int, int]

WINDOW_HU = (-160.0, 240.0)  # soft tissue: width 400, level 40
TINT = 0.35
OBLIQUE_DEGREES = 20.0
ALIGNED_DEGREES = 0.1
"""Up to which all of a slice has one position in mm, but for a millimetre at its ends."""

PANEL = 460
MARGIN = 20
WIDTH = 3 * PANEL + 4 * MARGIN
LEGEND_COLUMNS = 5
LEGEND_ROWS = 8
LEGEND_LINE = 26
SWATCH = 14

BACKGROUND: Color = (17, 19, 23)
BLACK: Color = (0, 0, 0)
TEXT: Color = (232, 234, 237)
MUTED: Color = (154, 160, 168)
LETTER: Color = (255, 214, 102)


@dataclass(frozen=True)
class _View:
    """A view across axis `across` of the turned array; letters at the left, right, top and bottom edge."""

    title: str
    across: int
    letters: str


_VIEWS = (_View("Axial", 0, "RLAP"), _View("Coronal", 1, "RLSI"), _View("Sagittal", 2, "APSI"))


@dataclass(frozen=True)
class _Turn:
    """Turns arrays (k, j, i) so that their axes grow to inferior, posterior and left, as they are drawn.

    Attributes:
        order: array axis that becomes the inferior, posterior, left one.
        flips: whether each of those is reversed.
        size, spacing: of the turned array, spacing in mm.
    """

    order: tuple[int, ...]
    flips: tuple[bool, ...]
    size: tuple[int, ...]
    spacing: tuple[float, ...]

    @classmethod
    def of(cls, grid: Grid) -> _Turn:
        index_axis = {axis: (index, sign) for index, (axis, sign) in enumerate(grid.axes)}
        picked = [index_axis[axis] for axis in (2, 1, 0)]
        return cls(
            tuple(2 - index for index, _ in picked),
            tuple(sign > 0 for _, sign in picked),
            tuple(grid.shape_ijk[index] for index, _ in picked),
            tuple(grid.spacing[index] for index, _ in picked),
        )

    def array(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """A view of the array, turned."""
        return array.transpose(self.order)[tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)]

    def start(self, segment: Segment) -> tuple[int, ...]:
        """Where the turned mask of a segment begins in the turned array."""
        boxes = [segment.mask.box.slices_kji[axis] for axis in self.order]
        ends = zip(boxes, self.flips, self.size, strict=True)
        return tuple(size - box.stop if flip else box.start for box, flip, size in ends)


@dataclass(frozen=True)
class _Placed:
    """A segment in the turned array."""

    color: Color
    mask: npt.NDArray[np.bool_]
    start: tuple[int, ...]

    def cut(self, across: int, position: int, size: tuple[int, ...]) -> npt.NDArray[np.bool_] | None:
        """The mask in one slice, as large as the slice; None if the slice misses it."""
        inside = position - self.start[across]
        if not 0 <= inside < self.mask.shape[across]:
            return None
        rows, columns = (axis for axis in range(3) if axis != across)
        part = np.moveaxis(self.mask, across, 0)[inside]
        full = np.zeros((size[rows], size[columns]), dtype=bool)
        top, left = self.start[rows], self.start[columns]
        full[top : top + part.shape[0], left : left + part.shape[1]] = part
        return full


def check_preview_path(path: Path | str) -> None:
    """Refuse, before the long work, a picture that could not be written.

    Raises:
        UsageError: the name does not end in .png, a folder has it, or its folder is missing or cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".png":
        raise UsageError(f"The preview {path} has to end in .png: name it {path.stem or 'preview'}.png.")
    check_file_place(path)


def render_preview(
    volume: Volume, segmentation: Segmentation, path: Path | str, title: str = "", footer: str = ""
) -> None:
    """Write the picture of `preview_png` to a file.

    Raises:
        UsageError: the segmentation is of another grid, or the file cannot be written.
    """
    picture = preview_png(volume, segmentation, title, footer)
    write_bytes(Path(path), picture)


def preview_png(volume: Volume, segmentation: Segmentation, title: str = "", footer: str = "") -> bytes:
    """A PNG with an axial, a coronal and a sagittal slice where most structures are, and a legend.

    The CT is shown in a soft tissue window, the patient's right on the left of the picture, in true
    proportions. A grid that is oblique is shown along its own axes, nearest to those views. Below each slice
    stands where it lies in RAS mm.

    Raises:
        UsageError: the segmentation is of another grid.
    """
    if segmentation.shape_ijk != volume.shape_ijk:
        raise UsageError("The segmentation does not fit the volume: give the volume that was segmented.")
    file = io.BytesIO()
    _compose(volume, segmentation, title, footer).save(file, "PNG", optimize=True)
    return file.getvalue()


def _compose(volume: Volume, segmentation: Segmentation, title: str, footer: str) -> Image.Image:
    from PIL import Image, ImageDraw

    header, rows = (54 if title else MARGIN), _legend_rows(len(segmentation.segments))
    legend_top = header + PANEL + 2 * MARGIN + 12
    height = legend_top + rows * LEGEND_LINE + (44 if footer else MARGIN)
    picture = Image.new("RGB", (WIDTH, height), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    if title:
        draw.text((MARGIN, 27), _fitted(title, 22, WIDTH - 2 * MARGIN), TEXT, _font(22), anchor="lm")
    _draw_views(picture, volume, segmentation, header)
    _draw_legend(draw, segmentation, legend_top, rows)
    if footer:
        text = _fitted(footer, 14, WIDTH - 2 * MARGIN)
        draw.text((MARGIN, height - 22), text, MUTED, _font(14), anchor="lm")
    return picture


def _draw_views(picture: Image.Image, volume: Volume, segmentation: Segmentation, top: int) -> None:
    turn = _Turn.of(volume.grid)
    by_size = sorted(segmentation.segments, key=lambda segment: -segment.voxel_count)
    placed = [_Placed(item.color, turn.array(item.mask.array), turn.start(item)) for item in by_size]
    for number, view in enumerate(_VIEWS):
        left = MARGIN + number * (PANEL + MARGIN)
        position = _busiest_slice(placed, view.across, turn.size[view.across])
        picture.paste(_panel(volume, turn, placed, view, position), (left, top))
        _draw_letters(picture, view.letters, left, top)
        _draw_caption(picture, _caption(view, volume.grid, turn, position), left, top + PANEL + 14)


def _caption(view: _View, grid: Grid, turn: _Turn, position: int) -> str:
    """Which view, and where its slice lies: in mm, which in an oblique grid holds for the middle of the slice."""
    axis, letter = 2 - view.across, "SAR"[view.across]
    index = [(size - 1) / 2 for size in grid.shape_ijk]
    across = next(n for n, (world, _) in enumerate(grid.axes) if world == axis)
    index[across] = turn.size[view.across] - 1 - position if turn.flips[view.across] else position
    millimeters = float(grid.index_to_ras([index])[0][axis])
    tilt = _tilt_degrees(grid)
    middle = " in the middle" if tilt > ALIGNED_DEGREES else ""
    stored = ", as stored (oblique)" if tilt > OBLIQUE_DEGREES else ""
    return f"{view.title}, {letter} {millimeters:.1f} mm{middle}{stored}"


def _tilt_degrees(grid: Grid) -> float:
    cosines = [abs(grid.directions[axis, index]) for index, (axis, _) in enumerate(grid.axes)]
    return float(np.degrees(np.arccos(min(1.0, *cosines))))


def _panel(volume: Volume, turn: _Turn, placed: Sequence[_Placed], view: _View, position: int) -> Image.Image:
    from PIL import Image

    grey = _windowed(turn.array(volume.array).take(position, axis=view.across))
    width, height = _fitted_size(turn, view.across)
    image = Image.fromarray(grey).resize((width, height), Image.Resampling.BICUBIC)
    pixels = np.repeat(np.asarray(image, dtype=np.float32)[..., np.newaxis], 3, axis=2)
    for item in placed:
        mask = item.cut(view.across, position, turn.size)
        if mask is not None:
            _tint(pixels, _enlarged(mask, width, height), item.color)
    panel = Image.new("RGB", (PANEL, PANEL), BLACK)
    panel.paste(Image.fromarray(pixels.astype(np.uint8)), ((PANEL - width) // 2, (PANEL - height) // 2))
    return panel


def _busiest_slice(placed: Sequence[_Placed], across: int, size: int) -> int:
    """The slice that shows most structures, and of those the one with most of their voxels."""
    shown, voxels = np.zeros(size, dtype=int), np.zeros(size, dtype=int)
    others = tuple(axis for axis in range(3) if axis != across)
    for item in placed:
        counts = item.mask.sum(axis=others)
        span = slice(item.start[across], item.start[across] + len(counts))
        shown[span] += counts > 0
        voxels[span] += counts
    if not shown.any():
        return size // 2
    return int(np.lexsort((voxels, shown))[-1])


def _windowed(values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    low, high = WINDOW_HU
    grey = (np.nan_to_num(values.astype(np.float32), nan=low) - low) / (high - low)
    return np.asarray(np.clip(grey, 0, 1) * 255, dtype=np.uint8)


def _fitted_size(turn: _Turn, across: int) -> tuple[int, int]:
    """Width and height in pixels that fill the panel in true proportions."""
    height, width = (turn.size[axis] * turn.spacing[axis] for axis in range(3) if axis != across)
    scale = PANEL / max(width, height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _enlarged(mask: npt.NDArray[np.bool_], width: int, height: int) -> npt.NDArray[np.bool_]:
    """The mask in pixels, with a smooth edge instead of the steps of its voxels."""
    from PIL import Image

    image = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR)) > 127


def _tint(pixels: npt.NDArray[np.float32], mask: npt.NDArray[np.bool_], color: Color) -> None:
    pixels[mask] = pixels[mask] * (1 - TINT) + np.array(color, dtype=np.float32) * TINT
    pixels[mask & ~_eroded(mask)] = color


def _eroded(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    inner = np.pad(mask, 1)
    return inner[:-2, 1:-1] & inner[2:, 1:-1] & inner[1:-1, :-2] & inner[1:-1, 2:]


def _draw_letters(picture: Image.Image, letters: str, left: int, top: int) -> None:
    from PIL import ImageDraw

    middle = PANEL // 2
    places = ((16, middle), (PANEL - 16, middle), (middle, 16), (middle, PANEL - 16))
    for letter, (x, y) in zip(letters, places, strict=True):
        ImageDraw.Draw(picture).text(
            (left + x, top + y), letter, LETTER, _font(18), anchor="mm", stroke_width=2, stroke_fill=BLACK
        )


def _draw_caption(picture: Image.Image, text: str, left: int, middle: int) -> None:
    from PIL import ImageDraw

    center = (left + PANEL // 2, middle)
    ImageDraw.Draw(picture).text(center, text, MUTED, _font(15), anchor="mm")


def _legend_rows(count: int) -> int:
    return min(LEGEND_ROWS, -(-count // LEGEND_COLUMNS))


def _draw_legend(draw: ImageDraw.ImageDraw, segmentation: Segmentation, top: int, rows: int) -> None:
    """The largest first, column by column; when they are too many, the last place says how many are left."""
    segments = sorted(segmentation.segments, key=lambda segment: -segment.voxel_count)
    room = rows * LEGEND_COLUMNS
    shown = segments if len(segments) <= room else segments[: room - 1]
    for number, segment in enumerate(shown):
        _draw_entry(draw, segment, _volume_text(segmentation, segment), _legend_place(number, rows, top))
    if len(shown) < len(segments):
        x, y = _legend_place(room - 1, rows, top)
        draw.text((x, y), f"and {len(segments) - len(shown)} more", MUTED, _font(15), anchor="lm")


def _legend_place(number: int, rows: int, top: int) -> tuple[int, int]:
    column, row = divmod(number, rows)
    return MARGIN + column * _legend_width(), top + row * LEGEND_LINE + LEGEND_LINE // 2


def _legend_width() -> int:
    return (WIDTH - MARGIN) // LEGEND_COLUMNS


def _draw_entry(draw: ImageDraw.ImageDraw, segment: Segment, amount: str, place: tuple[int, int]) -> None:
    x, y = place
    end = x + _legend_width() - 2 * MARGIN
    half = SWATCH // 2
    draw.rounded_rectangle((x, y - half, x + SWATCH, y + half), 3, segment.color)
    draw.text((end, y), amount, MUTED, _font(15), anchor="rm")
    room = end - x - SWATCH - 18 - _font(15).getlength(amount)
    draw.text((x + SWATCH + 8, y), _fitted(segment.name, 15, room), TEXT, _font(15), anchor="lm")


def _volume_text(segmentation: Segmentation, segment: Segment) -> str:
    if not segment.voxel_count:
        return "empty"
    amount = segmentation.volume_ml(segment)
    return f"{amount:,.0f} ml" if amount >= 10 else f"{amount:.2g} ml"


def _fitted(text: str, size: int, room: float) -> str:
    """The text on one line, shortened where it is too long for `room` pixels."""
    text = printable(text)
    if _font(size).getlength(text) <= room:
        return text
    while text and _font(size).getlength(f"{text}...") > room:
        text = text[:-1]
    return f"{text.rstrip()}..."


@lru_cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)
