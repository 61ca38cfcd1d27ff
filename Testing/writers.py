"""Everything that writes several files, on data so small that one run takes a moment: for tests that break it off."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import pydicom
from dicom_series import write_series

from vistaseg.errors import WeightsError
from vistaseg.io import check_folder, recover, sha256_of, together, write_bytes
from vistaseg.masks.boxed import BoxedMask
from vistaseg.segmentation import Segment, Segmentation, read_segmentation, write_segmentation
from vistaseg.volume import Volume, read_volume

SHAPE_IJK = (5, 4, 3)
AFFINE = np.diag([-2.0, -2.0, 3.0, 1.0])
NAMES = {1: ("liver", "spleen"), 2: ("liver", "aorta", "left kidney")}


@dataclass(frozen=True)
class Writer:
    """What writes a set of files.

    Attributes:
        write: puts version 1 or 2 into a folder.
        version: which version is in the folder, as its reader sees it; 0 where there is none; fails where two mix.
    """

    name: str
    write: Callable[[Path, int], object]
    version: Callable[[Path], int]


def scan() -> Volume:
    """A CT of noise."""
    values = np.random.default_rng(0).integers(-1000, 1000, SHAPE_IJK[::-1]).astype(np.int16)
    return Volume.from_array(values, AFFINE, axes="kji", name="CT", modality="CT")


def segmentation(version: int) -> Segmentation:
    """One that tells its version by names and by voxels."""
    segments = []
    for label, name in enumerate(NAMES[version], start=1):
        mask = np.zeros(SHAPE_IJK[::-1], dtype=bool)
        mask[:version, label - 1, :] = True
        segments.append(Segment(name, label, None, (10 * label, 20, 30), None, BoxedMask.of(mask)))
    return Segmentation(SHAPE_IJK, AFFINE, segments, "CT")


def version_of(found: Segmentation) -> int:
    """The version of what was read; fails where it is none."""
    (version,) = [v for v in NAMES if tuple(segment.name for segment in found.segments) == NAMES[v]]
    for segment, meant in zip(found.segments, segmentation(version).segments, strict=True):
        assert segment.voxel_count == meant.voxel_count, segment.name
    return version


def in_form(name: str) -> Writer:
    """Of a form of segmentation files."""

    def version(folder: Path) -> int:
        path = folder / name
        recover(folder)
        recover(path)
        if not path.exists() or path.is_dir() and not any(path.iterdir()):
            return 0
        if path.is_dir() and not (path / "segments.json").exists():
            assert not list(path.glob("*.nii.gz"))
            return 0
        return version_of(read_segmentation(path))

    return Writer(name, lambda folder, number: write_segmentation(segmentation(number), folder / name), version)


def over_folders() -> Writer:
    """Of a set whose files go to several folders."""
    places = ("b.txt", "one/a.txt", "two/c.txt")

    def write(folder: Path, number: int) -> None:
        with together():
            for place in places:
                (folder / place).parent.mkdir(exist_ok=True)
                write_bytes(folder / place, str(number).encode())

    def version(folder: Path) -> int:
        for place in places:
            recover((folder / place).parent)
        found = {(folder / place).read_text("utf-8") if (folder / place).exists() else "0" for place in places}
        (one,) = found
        return int(one)

    return Writer("folders", write, version)


def dicom_export(series: Path) -> Writer:
    """`vistaseg dicom export` with both reports."""
    write_series(series, scan())
    sources = series.parent / "sources"
    sources.mkdir()
    for number in NAMES:
        write_segmentation(segmentation(number), sources / f"{number}.seg.nrrd")

    def write(folder: Path, number: int) -> None:
        from vistaseg.cli.dicom_seg import export_command

        export_command(
            sources / f"{number}.seg.nrrd", series, folder / "seg.dcm", report=folder / "r.csv", sr=folder / "sr.dcm"
        )

    return Writer("dicom export", write, _dicom_version)


def _dicom_version(folder: Path) -> int:
    recover(folder)
    paths = [folder / name for name in ("seg.dcm", "r.csv", "sr.dcm")]
    if not any(path.exists() for path in paths):
        return 0
    seg, sr = pydicom.dcmread(paths[0]), pydicom.dcmread(paths[2])
    with paths[1].open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["segmentation_sha256"] for row in rows} == {sha256_of(paths[0])}
    assert seg.SOPInstanceUID in str(sr)
    names = tuple(item.SegmentLabel for item in seg.SegmentSequence)
    assert names == tuple(row["name"] for row in rows)
    return next(version for version, meant in NAMES.items() if meant == names)


def panel_export() -> Writer:
    """What the panel's export writes, with images derived from the volume; it replaces nothing."""

    def write(folder: Path, number: int) -> None:
        from vistaseg.dicom import Delivery, deliver

        if version(folder) == number:  # the panel would take the next prefix
            check_folder(folder)
            return
        deliver(Delivery(scan(), (), folder, f"{number}-", report=True), lambda _: segmentation(number))

    def version(folder: Path) -> int:
        recover(folder)
        found = 0
        for number in NAMES:
            parts = [folder / f"{number}-{part}" for part in ("images", "segmentation.dcm", "report.csv", "report.dcm")]
            assert len({part.exists() for part in parts}) == 1, parts
            found = number if parts[0].exists() else found
        return found

    return Writer("panel export", write, version)


def segment_command(ct: Path, output: str) -> Writer:
    """`vistaseg segment` with a picture and a report, of a model that answers at once."""

    def write(folder: Path, number: int) -> None:
        from vistaseg.cli.report import RunRequest
        from vistaseg.cli.run import run

        request = RunRequest(ct, str(folder / output), preview=folder / "p.png", report=folder / "r.json")
        with answering(number):
            run(request)

    def version(folder: Path) -> int:
        recover(folder)
        beside = [(folder / name).exists() for name in ("p.png", "r.json")]
        found = in_form(output).version(folder)
        assert beside == [found > 0] * 2
        if found:
            assert f'"asked": [\n  "{NAMES[found][1]}"' in (folder / "r.json").read_text(encoding="utf-8")
        return found

    return Writer(f"segment -o {output}", write, version)


def refine_command() -> Writer:
    """The result and the session of `vistaseg refine`."""

    def write(folder: Path, number: int) -> None:
        from vistaseg.cli import refine

        with patch.object(refine, "session_bytes", lambda _: str(number).encode()):
            scan = SimpleNamespace(series=None)
            refine._write(None, scan, segmentation(number), str(folder / "r.nii.gz"), folder / "s.json", False)

    def version(folder: Path) -> int:
        found, saved = in_form("r.nii.gz").version(folder), folder / "s.json"
        assert found == (int(saved.read_text(encoding="utf-8")) if saved.exists() else 0)
        return found

    return Writer("refine", write, version)


def dicom_import(place: Path) -> Writer:
    """`vistaseg dicom import` to a label map with its table."""
    from vistaseg.dicom import read_series, write_seg

    for number in NAMES:
        write_seg(segmentation(number), read_series(place / "series"), place / f"{number}.dcm")

    def write(folder: Path, number: int) -> None:
        from vistaseg.cli.dicom_seg import import_command

        import_command(place / f"{number}.dcm", place / "series", str(folder / "i.nii.gz"))

    return Writer("dicom import", write, in_form("i.nii.gz").version)


def weights_import(place: Path) -> Writer:
    """`vistaseg weights import` of a small network."""
    import small_vista3d
    import torch

    place.mkdir()
    torch.manual_seed(0)
    state = small_vista3d.build_network().state_dict()
    for number in NAMES:
        changed = {name: tensor + number for name, tensor in state.items()}
        save = torch.save if number == 1 else small_vista3d.save_published  # in another format
        save(changed, place / str(number))
    hashes = {sha256_of(place / str(number)): number for number in NAMES}

    def write(folder: Path, number: int) -> None:
        from vistaseg.weights import find_entry, import_file

        with patch.dict(os.environ, {"VISTASEG_HOME": str(folder / "home")}):
            import_file(find_entry("vista3d"), place / str(number), small_vista3d.shapes_of(state))

    def version(folder: Path) -> int:
        from vistaseg.weights import WeightsState, find_entry, verify

        with patch.dict(os.environ, {"VISTASEG_HOME": str(folder / "home")}):
            try:
                found = verify(find_entry("vista3d"))
            except WeightsError:
                return 0
        assert found.state is WeightsState.INSTALLED, found
        return hashes[found.sha256]

    return Writer("weights import", write, version)


def cohort_command(studies: Path) -> Writer:
    """`vistaseg cohort` of two studies, asked for something else in each version."""
    for name in ("a", "b"):
        write_series(studies / name, scan(), name)

    def write(folder: Path, number: int) -> None:
        from vistaseg.cli.cohort_run import Cohort, run_cohort
        from vistaseg.cli.report import RunRequest

        cohort = Cohort(RunRequest(studies, str(folder / "out")), f"version {number}", ".nii.gz", folder / "report.csv")
        with answering(number):
            rows = run_cohort(cohort)
        assert [row.status.value for row in rows] == ["done", "done"], rows

    return Writer("cohort", write, lambda folder: min(cohort_versions(folder)))


def cohort_versions(folder: Path) -> list[int]:
    """The version of each study; fails where the report believes what is not so."""
    from vistaseg.cli.cohort_table import CohortTable

    recover(folder)
    report = folder / "report.csv"
    rows = list(CohortTable.opened(report, folder / "out")._rows.values()) if report.exists() else []
    found = [0] * (2 - len(rows))
    for row in rows:
        result = folder / "out" / row.output
        recover(result.parent)
        found.append(int(row.asked.split()[-1]))
        assert row.sha256 == sha256_of(result)
        assert version_of(read_segmentation(result)) == found[-1]
    return found


def answering(version: int) -> ExitStack:
    """While it is open, commands need no model, and find this version."""
    from vistaseg.pipeline.plan import Plan, Result

    model = SimpleNamespace(identity=SimpleNamespace(title="None", weights_sha256=""), notice="", computed_on={})

    def run(*_: object) -> Result:
        return Result(segmentation(version), (NAMES[version][1],))

    stack = ExitStack()
    stack.enter_context(patch.object(Plan, "check", lambda _: None))
    stack.enter_context(patch.object(Plan, "load", lambda *_: [model]))
    stack.enter_context(patch.object(Plan, "run", run))
    stack.enter_context(patch("vistaseg.preview.preview_png", lambda *_: b"a picture"))
    return stack


def all_writers(place: Path) -> list[Writer]:
    """Each of them; what they read is put into a folder."""
    ct = place / "ct.nii.gz"
    write_scan(ct)
    read_volume(ct)
    return [
        *map(in_form, ("x.seg.nrrd", "x.nii.gz", "x.nii", "masks")),
        over_folders(),
        dicom_export(place / "series"),
        panel_export(),
        segment_command(ct, "s.nii.gz"),
        segment_command(ct, "structures/"),
        cohort_command(place / "studies"),
        refine_command(),
        dicom_import(place),
        weights_import(place / "weights"),
    ]


def write_scan(path: Path) -> None:
    """The CT as a file."""
    import nibabel

    volume = scan()
    nibabel.save(nibabel.Nifti1Image(volume.array.T, volume.ijk_to_ras), path)
