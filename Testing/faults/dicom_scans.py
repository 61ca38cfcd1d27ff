"""DICOM scans: a series of slices, and one enhanced CT, with attributes changed and bytes damaged."""

from __future__ import annotations

import io
import json
import random
import re
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from faults import scans
from faults.judge import Case
from faults.mutations import ODD_TEXTS, byte_mutations
from faults.worker import Outcome, command

NUMBERS = (
    "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness", "RescaleSlope",
    "RescaleIntercept", "InstanceNumber", "AcquisitionNumber", "SeriesNumber", "KVP", "GantryDetectorTilt",
)  # fmt: skip
TEXTS = (
    "Modality", "SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID",
    "PhotometricInterpretation", "SpecificCharacterSet", "PatientSex", "ImageType", "RescaleType", "StudyDate",
    "PatientPosition",
)  # fmt: skip
SHORTS = (
    "Rows", "Columns", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation", "SamplesPerPixel",
    "PixelPaddingValue",
)  # fmt: skip
_RELEVANT = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "RescaleSlope", "RescaleIntercept")
_UNREADABLE = ("huge", "nan", "inf", "1e308", "text", "comma", "encoding")


@lru_cache
def volume() -> Any:
    """The truth, as a volume."""
    from vistaseg.volume import Volume

    return Volume.from_array(scans.voxels(), scans.oblique(), axes="kji", name="scan", modality="CT")


def series(change: Callable[[Any, int], None] | None = None) -> dict[str, bytes]:
    """Files of a series by name."""
    from dicom_series import ct_images

    return {f"IM{k}.dcm": _content(image) for k, image in enumerate(ct_images(volume(), change=change))}


def enhanced(change: Callable[[Any], None] | None = None) -> dict[str, bytes]:
    """The file of an enhanced CT by name."""
    from dicom_series import enhanced_ct

    image = enhanced_ct(volume(), [2, 0, 4, 5, 1, 3])
    if change is not None:
        change(image)
    return {"enhanced.dcm": _content(image)}


def _content(image: Any) -> bytes:
    file = io.BytesIO()
    image.save_as(file, enforce_file_format=True)
    return file.getvalue()


Files = dict[str, bytes] | Callable[[], dict[str, bytes]]
"""By name; those of cases that are drawn by a seed are only made for them."""


def put(files: Files, folder: Path, name: str = "ct") -> None:
    """Write files into a folder of a folder."""
    (folder / name).mkdir()
    for file, content in (files() if callable(files) else files).items():
        (folder / name / file).write_bytes(content)


def _scan(
    reader: str, what: str, files: Files, names: tuple[str, ...], strict: bool = False, word: bool = False
) -> Case:
    return Case(
        reader,
        what,
        partial(put, files),
        lambda folder: scans.probe(folder / "ct"),
        partial(scans.judged, scans.with_pydicom, "ct", strict, word),
        (*names, ".dcm", "slice", "frame", "colour", "series"),
    )


def words(keyword: str) -> tuple[str, ...]:
    """How a message may name an attribute."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", keyword)
    return keyword, spaced, spaced.lower(), spaced.split()[0].lower()


def scan_cases(seed: int) -> Iterator[Case]:
    """Of a series and of an enhanced CT."""
    reader = "DICOM series"
    for keyword in NUMBERS + TEXTS + SHORTS:
        for what, change in _changes(keyword):
            for where in ("in one slice", "in all"):
                concerned = (lambda k: k == 3) if where == "in one slice" else (lambda k: True)
                files = partial(series, lambda image, k, c=change, f=concerned: c(image) if f(k) else None)
                strict = keyword in _RELEVANT and what in _UNREADABLE
                yield _scan(reader, f"{keyword} {what} {where}", files, words(keyword), strict)
    yield from _sets_of_files()
    yield from _damaged_files(seed)
    yield from _enhanced_cases(seed)
    yield from list_cases(seed)


def _changes(keyword: str) -> Iterator[tuple[str, Callable[[Any], None]]]:
    from dicom_series import write_as_it_is
    from pydicom.datadict import dictionary_VR

    vr = dictionary_VR(keyword) if keyword != "PixelPaddingValue" else "US"
    yield "removed", lambda image: image.pop(keyword, None)
    if keyword in SHORTS:
        for what, value in (("zero", 0), ("one", 1), ("huge", 65535), ("7", 7), ("one more", None), ("one less", -1)):
            yield what, partial(_short, keyword, value)
        yield "blank", lambda image: write_as_it_is(image, keyword, b"", vr)
        yield "as text", lambda image: write_as_it_is(image, keyword, b"abcd", "LO")
        yield "of three bytes", lambda image: write_as_it_is(image, keyword, b"\x01\x00\x02\x00", vr)
        return
    for what, text in ODD_TEXTS.items():
        if keyword in TEXTS and what in ("1e308", "inf", "comma", "zero"):
            continue
        if vr == "IS" and what in ("1e308", "inf"):  # which pydicom cannot write
            continue
        yield what, partial(_text, keyword, text, vr)
    if keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        yield "doubled", lambda image: setattr(image, keyword, [2 * float(v) for v in image[keyword].value])
        yield "one value less", lambda image: setattr(image, keyword, list(image[keyword].value)[:-1])
        yield "one value more", lambda image: setattr(image, keyword, [*image[keyword].value, 1])
        yield "one value odd", partial(_one_odd, keyword, vr)
        yield "values swapped", lambda image: setattr(image, keyword, list(image[keyword].value)[::-1])


def _short(keyword: str, value: int | None, image: Any) -> None:
    before = image[keyword].value if keyword in image else 0
    several = not isinstance(before, int)
    first = int(before[0]) if several else before
    new = first + 1 if value is None else max(first - 1, 0) if value < 0 else value
    setattr(image, keyword, [new, *list(before)[1:]] if several else new)
    image[keyword].VR = "US"


def _text(keyword: str, text: str, vr: str, image: Any) -> None:
    from dicom_series import write_as_it_is

    parts = {"ImagePositionPatient": 3, "ImageOrientationPatient": 6, "PixelSpacing": 2}.get(keyword, 1)
    value = "\\".join([text] * parts if text else [""]).encode("utf-8")
    write_as_it_is(image, keyword, value + b" " * (len(value) % 2), vr)


def _one_odd(keyword: str, vr: str, image: Any) -> None:
    from dicom_series import write_as_it_is

    parts = ["abc", *(str(v)[:12] for v in list(image[keyword].value)[1:])]
    value = "\\".join(parts).encode()
    write_as_it_is(image, keyword, value + b" " * (len(value) % 2), vr)


def _sets_of_files() -> Iterator[Case]:
    reader, files = "DICOM series", series()
    yield _scan(reader, "as it was", files, ())
    yield _scan(reader, "one slice missing", {n: c for n, c in files.items() if n != "IM2.dcm"}, ("slice",), True)
    yield _scan(reader, "first slice missing", {n: c for n, c in files.items() if n != "IM0.dcm"}, ("slice",))
    yield _scan(reader, "one slice twice", {**files, "copy.dcm": files["IM2.dcm"]}, ("copy",))
    yield _scan(reader, "one slice empty", {**files, "IM2.dcm": b""}, ("IM2",), True)
    yield _scan(reader, "a text beside", {**files, "notes.txt": b"not DICOM"}, ())
    yield _scan(reader, "apple double", {**files, "._IM2.dcm": b"\x00\x05\x16\x07" + bytes(200)}, ())
    yield _scan(reader, "zeros beside", {**files, "zeros.dcm": bytes(1000)}, (), False)
    yield _scan(reader, "no file", {}, ("ct",))
    mixed = series(lambda image, k: setattr(image, "RescaleSlope", 2) if k == 3 else None)
    yield _scan(reader, "another slope in one slice", mixed, words("RescaleSlope"))
    others = {f"b{n}": c for n, c in series(lambda image, k: setattr(image, "SeriesInstanceUID", "1.2.3")).items()}
    yield _scan(reader, "two series of the same slices", {**files, **others}, ("series",))


def _damaged_files(seed: int) -> Iterator[Case]:
    import pydicom

    files = series()
    content = files["IM3.dcm"]
    offsets = [element.file_tell for element in _elements(pydicom.dcmread(io.BytesIO(content)))]
    ends = (128, 132, 144, 332, *offsets[::6], offsets[-1])
    for what, changed in byte_mutations(content, tuple(min(e, len(content) - 10) for e in ends), seed, flips=24):
        names = ("slice", "IM3", "DICOM", "series")
        yield _scan("DICOM series", f"IM3: {what}", {**files, "IM3.dcm": changed}, names)


def _elements(image: Any) -> list[Any]:
    return [image[tag] for tag in sorted(image.keys())]


def _enhanced_cases(seed: int) -> Iterator[Case]:
    reader = "DICOM enhanced"
    yield _scan(reader, "as it was", enhanced(), ())
    for group in ("PixelMeasuresSequence", "PlaneOrientationSequence", "PixelValueTransformationSequence"):
        changes = {
            "removed": lambda image, g=group: _shared(image).pop(g),
            "empty": lambda image, g=group: setattr(_shared(image), g, []),
            "twice": lambda image, g=group: _shared(image)[g].value.append(_shared(image)[g].value[0]),
        }
        for what, change in changes.items():
            yield _scan(reader, f"{group} {what}", enhanced(change), words(group), what == "removed")
    inner = {
        "PixelSpacing": "PixelMeasuresSequence", "ImageOrientationPatient": "PlaneOrientationSequence",
        "RescaleSlope": "PixelValueTransformationSequence", "RescaleIntercept": "PixelValueTransformationSequence",
    }  # fmt: skip
    for keyword, group in inner.items():
        for what, change in _changes(keyword):
            files = partial(enhanced, lambda image, c=change, g=group: c(_shared(image)[g].value[0]))
            yield _scan(reader, f"{keyword} {what}", files, words(keyword), what in _UNREADABLE)
    for what, change in _changes("ImagePositionPatient"):
        files = partial(enhanced, lambda image, c=change: c(_frame(image, 2).PlanePositionSequence[0]))
        yield _scan(reader, f"ImagePositionPatient {what} of a frame", files, words("Position"), what in _UNREADABLE)
    for what, value in (("zero", 0), ("one more", 7), ("one less", 5), ("huge", 2**31 - 1), ("negative", -6)):
        files = enhanced(partial(_frame_count, str(value)))
        yield _scan(reader, f"NumberOfFrames {what}", files, words("NumberOfFrames"), True)
    for text in ("abc", "", "6\\6", "nan", "6.5"):
        yield _scan(reader, f"NumberOfFrames {text!r}", enhanced(partial(_frame_count, text)), words("NumberOfFrames"))
    less = enhanced(lambda image: image.PerFrameFunctionalGroupsSequence.pop())
    yield _scan(reader, "a frame without groups", less, ("frame",), True)
    same = enhanced(lambda image: _move(image, 1, 2))
    yield _scan(reader, "two frames at one place", same, ("frame", "slice"), True)
    swapped = enhanced(lambda image: _swap(image, 1, 2))
    yield _scan(reader, "places of two frames swapped", swapped, ("frame", "slice"))
    content = enhanced()["enhanced.dcm"]
    for what, changed in byte_mutations(content, (132, 332, 900, len(content) - 1200), seed + 7, flips=18):
        yield _scan(reader, what, {"enhanced.dcm": changed}, ("enhanced",))


def _shared(image: Any) -> Any:
    return image.SharedFunctionalGroupsSequence[0]


def _frame(image: Any, number: int) -> Any:
    return image.PerFrameFunctionalGroupsSequence[number]


def _frame_count(text: str, image: Any) -> None:
    from dicom_series import write_as_it_is

    write_as_it_is(image, "NumberOfFrames", text.encode() + b" " * (len(text) % 2), "IS")


def _move(image: Any, one: int, to: int) -> None:
    place = _frame(image, to).PlanePositionSequence[0].ImagePositionPatient
    _frame(image, one).PlanePositionSequence[0].ImagePositionPatient = list(place)


def _swap(image: Any, one: int, other: int) -> None:
    places = [list(_frame(image, n).PlanePositionSequence[0].ImagePositionPatient) for n in (one, other)]
    for number, place in zip((other, one), places, strict=True):
        _frame(image, number).PlanePositionSequence[0].ImagePositionPatient = place


def list_cases(seed: int) -> Iterator[Case]:
    """Of `vistaseg dicom list`, which shows also what cannot be read."""
    draw = random.Random(seed)
    for keyword in (*NUMBERS, *TEXTS, *SHORTS, "SeriesDescription", "NumberOfFrames"):
        what, change = draw.choice(list(_changes(keyword)))
        files = partial(series, lambda image, k, c=change: c(image) if k == 3 else None)
        yield Case(
            "DICOM list",
            f"{keyword} {what}",
            partial(put, files),
            lambda folder: command("dicom", "list", folder / "ct", "--json"),
            _all_listed,
            (*words(keyword), ".dcm", "ct"),
        )


def _all_listed(folder: Path, outcome: Outcome) -> str:
    """Every file is in a series of the list, or named beside it."""
    listed = json.loads(outcome.stdout)
    named = {Path(file).name for one in listed for file in one["files"]}
    said = outcome.stderr + json.dumps([one["notes"] for one in listed]) + str([one["problem"] for one in listed])
    missing = [path.name for path in (folder / "ct").iterdir() if path.name not in named and path.name not in said]
    return f"not listed and not named: {missing}" if missing and not said.strip() else ""
