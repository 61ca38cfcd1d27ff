"""The values of slices, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg.errors import InputError
from vistaseg.volume.dicom.bounds import can_hold_frame
from vistaseg.volume.dicom.files import damage, has_mark, open_dicom
from vistaseg.volume.dicom.headers import not_quoting
from vistaseg.volume.dicom.padding import PaddingMarks
from vistaseg.volume.dicom.slices import Slice

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")


def read_voxels(ordered: Sequence[Slice]) -> tuple[np.ndarray, tuple[str, ...]]:
    """The rescaled values, in a CT with air for what lies outside the image.

    The pixels of one file at a time are in memory.

    Returns:
        (k, j, i): int16 where all are whole numbers that fit, else int32 or float32. And what was replaced, a sentence
        each.

    Raises:
        InputError: pixels are missing, damaged, or compressed in a way that nothing here decodes.
    """
    check_decoders(ordered)
    _check_sizes(ordered)
    rescales = [piece.rescale or (1.0, 0.0) for piece in ordered]
    whole = all(number.is_integer() for pair in rescales for number in pair)
    output = np.empty((len(ordered), *ordered[0].size), dtype=np.int16 if whole else np.float32)
    marks = PaddingMarks()
    for k, stored in enumerate(_stored(ordered)):
        if stored.shape != output.shape[1:]:
            raise InputError(f"The pixels of {ordered[k].path.name} do not fit its header. Export the series again.")
        slope, intercept = rescales[k]
        values = np.multiply(stored, slope, dtype=np.float64) + intercept
        marks.replace(ordered[k], stored, values)
        output = _with_room(output, values)
        output[k] = values
    return output, marks.notes


def _check_sizes(ordered: Sequence[Slice]) -> None:
    """Before memory is taken for them: a header may promise slices of any size."""
    for piece in ordered:
        if piece.frame is None and not can_hold_frame(piece.header, piece.path.stat().st_size):
            raise _cut_off(piece.path)


def _with_room(output: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The output in a type that holds the values, which the headers do not always tell in advance."""
    lowest, highest = float(values.min()), float(values.max())
    if output.dtype.kind == "f" or np.iinfo(output.dtype).min <= lowest and highest <= np.iinfo(output.dtype).max:
        return output
    fits = all(np.iinfo(np.int32).min <= value <= np.iinfo(np.int32).max for value in (lowest, highest))
    return output.astype(np.int32 if fits else np.float32)


def _stored(ordered: Sequence[Slice]) -> Iterator[np.ndarray]:
    """Values (j, i) as they are stored; all frames are of one file, or every slice has its own."""
    if ordered[0].frame is None:
        for piece in ordered:
            yield next(_frames(piece.path, None))
    else:
        yield from _frames(ordered[0].path, [piece.frame or 0 for piece in ordered])


def _frames(path: Path, indices: list[int] | None) -> Iterator[np.ndarray]:
    from pydicom.pixels.utils import iter_pixels

    try:
        with not_quoting():
            yield from iter_pixels(_source(path, indices is not None), indices=indices)
    except damage() as error:
        raise _cut_off(path) from error


def _cut_off(path: Path) -> InputError:
    return InputError(
        f"The pixels of {path.name} cannot be decoded: the file is damaged or cut off. Export the series again, "
        "uncompressed if need be."
    )


def _source(path: Path, has_frames: bool) -> Any:
    """What to decode: the image, or of many frames the file, from which they are taken one by one."""
    if has_frames and _is_read_in_parts(path):
        return path
    image = open_dicom(path)
    if not any(keyword in image for keyword in _PIXELS):
        raise InputError(f"{path.name} has a header but no pixels: it is cut off. Export the series again.")
    return image


def _is_read_in_parts(path: Path) -> bool:
    """pydicom can do so with what is neither deflated nor without its mark."""
    from pydicom.filereader import read_file_meta_info

    return has_mark(path) and not read_file_meta_info(path).TransferSyntaxUID.is_deflated


def check_decoders(slices: Sequence[Slice]) -> None:
    """Check that there is a decoder for the pixels; some compressions need a package that is not there by default.

    Raises:
        InputError: there is none; the message says what to install.
    """
    from pydicom.uid import UID

    named = ((piece.header.file_meta.get("TransferSyntaxUID"), piece.path) for piece in slices)
    for syntax, path in {syntax: path for syntax, path in named if isinstance(syntax, UID)}.items():
        if not _is_decodable(syntax, path):
            raise InputError(
                f"{path.name} is compressed as {syntax.name}, which takes one more package to decode. Install it with "
                "`pip install vistaseg[dicom]` (python-gdcm), or export the series again, uncompressed."
            )


def _is_decodable(syntax: Any, path: Path) -> bool:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        return bool(get_decoder(syntax).is_available)
    except NotImplementedError as error:
        how = "stored in the private transfer syntax" if syntax.is_private else "compressed as"
        raise InputError(
            f"{path.name} is {how} {syntax.name}, which cannot be read. Export the series again, uncompressed."
        ) from error
