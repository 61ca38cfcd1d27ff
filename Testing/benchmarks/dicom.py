"""A DICOM segmentation of 117 segments on a whole scan, plain and deflated, beside what highdicom and dcmqi write.

Each side is a process of its own. Ours is timed with all that `write_seg` does, the reading back included; highdicom
with making and saving; dcmqi with its program, which reads the headers of the series and a label image.
"""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

SHAPE = (512, 512, 300)
IJK_TO_RAS = np.diag([-0.7, -0.7, 1.5, 1.0])
REPETITIONS = 3
SIDES = ("plain", "deflated", "highdicom", "dcmqi")
OTHERS = SIDES[2:]
PROVENANCE = {
    "algorithm_type": "AUTOMATIC",
    "algorithm_name": "VISTA3D",
    "software": "VistaSeg",
    "model": "vista3d",
    "weights_sha256": "0" * 64,
}


def measure() -> dict[str, Any]:
    """`seg_117_write_vs_dcmqi`, `_peak_gb`, `_mb`: of the deflated export; `seg_117_plain_…`: of the plain one.

    Seconds are a ratio to the faster of highdicom and dcmqi, whose files are plain.
    """
    from timing import ratio, spread

    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        _prepare(folder)
        rounds = [{side: _measured(side, folder) for side in SIDES} for _ in range(REPETITIONS)]
    seconds = {side: [found[side]["seconds"] for found in rounds] for side in SIDES}
    peak = {side: max(found[side]["peak_gb"] for found in rounds) for side in SIDES}
    size = {side: rounds[0][side]["mb"] for side in SIDES}
    faster = min(OTHERS, key=lambda side: float(np.median(seconds[side])))
    figures: dict[str, Any] = {}
    for side, name in (("deflated", "seg_117"), ("plain", "seg_117_plain")):
        figures |= {
            f"{name}_write_vs_dcmqi": ratio(seconds[side], seconds[faster]),
            f"{name}_peak_gb": peak[side],
            f"{name}_mb": size[side],
        }
    return figures | {
        "seg_117_faster_of_the_two": faster,
        "seg_117_write_seconds": {side: spread(seconds[side]) for side in SIDES},
        "seg_117_others_peak_gb": {side: peak[side] for side in OTHERS},
        "seg_117_others_mb": {side: size[side] for side in OTHERS},
    }


def _measured(side: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, str(Path(__file__).resolve()), side, str(folder)]
    found = subprocess.run(command, check=True, capture_output=True, encoding="utf-8")
    figures: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    print(f"dicom, {side}: {figures}", file=sys.stderr, flush=True)
    return figures


def _prepare(folder: Path) -> None:
    """The series, and the same labels as an array and as an image with its table."""
    from dicom_series import write_series

    from vistaseg.volume import Volume

    blank = np.broadcast_to(np.int16(0), SHAPE[::-1])
    write_series(folder / "series", Volume.from_array(blank, IJK_TO_RAS, axes="kji", name="scan", modality="CT"))
    labels = ellipsoids()
    np.save(folder / "labels.npy", labels)
    import SimpleITK

    SimpleITK.WriteImage(Volume.from_array(labels, IJK_TO_RAS, axes="kji").to_sitk(), str(folder / "labels.nrrd"))
    (folder / "labels.json").write_text(json.dumps(_dcmqi_table()), encoding="utf-8")


def ellipsoids() -> np.ndarray:
    """(k, j, i) uint8: 117 of them, which overlap nothing because the later one has the voxel."""
    random = np.random.default_rng(1)
    labels = np.zeros(SHAPE[::-1], dtype=np.uint8)
    for label in range(1, 118):
        centre = random.uniform([40, 60, 60], [260, 450, 450])
        axes = random.uniform([20, 10, 10], [39, 40, 40])
        box = tuple(slice(int(c - a), int(c + a) + 2) for c, a in zip(centre, axes, strict=True))
        grid = np.ogrid[box]
        inside = sum(((x - c) / a) ** 2 for x, c, a in zip(grid, centre, axes, strict=True)) < 1
        labels[box][inside] = label
        labels[tuple(int(c) for c in centre)] = label
    return labels


def _dcmqi_table() -> dict[str, Any]:
    from vistaseg import catalog

    rows = []
    for label, structure_id in enumerate(catalog.everything(), start=1):
        structure = catalog.get(structure_id)
        terms = structure.terminology
        assert terms is not None
        codes = {"Category": terms.category, "Type": terms.type}
        rows.append(
            {
                "labelID": label,
                "SegmentDescription": structure.name,
                "SegmentAlgorithmType": "AUTOMATIC",
                "SegmentAlgorithmName": "VISTA3D",
                "recommendedDisplayRGBValue": list(structure.color),
                **{f"SegmentedProperty{role}CodeSequence": _dcmqi_code(code) for role, code in codes.items()},
            }
        )
    return {
        "ContentCreatorName": "Doe^J",
        "SeriesDescription": "Segmentation",
        "SeriesNumber": "300",
        "InstanceNumber": "1",
        "segmentAttributes": [rows],
    }


def _dcmqi_code(code: Any) -> dict[str, str]:
    return {"CodeValue": code.value, "CodingSchemeDesignator": code.scheme, "CodeMeaning": code.meaning}


def write_ours(deflate: bool, folder: Path, output: Path) -> float:
    """Seconds of `write_seg`, from a segmentation and a series in memory."""
    from vistaseg import catalog
    from vistaseg.dicom import Series, write_seg
    from vistaseg.segmentation import Segmentation
    from vistaseg.volume import Volume

    headers, files = _headers(folder)
    blank = np.broadcast_to(np.int16(0), SHAPE[::-1])
    series = Series(Volume.from_array(blank, IJK_TO_RAS, axes="kji", name="scan", modality="CT"), headers, files)
    table = {n: catalog.get(structure_id) for n, structure_id in enumerate(catalog.everything(), start=1)}
    labels = np.load(folder / "labels.npy", mmap_mode="r")
    segmentation = Segmentation.from_label_map(labels, IJK_TO_RAS, table, provenance=PROVENANCE)
    start = time.perf_counter()
    write_seg(segmentation, series, output, deflate=deflate)
    return time.perf_counter() - start


def write_with_highdicom(folder: Path, output: Path) -> float:
    """Seconds of highdicom's constructor and `save_as`, BINARY from a label map, all else by default."""
    import highdicom
    from pydicom.uid import generate_uid

    from vistaseg import catalog

    headers, _ = _headers(folder)
    labels = np.load(folder / "labels.npy")
    algorithm = highdicom.AlgorithmIdentificationSequence("VISTA3D", _artificial_intelligence(), "1")
    descriptions = [
        highdicom.seg.SegmentDescription(
            n, catalog.get(i).name, *_codes(i), algorithm_type="AUTOMATIC", algorithm_identification=algorithm
        )
        for n, i in enumerate(catalog.everything(), start=1)
    ]
    start = time.perf_counter()
    made = highdicom.seg.Segmentation(
        headers, labels, "BINARY", descriptions, generate_uid(), 1, generate_uid(), 1, "VistaSeg", "VistaSeg", "1", "1"
    )
    made.save_as(output)
    return time.perf_counter() - start


def _codes(structure_id: int) -> tuple[Any, Any]:
    import highdicom

    from vistaseg import catalog

    terms = catalog.get(structure_id).terminology
    assert terms is not None
    category, type_ = (highdicom.sr.CodedConcept(c.value, c.scheme, c.meaning) for c in (terms.category, terms.type))
    return category, type_


def _artificial_intelligence() -> Any:
    import highdicom

    return highdicom.sr.CodedConcept("123110", "DCM", "Artificial Intelligence")


def write_with_dcmqi(folder: Path, output: Path) -> float:
    """Seconds of `itkimage2segimage` with its defaults."""
    program = shutil.which("itkimage2segimage", path=str(Path(sys.executable).parent)) or "itkimage2segimage"
    inputs = ["--inputImageList", folder / "labels.nrrd", "--inputDICOMDirectory", folder / "series"]
    start = time.perf_counter()
    subprocess.run(
        [program, *inputs, "--inputMetadata", folder / "labels.json", "--outputDICOM", output],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def _headers(folder: Path) -> tuple[tuple[Any, ...], tuple[Path, ...]]:
    import pydicom

    read = [(pydicom.dcmread(path, stop_before_pixels=True), path) for path in (folder / "series").iterdir()]
    read.sort(key=lambda pair: float(pair[0].ImagePositionPatient[2]))
    return tuple(header for header, _ in read), tuple(path for _, path in read)


def run(side: str, folder: Path) -> dict[str, float]:
    """Do one side's work in this process, or in one of dcmqi's."""
    output = folder / f"{side}.dcm"
    writers = {
        "plain": partial(write_ours, False),
        "deflated": partial(write_ours, True),
        "highdicom": write_with_highdicom,
        "dcmqi": write_with_dcmqi,
    }
    from memory import resident_mib

    seconds = writers[side](folder, output)
    # dcmqi's program begins as a copy of this process, which is small by then.
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return {
        "seconds": round(seconds, 2),
        "peak_gb": round((children if side == "dcmqi" else resident_mib()) * 2**20 / 1e9, 2),
        "mb": round(output.stat().st_size / 1e6, 2),
    }


if __name__ == "__main__":
    here = Path(__file__).resolve().parent
    sys.path[:0] = [str(here.parents[1] / "Logic"), str(here.parent), str(here)]
    print(json.dumps(run(sys.argv[1], Path(sys.argv[2]))))
