"""Results that are read again: `.seg.nrrd`, label maps and folders with their tables, DICOM segmentations."""

from __future__ import annotations

import contextlib
import copy
import gzip
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from faults import dicom_scans, scans
from faults.judge import Case
from faults.mutations import ODD_JSON, ODD_TEXTS, byte_mutations
from faults.worker import Outcome, attempt, command

Voxels = dict[str, list[tuple[float, ...]]]
"""Places of the voxels of each segment in RAS mm, sorted, by its name."""


def segmentation(overlap: bool = True) -> Any:
    """Three segments, the last of which may overlap the first."""
    from dicom_segmentations import MANUAL, SEMIAUTOMATIC, box, segment_of

    from vistaseg.segmentation import Segmentation

    k, j, i = scans.SHAPE_KJI
    return Segmentation(
        (i, j, k),
        scans.oblique(),
        [
            segment_of("liver", box((1, 4), (2, 6), (3, 7))),
            segment_of("left kidney", box((3, 6), (0, 2), (0, 3)), SEMIAUTOMATIC),
            segment_of("Läsion 中", box((2, 3) if overlap else (5, 6), (5, 8), (6, 9)), MANUAL, label=200),
        ],
    )


_NUMBERED = {"label 1": "liver", "label 14": "left kidney", "label 200": "L\u00e4sion \u4e2d"}
"""Of segments whose names were left out, with a note."""


def places_of(found: Any) -> dict[str, Any]:
    """Each segment's voxels in RAS, and what else a user sees of it."""
    voxels: Voxels = {}
    for number, segment in enumerate(found.segments):
        key = segment.name if segment.name not in voxels else f"{segment.name} #{number}"
        voxels[key] = places(found.full_mask(segment), found.ijk_to_ras)
    colors = [segment.color for segment in found.segments]
    return {"voxels": voxels, "colors": colors, "notes": list(found.notes)}


def places(mask: np.ndarray, ijk_to_ras: np.ndarray) -> list[tuple[float, ...]]:
    """RAS mm of the voxels of a mask (k, j, i), rounded and sorted."""
    k, j, i = np.nonzero(mask)
    ras = np.stack([i, j, k], axis=1) @ ijk_to_ras[:3, :3].T + ijk_to_ras[:3, 3]
    return sorted(tuple(np.round(place, 2) + 0.0) for place in ras.tolist())


def same_voxels(one: Voxels, other: Voxels) -> bool:
    """Whether the same names have the same voxels; segments without any do not count."""
    first, second = ({_shown(n): np.array(v) for n, v in voxels.items() if len(v)} for voxels in (one, other))
    return first.keys() == second.keys() and all(
        len(first[n]) == len(second[n]) and np.allclose(first[n], second[n], atol=0.03) for n in first
    )


def _shown(name: str) -> str:
    """Names lose their control characters."""
    return "".join(letter for letter in name if letter.isprintable()).strip()


def truth(overlap: bool = True) -> Voxels:
    """Of `segmentation`."""
    return places_of(segmentation(overlap))["voxels"]


def judged(independent: Callable[[Path], Voxels], overlap: bool, strict: bool, folder: Path, outcome: Outcome) -> str:
    """Why a segmentation was not read right, or ""."""
    found = outcome.result
    if found is None:
        return "nothing was returned"
    if any(not 0 <= part <= 255 for color in found["colors"] for part in color):
        return f"colours are {found['colors']}"
    if same_voxels(found["voxels"], truth(overlap)):
        return ""
    if found["notes"]:  # such as that a table is not believed
        found["voxels"] = {_NUMBERED.get(name, name): voxels for name, voxels in found["voxels"].items()}
    if same_voxels(found["voxels"], truth(overlap)):
        return ""
    other = attempt(partial(independent, folder), seconds=20).result
    counts = {name: len(voxels) for name, voxels in found["voxels"].items()}
    if other is None:
        return f"other than before, which no one else reads: {counts}; notes {found['notes']}"
    if not same_voxels(found["voxels"], other):
        return f"{counts}, independent { ({n: len(v) for n, v in other.items()}) }; notes {found['notes']}"
    if strict and not found["notes"]:
        return "read as the independent reader does, without a word"
    return ""


def read(path: Path) -> dict[str, Any]:
    """Through `read_segmentation`, and `vistaseg refine --mask` would do the same."""
    from vistaseg.segmentation import read_segmentation

    return as_command(lambda: places_of(read_segmentation(path)))


def as_command(function: Callable[[], Any]) -> Any:
    """A function of the library, whose errors end the process as those of commands do."""
    import sys

    from vistaseg.errors import VistaSegError

    try:
        return function()
    except VistaSegError as error:
        print(error, file=sys.stderr)
        sys.exit(error.exit_code)


@lru_cache
def written(name: str, overlap: bool) -> dict[str, bytes]:
    """The files of `segmentation`, by name."""
    from vistaseg.segmentation import write_segmentation

    with tempfile.TemporaryDirectory() as folder:
        write_segmentation(segmentation(overlap), f"{folder}/{name}")
        return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*") if p.is_file()}


def _put(files: dict[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)


def result_cases(seed: int) -> Iterator[Case]:
    """Of every kind."""
    yield from _seg_nrrd_cases(seed)
    yield from _table_cases(seed)
    yield from _seg_cases(seed)


# .seg.nrrd


def with_pynrrd(folder: Path) -> Voxels:
    """What pynrrd says of the first .nrrd of a folder."""
    import nrrd

    data, header = nrrd.read(str(next(folder.glob("*.nrrd"))), index_order="C")
    layers = data[..., np.newaxis] if data.ndim == 3 else data
    matrix = np.eye(4)
    matrix[:3, :3] = np.asarray(header["space directions"])[-3:].T
    matrix[:3, 3] = header["space origin"]
    flips = {"left-posterior-superior": np.diag([-1.0, -1, 1, 1]), "right-anterior-superior": np.eye(4)}
    matrix = flips[header["space"]] @ matrix
    found: Voxels = {}
    for n in range(1000):
        if f"Segment{n}_ID" not in header and f"Segment{n}_Name" not in header:
            break
        name = " ".join(header.get(f"Segment{n}_Name", f"Segment{n}").split())
        mask = layers[..., int(header.get(f"Segment{n}_Layer", 0))] == int(header.get(f"Segment{n}_LabelValue", 1))
        found[name] = places(mask, matrix)
    return found


def _seg_nrrd_cases(seed: int) -> Iterator[Case]:
    ((name, content),) = written("result.seg.nrrd", True).items()
    stop = content.index(b"\n\n") + 2
    lines = content[: stop - 2].decode().split("\n")
    for number, line in enumerate(lines):
        sign = next((sign for sign in (":=", ":") if sign in line), None)
        key = line if sign is None else line.split(sign)[0]
        if key.startswith("#"):
            continue
        changes = {"removed": [], "doubled": [line, line]}
        for odd, text in ODD_TEXTS.items() if sign else ():
            changes[odd] = [f"{key}{sign}{' ' if sign == ':' else ''}{text}"]
            value = line.split(sign, 1)[1]
            parts = value.replace("(", " ").replace(",", " ").replace(")", " ").split()
            if len(parts) > 1 and odd in ("nan", "text", "negative", "huge"):
                changes[f"{odd} within"] = [f"{key}{sign}{value.replace(parts[0], text, 1)}"]
        if sign:
            changes["a second value"] = [line, f"{key}{sign}{scans._other(line.split(sign, 1)[1])}"]
        # Of the many tags of segments a part, for they are alike.
        chosen = list(changes.items())
        if key.startswith("Segment") and not any(word in key for word in ("Layer", "LabelValue", "_Name", "Color")):
            chosen = chosen[number % 4 :: 4]
        for what, put in chosen:
            changed = "\n".join([*lines[:number], *put, *lines[number + 1 :]]).encode() + content[stop - 2 :]
            yield _file_case(".seg.nrrd", f"{key[:40]}: {what}", {name: changed}, name, with_pynrrd, True, key)
    for what, changed in byte_mutations(content, (4, 40, 200, stop // 2, stop, len(content) - 8), seed, flips=30):
        yield _file_case(".seg.nrrd", what, {name: changed}, name, with_pynrrd, True)


def _file_case(
    reader: str,
    what: str,
    files: dict[str, bytes],
    name: str,
    independent: Callable[[Path], Voxels],
    overlap: bool,
    *names: str,
    strict: bool = False,
) -> Case:
    return Case(
        reader,
        what,
        partial(_put, files),
        lambda folder: read(folder / name),
        partial(judged, independent, overlap, strict),
        (*names, *files, name),
    )


# Label maps and folders


def with_nibabel(folder: Path) -> Voxels:
    """What nibabel and the names of a table say of a label map, or of a folder of masks."""
    import nibabel

    table = json.loads(next(folder.rglob("*.json")).read_text("utf-8"))
    found: Voxels = {}
    if (folder / "map.nii.gz").exists():
        image = nibabel.load(folder / "map.nii.gz")
        labels = np.asarray(image.dataobj).transpose(2, 1, 0)
        own = table.get("format") == "vistaseg segmentation"  # any other is a table of another program
        names = {row["label"]: row["name"] for row in table["segments"]} if own else {}
        for label in np.unique(labels[labels != 0]).tolist():
            found[names.get(label, f"label {int(label)}")] = places(labels == label, image.affine)
        return found
    for row in table["segments"]:
        image = nibabel.load(folder / "masks" / row["file"])
        found[row["name"]] = places(np.asarray(image.dataobj).transpose(2, 1, 0) != 0, image.affine)
    return found


def _table_cases(seed: int) -> Iterator[Case]:
    for output, name, reader in (
        ("map.nii.gz", "map.nii.gz", "table beside a label map"), ("masks/", "masks", "folder of masks"),
    ):  # fmt: skip
        files = written(output, False)
        table = next(file for file in files if file.endswith(".json"))
        values = json.loads(files[table])
        for path, what, changed in json_mutations(values):
            content = json.dumps(changed).encode()
            yield _file_case(reader, f"{path} {what}", {**files, table: content}, name, with_nibabel, False)
        ends = (1, 60, 200, len(files[table]) // 2)
        for what, changed_bytes in byte_mutations(files[table], ends, seed, flips=6):
            yield _file_case(reader, what, {**files, table: changed_bytes}, name, with_nibabel, False)
        without = {file: content for file, content in files.items() if file != table}
        yield _file_case(reader, "table missing", without, name, _unnamed, False, "segments.json")
        for odd, text in (("deep", "[" * 100000), ("of UTF-16", files[table].decode().encode("utf-16"))):
            put = text if isinstance(text, bytes) else text.encode()
            yield _file_case(reader, f"table {odd}", {**files, table: put}, name, with_nibabel, False)
        image = next(file for file in files if file.endswith(".nii.gz"))
        plain = gzip.decompress(files[image])
        for what, changed_bytes, strict in list(scans._nifti_fields(plain, 1))[seed % 7 :: 7]:
            put = {**files, image: gzip.compress(changed_bytes, 1)}
            yield _file_case(reader, f"image: {what}", put, name, _as_itk_places, False, strict=strict)
        for what, changed_bytes in byte_mutations(files[image], (2, 10, 60, len(files[image]) - 8), seed):
            yield _file_case(reader, f"image: {what}", {**files, image: changed_bytes}, name, with_nibabel, False)


def _unnamed(folder: Path) -> Voxels:
    import nibabel

    image = nibabel.load(folder / "map.nii.gz")
    labels = np.asarray(image.dataobj).transpose(2, 1, 0)
    return {f"label {n}": places(labels == n, image.affine) for n in np.unique(labels[labels != 0]).tolist()}


def _as_itk_places(folder: Path) -> Voxels:
    path = folder / "map.nii.gz"
    labels, affine = scans.with_itk(path)
    table = json.loads((folder / "map.json").read_text("utf-8"))
    names = {row["label"]: row["name"] for row in table["segments"]}
    return {
        names.get(n, f"label {int(n)}"): places(labels == n, affine) for n in np.unique(labels[labels != 0]).tolist()
    }


def json_mutations(values: Any, seed: int = 0) -> Iterator[tuple[str, str, Any]]:
    """Path, mutation, and a copy of values of JSON: each key removed, and given some of `ODD_JSON`."""
    odd = list(ODD_JSON.items())
    for number, path in enumerate(_paths(values)):
        shown = "/".join(map(str, path))
        changed = copy.deepcopy(values)
        del _parent(changed, path)[path[-1]]
        yield shown, "removed", changed
        for turn in range(3):
            what, value = odd[(3 * number + turn + seed) % len(odd)]
            changed = copy.deepcopy(values)
            _parent(changed, path)[path[-1]] = value
            yield shown, what, changed


def _paths(values: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    items = values.items() if isinstance(values, dict) else enumerate(values[:2]) if isinstance(values, list) else ()
    for key, value in items:
        if len(at) > 5 or key in ("provenance", "findings", "recipe") and at and at[-1] != 0:
            continue
        yield (*at, key)
        yield from _paths(value, (*at, key))


def _parent(values: Any, path: tuple[Any, ...]) -> Any:
    for key in path[:-1]:
        values = values[key]
    return values


# DICOM segmentations


def with_highdicom(folder: Path) -> Voxels:
    """What highdicom says of a segmentation, segment by segment."""
    import highdicom

    seg = highdicom.seg.segread(folder / "seg.dcm")
    volume = seg.get_volume(combine_segments=False, rescale_fractional=False)
    flip = np.diag([-1.0, -1, 1, 1])
    found: Voxels = {}
    for number in seg.segment_numbers:
        mask = volume.array[..., list(seg.segment_numbers).index(number)] != 0
        matrix = flip @ volume.affine  # of highdicom's own order of the indices (k, j, i)
        found[seg.get_segment_description(number).segment_label] = places(mask, matrix[:, [2, 1, 0, 3]])
    return found


@lru_cache
def seg_content(labelmap: bool) -> bytes:
    """A DICOM segmentation of the series of `dicom_scans`."""
    from vistaseg.dicom import read_series, write_seg

    def write() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            dicom_scans.put(dicom_scans.series(), Path(folder))
            write_seg(
                segmentation(not labelmap),
                read_series(Path(folder) / "ct"),
                Path(folder) / "seg.dcm",
                labelmap=labelmap,
            )
            return (Path(folder) / "seg.dcm").read_bytes()

    outcome = attempt(write)
    assert outcome.result is not None, outcome.stderr
    return outcome.result


def _seg_cases(seed: int) -> Iterator[Case]:
    series = dicom_scans.series()
    for labelmap in (False, True):
        content = seg_content(labelmap)
        kind = "DICOM-SEG" if not labelmap else "DICOM-SEG, label map"
        for what, changed, keyword in _seg_changes(content):
            yield _seg_case(kind, what, changed, series, keyword, not labelmap)
            if not labelmap:
                yield _check_case(what, changed, keyword)
        for what, changed in byte_mutations(content, (132, 400, 1200, 3000, len(content) - 400), seed, flips=24):
            yield _seg_case(kind, what, changed, series, "seg.dcm", not labelmap)
            if not labelmap:
                yield _check_case(what, changed, "seg.dcm")


def _seg_changes(content: bytes) -> Iterator[tuple[str, bytes, str]]:
    import pydicom

    shared = lambda image: image.SharedFunctionalGroupsSequence[0]  # noqa: E731
    frame = lambda image: image.PerFrameFunctionalGroupsSequence[1]  # noqa: E731
    item = lambda image: image.SegmentSequence[0]  # noqa: E731
    inside: dict[str, Callable[[Any], Any]] = {
        "Rows": lambda i: i, "Columns": lambda i: i, "NumberOfFrames": lambda i: i, "BitsAllocated": lambda i: i,
        "SegmentationType": lambda i: i, "FrameOfReferenceUID": lambda i: i, "SegmentSequence": lambda i: i,
        "PerFrameFunctionalGroupsSequence": lambda i: i, "SharedFunctionalGroupsSequence": lambda i: i,
        "SOPClassUID": lambda i: i, "Modality": lambda i: i, "SpecificCharacterSet": lambda i: i,
        "SegmentNumber": item, "SegmentLabel": item, "SegmentAlgorithmType": item,
        "SegmentAlgorithmName": item, "RecommendedDisplayCIELabValue": item,
        "SegmentedPropertyTypeCodeSequence": item, "SegmentedPropertyCategoryCodeSequence": item,
        "PixelSpacing": lambda i: shared(i).PixelMeasuresSequence[0],
        "SliceThickness": lambda i: shared(i).PixelMeasuresSequence[0],
        "SpacingBetweenSlices": lambda i: shared(i).PixelMeasuresSequence[0],
        "ImageOrientationPatient": lambda i: shared(i).PlaneOrientationSequence[0],
        "ImagePositionPatient": lambda i: frame(i).PlanePositionSequence[0],
        "ReferencedSegmentNumber": lambda i: frame(i).SegmentIdentificationSequence[0],
        "FrameContentSequence": frame, "DerivationImageSequence": frame, "PlanePositionSequence": frame,
        "ReferencedSeriesSequence": lambda i: i, "DimensionIndexSequence": lambda i: i,
    }  # fmt: skip
    for keyword, place in inside.items():
        for what, change in _attribute_changes(keyword):
            image = pydicom.dcmread(io.BytesIO(content))
            try:
                change(place(image))
            except (KeyError, AttributeError, IndexError):
                continue
            file = io.BytesIO()
            with contextlib.suppress(ValueError, TypeError, OverflowError):  # what pydicom cannot write is no case
                image.save_as(file)
                yield f"{keyword} {what}", file.getvalue(), keyword


def _attribute_changes(keyword: str) -> Iterator[tuple[str, Callable[[Any], None]]]:
    from dicom_series import write_as_it_is
    from pydicom.datadict import dictionary_VR

    vr = dictionary_VR(keyword)
    yield "removed", lambda image: image.pop(keyword)
    if vr == "SQ":
        yield "empty", lambda image: setattr(image, keyword, [])
        yield "first item twice", lambda image: image[keyword].value.append(image[keyword].value[0])
        yield "last item gone", lambda image: image[keyword].value.pop()
        return
    yield "blank", lambda image: write_as_it_is(image, keyword, b"", vr)
    if vr == "US":
        for what, value in (("zero", 0), ("7", 7), ("huge", 65535), ("one more", None), ("one less", -1)):
            yield what, partial(dicom_scans._short, keyword, value)
        return
    for what, text in list(ODD_TEXTS.items())[1:]:
        yield what, partial(dicom_scans._text, keyword, text, vr)
    if keyword in ("PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient"):
        yield "one value odd", partial(dicom_scans._one_odd, keyword, vr)


def _seg_case(reader: str, what: str, content: bytes, series: dict[str, bytes], keyword: str, overlap: bool) -> Case:
    return Case(
        reader,
        what,
        partial(_put_seg, content, series),
        _import,
        partial(judged, with_highdicom, overlap, False),
        (*dicom_scans.words(keyword), "seg.dcm"),
    )


def _put_seg(content: bytes, series: dict[str, bytes], folder: Path) -> None:
    (folder / "seg.dcm").write_bytes(content)
    dicom_scans.put(series, folder)


def _import(folder: Path) -> dict[str, Any]:
    import sys

    from vistaseg.cli.main import main

    sys.argv = [
        "vistaseg",
        "dicom",
        "import",
        *map(str, (folder / "seg.dcm", folder / "ct", "-o", folder / "o.seg.nrrd")),
    ]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise
    return read(folder / "o.seg.nrrd")


def _check_case(what: str, content: bytes, keyword: str) -> Case:
    return Case(
        "dicom check",
        what,
        lambda folder: (folder / "seg.dcm").write_bytes(content) and None,
        lambda folder: command("dicom", "check", folder / "seg.dcm", "--json"),
        _found,
        (*dicom_scans.words(keyword), "seg.dcm"),
        frozenset((0, 1, 3)),
    )


def _found(folder: Path, outcome: Outcome) -> str:
    findings = json.loads(outcome.stdout)
    errors = [finding for finding in findings if finding["level"] == "error"]
    return "" if bool(errors) == (outcome.code == 1) else "the exit code does not follow the findings"
