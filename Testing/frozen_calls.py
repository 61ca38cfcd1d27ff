"""Calls of every command on frozen inputs, good ones and bad ones: what was recorded once is compared with today.

`Testing/fixtures/frozen/make.py` records, `Testing/Python/cli/test_frozen_calls.py` compares.
"""

from __future__ import annotations

import hashlib
import json
import math
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vistaseg.segmentation import Segmentation

FROZEN = Path(__file__).resolve().parent / "fixtures" / "frozen"
SEGVOL_TEXT = "adrenal mass"
LIVER = "35.2,10.8,309.3"
DEMO = ("--model", "demo", "--device", "cpu", "--precision", "fp32")
SEGVOL = ("--model", "segvol-demo", "--device", "cpu", "--precision", "fp32")


@dataclass(frozen=True)
class Call:
    """A command line in a folder that `lay_out` filled.

    Attributes:
        names: elements that standard error has to name: files, tags, options, values.
        computed: whether a model computed the numbers, which then differ a little between machines.
    """

    name: str
    arguments: tuple[str, ...]
    code: int = 0
    names: tuple[str, ...] = ()
    computed: bool = False


def lay_out(folder: Path) -> None:
    """Copy the frozen inputs, and write the bad ones."""
    shutil.copytree(FROZEN / "input", folder, dirs_exist_ok=True)
    for study in ("a", "b"):
        shutil.copytree(folder / "dicom", folder / "studies" / study)
    slices = sorted((folder / "studies" / "b").iterdir())
    for middle in slices[8:12]:  # missing slices: no regular volume
        middle.unlink()
    (folder / "junk.nii.gz").write_bytes(b"no image at all")
    (folder / "junk.json").write_text("{", encoding="utf-8")
    (folder / "other.json").write_text('{"format": "something else"}', encoding="utf-8")
    (folder / "existing.txt").write_text("a text\n", encoding="utf-8")
    (folder / "cases.csv").write_text("ct,truth\nscan.nii.gz,truth.nii.gz\n", encoding="utf-8")
    (folder / "names.json").write_text('{"1": "liver", "2": "spleen"}', encoding="utf-8")
    for name in ("organs.seg.nrrd", "organs.dcm", "session.json"):
        if (FROZEN / "results" / name).exists():
            shutil.copy(FROZEN / "results" / name, folder / name)


def _segment(name: str, output: str, *more: str, code: int = 0, names: tuple[str, ...] = ()) -> Call:
    return Call(name, ("segment", "scan.nii.gz", "-o", output, *more), code, names)


MAKING = (
    Call(
        "segment-nrrd",
        ("segment", "scan.nii.gz", "-o", "organs.seg.nrrd", "--classes", "liver, spleen, left kidney", *DEMO, "--json"),
        0, ("organs.seg.nrrd",), True,
    ),
    Call(
        "segment-map",
        ("segment", "scan.nii.gz", "-o", "organs.nii.gz", "--preset", "abdomen", *DEMO, "--preview", "organs.png",
         "--json"),
        0, ("organs.nii.gz",), True,
    ),
    Call("segment-folder", ("segment", "scan.nii.gz", "-o", "masks/", "--classes", "1, lung", *DEMO, "--json"),
         0, ("masks/",), True),
    Call("segment-dicom", ("segment", "dicom", "-o", "organs.dcm", "--classes", "liver, spleen", *DEMO, "--json"),
         0, ("organs.dcm",), True),
    Call(
        "segment-prompts",
        ("segment", "scan.nii.gz", "-o", "named.seg.nrrd", "--text", SEGVOL_TEXT,
         "--box", "5,-20,280:60,40,340", *SEGVOL, "--json"),
        0, ("named.seg.nrrd",), True,
    ),
    Call(
        "refine",
        ("refine", "scan.nii.gz", "-o", "refined.seg.nrrd", "--mask", "organs.seg.nrrd", "--segment", "liver",
         "--point", f"{LIVER}:+", "--point", "ijk:16,6,10:-", "--save-session", "session.json", *DEMO, "--json"),
        0, ("refined.seg.nrrd",), True,
    ),
    Call("refine-dicom", ("refine", "dicom", "-o", "refined.dcm", "--mask", "organs.dcm", "--segment", "liver",
                          "--point", f"{LIVER}:+", *DEMO, "--json"), 0, ("refined.dcm",), True),
    Call("cohort", ("cohort", "studies", "-o", "cohort", "--classes", "liver", *DEMO, "--json"),
         3, ("b failed", "cohort/report.csv"), True),
)  # fmt: skip
"""They make the frozen results, in this order, each from those before."""

CALLS = (
    *MAKING,
    Call("replay", ("refine", "scan.nii.gz", "-o", "again.seg.nrrd", "--replay", "session.json", "--device", "cpu",
                    "--precision", "fp32", "--json"), 0, ("again.seg.nrrd",), True),
    Call("demo", ("demo", "scan.nii.gz", "-o", "tried", "--json"), 0, (), True),
    Call("identify", ("identify", "scan.nii.gz", "--mask", "organs.seg.nrrd", "--segment", "liver", *SEGVOL, "--json"),
         0, (), True),
    Call("evaluate", ("evaluate", "scan.nii.gz", "--truth", "truth.nii.gz", "--names", "names.json", "--structures",
                      "liver", "--clicks", "1", "--prompts", "point", *DEMO, "--json"), 0, (), True),
    Call("version", ("--version",)),
    Call("info", ("info", "scan.nii.gz", "--json")),
    Call("info-dicom", ("info", "dicom", "--json")),
    Call("classes", ("classes", "--json")),
    Call("classes-search", ("classes", "--search", "gall bladder", "--json")),
    Call("weights-list", ("weights", "list", "--json")),
    Call("doctor", ("doctor", "--model", "demo", "--device", "cpu", "-o", "doctor.json", "--json")),
    Call("dicom-list", ("dicom", "list", "dicom", "--json")),
    Call("dicom-check", ("dicom", "check", "organs.dcm", "--json")),
    Call("dicom-export", ("dicom", "export", "organs.seg.nrrd", "dicom", "-o", "exported.dcm", "--report", "organs.csv",
                          "--sr", "sr.dcm"), 0, ("exported.dcm",)),
    Call("dicom-import", ("dicom", "import", "organs.dcm", "dicom", "-o", "back.seg.nrrd"), 0, ("back.seg.nrrd",)),
    # Wrong use.
    Call("no-command", ("frobnicate",), 2, ("frobnicate",)),
    _segment("unknown-option", "a.seg.nrrd", "--windows", "3", code=2, names=("--windows",)),
    _segment("unknown-model", "a.seg.nrrd", "--model", "unet", code=2, names=("--model", "unet", "demo")),
    _segment("unknown-class", "a.seg.nrrd", "--classes", "livr", *DEMO, code=2, names=("livr", "liver")),
    _segment("unsegmentable", "a.seg.nrrd", "--classes", "rectum", *DEMO, code=2, names=("rectum", "18")),
    _segment("unknown-preset", "a.seg.nrrd", "--preset", "organs", *DEMO, code=2, names=("organs", "abdomen")),
    _segment("bad-roi", "a.seg.nrrd", "--roi", "1,2,3", *DEMO, code=2, names=("1,2,3", "R,A,S:R,A,S")),
    _segment("flat-roi", "a.seg.nrrd", "--roi", "0,0,0:10,0,10", *DEMO, code=2),
    _segment("roi-outside", "a.seg.nrrd", "--roi", "900,900,900:990,990,990", *DEMO, code=3),
    _segment("two-ways", "a.seg.nrrd", "--text", "liver", "--classes", "liver", *DEMO, code=2,
             names=("--text", "--classes")),
    _segment("unknown-ending", "a.jpeg", *DEMO, code=2, names=("a.jpeg", ".seg.nrrd")),
    _segment("no-folder", "nowhere/a.seg.nrrd", *DEMO, code=2, names=("nowhere",)),
    _segment("scan-itself", "scan.nii.gz", *DEMO, code=2, names=("scan.nii.gz",)),
    _segment("no-series", "a.dcm", *DEMO, code=2, names=("scan.nii.gz", "DICOM")),
    _segment("no-weights", "a.seg.nrrd", "--model", "vista3d", code=4, names=("vista3d",)),
    _segment("sentence", "a.seg.nrrd", "--text", "please find the liver of this patient for me now and here", *DEMO,
             code=2, names=("names of structures",)),
    _segment("overlaps-in-map", "a.nii.gz", "--classes", "liver, hepatic vessel", *DEMO, code=2),
    Call("image-would-be-lost", ("segment", "dicom", "-o", "dicom/slice00.dcm", *DEMO), 2, ("dicom/slice00.dcm",)),
    Call("unknown-series", ("segment", "dicom", "-o", "a.seg.nrrd", "--series", "1.2.3", *DEMO), 3, ("1.2.3",)),
    Call("unnamed-scan", ("info", ""), 2, ("INPUT",)),
    Call("refine-nothing", ("refine", "scan.nii.gz", "-o", "a.seg.nrrd", *DEMO), 2, ("--point", "--replay")),
    Call("refine-both", ("refine", "scan.nii.gz", "-o", "a.seg.nrrd", "--replay", "session.json", "--point", LIVER),
         2, ("--replay",)),
    Call("bad-click", ("refine", "scan.nii.gz", "-o", "a.seg.nrrd", "--point", "1,2", *DEMO), 2, ("1,2", "R,A,S")),
    Call("click-outside", ("refine", "scan.nii.gz", "-o", "a.seg.nrrd", "--point", "900,900,900", *DEMO), 3, ()),
    Call("identify-nothing", ("identify", "scan.nii.gz"), 2, ("--point", "--box", "--mask")),
    Call("evaluate-nothing", ("evaluate", "scan.nii.gz"), 2, ("--truth", "--cohort")),
    Call("export-no-dcm", ("dicom", "export", "organs.seg.nrrd", "dicom", "-o", "a.seg"), 2, ("a.seg", ".dcm")),
    Call("fetch-no-licence", ("weights", "fetch", "vista3d"), 4, ("--accept-license",)),
    Call("unknown-weights", ("weights", "fetch", "unet"), 2, ("unet", "vista3d")),
    # Bad input.
    Call("junk", ("segment", "junk.nii.gz", "-o", "a.seg.nrrd", *DEMO), 3, ("junk.nii.gz",)),
    Call("missing", ("info", "missing.nii.gz"), 3, ("missing.nii.gz",)),
    Call("not-an-image", ("info", "existing.txt"), 3, ("existing.txt",)),
    Call("missing-slices", ("segment", "studies/b", "-o", "a.seg.nrrd", *DEMO), 3, ("slice07.dcm", "slice12.dcm")),
    Call("junk-session", ("refine", "scan.nii.gz", "-o", "a.seg.nrrd", "--replay", "junk.json"), 3, ("junk.json",)),
    Call("other-session", ("refine", "scan.nii.gz", "-o", "a.seg.nrrd", "--replay", "other.json"), 2, ()),
    Call("unknown-segment", ("refine", "scan.nii.gz", "-o", "a.seg.nrrd", "--mask", "organs.seg.nrrd", "--segment",
                             "brain", "--point", LIVER, *DEMO), 3, ("organs.seg.nrrd", "--segment", "liver")),
    Call("no-studies", ("cohort", "existing.txt", "-o", "c", *DEMO), 3, ("existing.txt",)),
    Call("list-no-dicom", ("dicom", "list", "existing.txt"), 3, ("existing.txt",)),
    Call("check-no-seg", ("dicom", "check", "dicom/slice00.dcm"), 3, ("slice00.dcm",)),
    Call("import-junk", ("weights", "import", "existing.txt"), 4, ("existing.txt",)),
    Call("verify-nothing", ("weights", "verify", "vista3d"), 4, ("vista3d",)),
    Call("remove-nothing", ("weights", "remove", "vista3d"), 0),
)  # fmt: skip

MASKED = {"software", "python", "seconds", "path", "peak_bytes", "values of a check"}
"""Keys whose values depend on time, machine or version."""
SENTENCES = {"text", "warnings", "note", "notes", "doubts", "problem", "reason", "meaning", "what", "notice"}
"""Keys whose texts are for people: that they say something is kept, not how."""


def comparable(value: Any, key: str = "") -> Any:
    """JSON without what depends on time, machine, version or wording, which is replaced by its type."""
    if isinstance(value, dict):
        if key in MASKED:
            return {each: "<masked>" for each in value}
        is_check = value.keys() == {"name", "state", "text", "values"}
        return {
            each: comparable(inner, "values of a check" if is_check and each == "values" else each)
            for each, inner in value.items()
        }
    if key in MASKED:
        return f"<{type(value).__name__}>"
    if isinstance(value, list):
        return [comparable(inner, key) for inner in value if not _is_of_another_program(inner)]
    if key in SENTENCES and isinstance(value, str):
        return "<sentence>" if value else ""
    return value


def _is_of_another_program(value: Any) -> bool:
    """dciodvfy is not installed everywhere."""
    return isinstance(value, dict) and value.get("source") == "dciodvfy"


def differences(old: Any, new: Any, computed: bool = False, where: str = "") -> list[str]:
    """Where two values of `comparable` differ, as "segments[0].name: …"; keys may be added, and none may go.

    Args:
        computed: let numbers differ as those of a network do between machines.
    """
    if isinstance(old, dict) and isinstance(new, dict):
        found = [f"{where}.{key}: is gone" for key in old.keys() - new.keys()]
        both = [key for key in old if key in new]
        return found + [one for key in both for one in differences(old[key], new[key], computed, f"{where}.{key}")]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [one for at, (a, b) in pairs for one in differences(a, b, computed, f"{where}[{at}]")]
    if isinstance(old, float) or (computed and isinstance(old, int) and not isinstance(old, bool)):
        close = isinstance(new, (int, float)) and math.isclose(
            old, new, rel_tol=0.05 if computed else 1e-9, abs_tol=2.0 if computed and abs(old) > 1 else 0.02
        )
        return [] if close else [f"{where}: {old} became {new}"]
    return [] if old == new else [f"{where}: {old!r} became {new!r}"]


def describe(found: Segmentation) -> dict[str, Any]:
    """All that a file says of a segmentation, JSON-able; masks as hashes of all voxels."""
    return {
        "shape_ijk": list(found.shape_ijk),
        "ijk_to_ras": np.round(found.ijk_to_ras, 6).tolist(),
        "segments": [
            {
                "name": one.name,
                "label": one.label_value,
                "id": one.structure_id,
                "color": list(one.color),
                "terminology": None if one.terminology is None else asdict(one.terminology),
                "voxels": one.voxel_count,
                "mask_sha256": hashlib.sha256(np.packbits(found.full_mask(one)).tobytes()).hexdigest(),
                "provenance": json.loads(json.dumps(one.provenance)),
            }
            for one in found.segments
        ],
    }
