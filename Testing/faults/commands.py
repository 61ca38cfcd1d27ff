"""Command lines: options with odd values, in commands that would otherwise succeed."""

from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from faults import dicom_scans, documents, results
from faults.judge import Case
from faults.worker import Outcome, made_by, put_files

_TEXTS = (
    "",
    " ",
    "nan",
    "-1",
    "0",
    "1e400",
    "9" * 40,
    "\x1b[31m",
    "\ud800",
    "x" * 100_000,
    "\u00fc\u4e2d",
    "../..",
    "-",
)
_PLACES = (
    "", "1,2", "1,2,3", "1,2,3,4", "nan,0,0", "inf,0,0", "1e400,0,0", "a,b,c", "1,2,3:", ":::", "lps:", "ijk:1,2",
    "ijk:-1,0,0", "ijk:1e9,0,0", "xyz:1,2,3", "1;2;3", "\u0661,\u0662,\u0663", "9" * 400 + ",0,0", "lps:ijk:1,2,3",
)  # fmt: skip
_SEGMENT = ("segment", "ct.nii.gz", "-o", "o.seg.nrrd", "--model", "demo")
_CLASSES = ("--classes", "liver, left kidney")
_OPTIONS: dict[tuple[str, ...], tuple[str, ...]] = {
    (*_SEGMENT, "--classes"): (
        *_TEXTS,
        "liver,",
        ",,,",
        "liver, liver",
        "no such organ",
        "1",
        "133",
        "everything",
        "bone",
    ),
    (*_SEGMENT, "--preset"): (*_TEXTS[:6], "no such", "everything,lungs"),
    (*_SEGMENT, *_CLASSES, "--device"): ("", "gpu", "cuda", "cuda:99", "CPU"),
    (*_SEGMENT, *_CLASSES, "--precision"): ("", "fp16", "bf16", "64"),
    (*_SEGMENT, *_CLASSES, "--memory"): ("", "0", "-1", "nan", "inf", "1e-9", "1e400", "abc", "0.01", "100000", "1,5"),
    (*_SEGMENT, *_CLASSES, "--series"): (*_TEXTS[:6], "1"),
    (*_SEGMENT, *_CLASSES, "--roi"): tuple(f"{one}:{other}" for one in _PLACES[:12] for other in ("40,40,40",))
    + ("0,0,0:0,0,0", "40,40,40:-40,-40,-40", "", ":", "1,2,3:4,5,6:7,8,9", "ijk:0,0,0:17,15,13", "lps:0,0,0:9,9,9"),
    (*_SEGMENT, *_CLASSES, "--preview"): (
        "",
        "p.txt",
        "p.png",
        ".",
        "absent/p.png",
        "o.seg.nrrd",
        "ct.nii.gz",
        "x" * 300 + ".png",
    ),
    ("segment", "ct.nii.gz", "--model", "demo", *_CLASSES, "-o"): (
        "",
        " ",
        ".",
        "o",
        "o/",
        "o.nrrd",
        "o.txt",
        "o.seg.nrrd",
        "absent/o.seg.nrrd",
        "ct.nii.gz",
        "x" * 300 + ".seg.nrrd",
        "o.dcm",
        "/dev/null",
        "/dev/full",
        "/proc/o.seg.nrrd",
        "\udcff.seg.nrrd",
        "CON.seg.nrrd",
        "o\n.seg.nrrd",
        "o.NII.GZ",
    ),
    (*_SEGMENT, "--text"): (*_TEXTS, "liver", "a sentence of many words " * 40),
    (*_SEGMENT, "--box"): (*_PLACES, "0,0,0:1e9,1e9,1e9"),
    ("segment", "ct.nii.gz", "-o", "o.seg.nrrd", *_CLASSES, "--model"): (
        "",
        "demo",
        "DEMO",
        "nnunet",
        "vista3d",
        "segvol-demo",
    ),
    ("segment", "-o", "o.seg.nrrd", "--model", "demo", *_CLASSES): (
        "",
        ".",
        "..",
        "absent",
        "/dev/null",
        "/dev/zero",
        "labels.nii.gz",
        "\udcff",
        "x" * 5000,
        "ct.nii.gz/",
        "empty.nii.gz",
    ),
    ("refine", "ct.nii.gz", "-o", "o.seg.nrrd", "--model", "demo", "--class", "liver", "--point"): tuple(
        f"{place}:+" for place in _PLACES
    )
    + ("1,2,3:*", "+", "1,2,3:+:+"),
    ("refine", "ct.nii.gz", "-o", "o.seg.nrrd", "--model", "demo", "--point", "LIVER", "--class"): (
        *_TEXTS,
        "lungs",
        "liver",
    ),
    ("refine", "ct.nii.gz", "-o", "o.seg.nrrd", "--model", "demo", "--point", "LIVER", "--segment"): _TEXTS,
    ("refine", "ct.nii.gz", "-o", "o.seg.nrrd", "--model", "demo", "--point", "LIVER", "--mask"): (
        "",
        ".",
        "absent.nii.gz",
        "ct.nii.gz",
        "labels.nii.gz",
        "empty.nii.gz",
        "ct",
    ),
    ("refine", "ct.nii.gz", "-o", "o.seg.nrrd", "--model", "demo", "--point", "LIVER", "--save-session"): (
        "",
        ".",
        "s.txt",
        "o.seg.nrrd",
        "ct.nii.gz",
        "absent/s.json",
    ),
    ("evaluate", "ct.nii.gz", "--truth", "labels.nii.gz", "--model", "demo", "--json", "--clicks"): (
        "",
        "0",
        "-1",
        "1.5",
        "nan",
        "1e9",
        "9" * 30,
        "1",
    ),
    ("evaluate", "ct.nii.gz", "--truth", "labels.nii.gz", "--model", "demo", "--clicks", "1", "--structures"): (
        *_TEXTS,
        "liver",
        "no such organ",
        ",",
    ),
    ("evaluate", "ct.nii.gz", "--truth", "labels.nii.gz", "--model", "demo", "--clicks", "1", "--prompts"): (
        *_TEXTS[:8],
        "text",
        "click",
        "box+text",
        "point+point",
        ",",
    ),
    ("evaluate", "ct.nii.gz", "--model", "demo", "--clicks", "1", "--truth"): (
        "",
        ".",
        "absent",
        "ct.nii.gz",
        "empty.nii.gz",
    ),
    ("classes", "--search"): (*_TEXTS, "gall bladder", "(", "%", "\\", "*" * 500, "left", "NIERE"),
    ("weights", "verify"): (*_TEXTS[:9], "vista3d", "demo"),
    ("weights", "remove"): (*_TEXTS[:9], "vista3d", "../.."),
    ("weights", "fetch", "vista3d", "--accept-license"): (*_TEXTS[:8],),
    ("weights", "import"): ("", ".", "absent", "ct.nii.gz", "/dev/zero", "/dev/null", "empty.nii.gz"),
    ("info",): ("", ".", "..", "absent", "/dev/null", "/dev/zero", "empty.nii.gz", "x" * 5000, "\udcff"),
    ("dicom", "list"): ("", ".", "absent", "ct.nii.gz", "/dev/null", "ct", "\udcff"),
    ("dicom", "check"): ("", ".", "absent", "ct.nii.gz", "/dev/null", "ct/IM0.dcm"),
    ("dicom", "import", "seg.dcm", "ct", "-o"): (
        "",
        ".",
        "o.dcm",
        "o.seg.nrrd",
        "o.nii.gz",
        "o/",
        "absent/o.nii.gz",
        "seg.dcm",
    ),
    ("dicom", "import", "seg.dcm", "ct", "-o", "o.seg.nrrd", "--series"): (*_TEXTS[:9], "1", "2"),
    ("dicom", "export", "r.seg.nrrd", "ct", "-o"): (
        "",
        ".",
        "o.dcm",
        "o.seg.nrrd",
        "absent/o.dcm",
        "ct/IM0.dcm",
        "ct/o.dcm",
    ),
    ("dicom", "export", "r.seg.nrrd", "ct", "-o", "o.dcm", "--report"): (
        "",
        ".",
        "o.dcm",
        "r.csv",
        "r.seg.nrrd",
        "absent/r.csv",
    ),
    ("dicom", "export", "r.seg.nrrd", "ct", "-o", "o.dcm", "--series"): (*_TEXTS[:9], "1", "2"),
    ("cohort", "studies", "--model", "demo", *_CLASSES, "-o"): (
        "",
        ".",
        "ct.nii.gz",
        "absent/o",
        "o",
        "studies",
        "/dev/null",
    ),
    ("cohort", "studies", "-o", "o", "--model", "demo", *_CLASSES, "--format"): (
        "",
        "dcm",
        "nii.gz",
        "seg.nrrd",
        "nrrd",
    ),
    ("cohort", "studies", "-o", "o", "--model", "demo", *_CLASSES, "--report"): (
        "",
        ".",
        "r.csv",
        "ct.nii.gz",
        "absent/r.csv",
    ),
    ("cohort", "-o", "o", "--model", "demo", *_CLASSES): ("", "absent", "ct.nii.gz", "empty", "/dev/null", "studies"),
    ("identify", "ct.nii.gz", "--model", "demo", "--point"): ("", "1,2,3", "nan,0,0", "1e9,0,0"),
    (): ("", "segments", "--version", "--help", "--no-such", "-", "\x00".replace("\x00", "x")),
}
_OUTPUTS = ("o.seg.nrrd", "o.nii.gz", "o.NII.GZ")


def command_cases(seed: int) -> Iterator[Case]:
    """Each option with each of its values."""
    for given, values in _OPTIONS.items():
        option = given[-1] if given else ""
        for value in values:
            shown = value.encode("utf-8", "backslashreplace").decode()
            shown = f"{shown[:40]}..." if len(shown) > 43 else shown
            what = f"{' '.join(given[:1] + given[-1:])} {shown!r}"
            names = (
                option.lstrip("-"),
                shown[:20].strip(),
                value[:20].strip(),
                "usage",
                "option",
                "argument",
                *_hints(given),
            )
            yield Case("command line", what, put, partial(_run, given, value), _sound, tuple(n for n in names if n))


def _hints(given: tuple[str, ...]) -> tuple[str, ...]:
    """Words for what is meant, where an option has another name."""
    return {
        "--roi": ("place", "region", "box", "corner"), "--point": ("place", "click", "point"),
        "--box": ("place", "box", "corner"), "-o": ("output", "place", "folder", "file"), "--mask": ("segment",),
        "--classes": ("structure", "class"), "--class": ("structure", "class"), "--text": ("name", "text"),
        "--structures": ("structure", "truth"), "--series": ("series",), "--preview": ("picture",),
    }.get(given[-1] if given else "", ("file", "folder", "weights", "path", "places"))  # fmt: skip


def put(folder: Path) -> None:
    """All that the commands read."""
    put_files(made_by(_write), folder)
    (folder / "empty").mkdir()


def _write(folder: Path) -> None:
    documents.put_phantom(folder)
    (folder / "empty.nii.gz").write_bytes(b"")
    dicom_scans.put(dicom_scans.series(), folder)
    (folder / "studies").mkdir()
    dicom_scans.put(dicom_scans.series(), folder / "studies", "one")
    (folder / "seg.dcm").write_bytes(results.seg_content(False))
    (folder / "r.seg.nrrd").write_bytes(results.written("result.seg.nrrd", True)["result.seg.nrrd"])


def _run(given: tuple[str, ...], value: str, folder: Path) -> Any:
    os.chdir(folder)
    os.environ["VISTASEG_HOME"] = str(folder / "home")
    liver = documents._points("liver")[1]
    documents.run_command(*(liver if word == "LIVER" else word for word in given), value)
    from vistaseg.segmentation import read_segmentation

    return {name: results.places_of(read_segmentation(name))["voxels"] for name in _OUTPUTS if Path(name).exists()}


def _sound(folder: Path, outcome: Outcome) -> str:
    """Inputs are as they were, and a segmentation holds only voxels of the organ that it names."""
    for name in ("ct.nii.gz", "labels.nii.gz"):
        if not (folder / name).stat().st_size:
            return f"{name} was emptied"
    if (folder / "r.seg.nrrd").read_bytes() != results.written("result.seg.nrrd", True)["result.seg.nrrd"]:
        return "r.seg.nrrd was overwritten"
    organs = documents.organ_places()
    for output, found in outcome.result.items():
        for name, voxels in found.items():
            if (
                name in organs
                and not set(voxels) <= set(organs[name])
                and len(found)
                and "seg.dcm" not in outcome.stderr
            ):
                imported = results.truth().get(name)
                if imported is None or not results.same_voxels({name: voxels}, {name: imported}):
                    return f"{output} has {name} elsewhere"
    return ""
