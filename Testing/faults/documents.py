"""Sessions, tables of cohorts and evaluations, names, records and weights."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import random
import struct
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from faults import results, scans
from faults.judge import Case
from faults.mutations import byte_mutations
from faults.worker import Outcome, attempt, made_by, put_files

BODY = {"liver": (1, 40), "spleen": (3, 300), "right kidney": (5, 600), "left kidney": (14, 900)}
"""Structure -> class id, and HU in the phantom; see `fake_model.CLASSES`."""


def with_double() -> None:
    """Each model is a double that answers from HU."""
    import fake_model

    import vistaseg.models.registry
    import vistaseg.pipeline.loading

    for module in (vistaseg.models.registry, vistaseg.pipeline.loading):
        module.load_model = lambda key, *_: fake_model.FakeModel(key, windows=1)


@lru_cache
def phantom() -> Any:
    """A patient with the four organs of `BODY`, oblique, in HU."""
    from vistaseg.volume import Volume

    k, j, i = shape = (14, 16, 18)
    hu = np.full(shape, -1000, np.int16)
    hu[1:-1, 1:-1, 1:-1] = -80
    for number, (_, value) in enumerate(BODY.values()):
        hu[3 + number : 9 + number, 3:8, 2 + 4 * number : 5 + 4 * number] = value
    affine = scans.oblique() @ np.diag([4.0, 4, 4, 1])
    return Volume.from_array(hu, affine, axes="kji", name="phantom", modality="CT")


def put_phantom(folder: Path) -> None:
    """As NIfTI, with its labels beside."""
    put_files(made_by(_write_phantom), folder)


def _write_phantom(folder: Path) -> None:
    import nibabel

    volume = phantom()
    _save(nibabel, volume.array, folder / "ct.nii.gz")
    labels = np.zeros(volume.array.shape, np.uint8)
    for class_id, value in BODY.values():
        labels[volume.array == value] = class_id
    _save(nibabel, labels, folder / "labels.nii.gz")


def _save(nibabel: Any, array: np.ndarray, path: Path) -> None:
    image = nibabel.Nifti1Image(array.transpose(2, 1, 0), phantom().ijk_to_ras)
    image.set_sform(phantom().ijk_to_ras, 1)
    image.set_qform(phantom().ijk_to_ras, 1)
    nibabel.save(image, path)


def organ_places(names: Any = BODY) -> results.Voxels:
    """Where the organs are, in RAS mm."""
    volume = phantom()
    return {name: results.places(volume.array == BODY[name][1], volume.ijk_to_ras) for name in names if name in BODY}


def run_command(*arguments: object) -> None:
    """Run a command with the double, in this process; returns where it ends well."""
    from vistaseg.cli.main import main

    with_double()
    sys.argv = ["vistaseg", *map(str, arguments)]
    try:
        main()
    except SystemExit as stop:
        if stop.code:
            raise


def document_cases(seed: int) -> Iterator[Case]:
    """Of every kind."""
    yield from _session_cases(seed)
    yield from _cohort_cases(seed)
    yield from _evaluation_cases(seed)
    yield from _names_cases(seed)
    yield from _weights_cases(seed)
    yield from _record_cases(seed)


# Sessions


def _points(*names: str) -> list[str]:
    volume = phantom()
    found = []
    for name in names:
        k, j, i = np.argwhere(volume.array == BODY[name][1]).mean(axis=0).round().astype(int)
        r, a, s = volume.index_to_ras([(i, j, k)])[0]
        found += ["--point", f"{r:.3f},{a:.3f},{s:.3f}:+"]
    return found


@lru_cache
def session_content() -> bytes:
    """A saved session of two clicks on the liver."""

    def save() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            put_phantom(place)
            given = ("--class", "liver", *_points("liver", "liver"), "--save-session", place / "s.json")
            run_command("refine", place / "ct.nii.gz", "-o", place / "out.seg.nrrd", "--model", "demo", *given)
            return (place / "s.json").read_bytes()

    outcome = attempt(save)
    assert outcome.result is not None, outcome.stderr
    return outcome.result


def _session_cases(seed: int) -> Iterator[Case]:
    content = session_content()
    values = json.loads(content)
    yield _session_case("as it was", content)
    for turn in (0, 1, 2):
        for path, what, changed in results.json_mutations(values, 3 * turn + seed):
            if turn == 0 or what != "removed":
                yield _session_case(f"{path} {what}", json.dumps(changed).encode())
    ends = (1, 20, 200, len(content) // 2, len(content) - 3)
    for what, changed_bytes in byte_mutations(content, ends, seed, flips=12):
        yield _session_case(what, changed_bytes)
    deep = {"deep": b"[" * 100000, "a huge number": content.replace(b"1", b"1" * 400, 1), "inf": b'{"a": Infinity}'}
    for what, odd in deep.items():
        yield _session_case(what, odd)


def _session_case(what: str, content: bytes) -> Case:
    def make(folder: Path) -> None:
        put_phantom(folder)
        (folder / "s.json").write_bytes(content)

    def run(folder: Path) -> Any:
        run_command("refine", folder / "ct.nii.gz", "-o", folder / "o.seg.nrrd", "--replay", folder / "s.json")
        return results.read(folder / "o.seg.nrrd")

    # Damage within a session is named by the session.
    return Case("session", what, make, run, _as_prompted, ("session", "s.json"))


def _as_prompted(folder: Path, outcome: Outcome) -> str:
    """The liver, or what the prompts of the file give when they are typed."""
    found = outcome.result["voxels"]
    (liver,) = organ_places(["liver"]).values()
    if list(found) == ["liver"] and results.same_voxels(found, {"liver": liver}):
        return ""
    values = json.loads((folder / "s.json").read_text("utf-8"))
    meant = attempt(partial(_typed, folder, values), seconds=30).result
    if meant is None or not results.same_voxels(found, meant):
        told = {name: len(voxels) for name, voxels in found.items()}
        return f"{told}, typed {meant and {n: len(v) for n, v in meant.items()}}"
    return ""


def _typed(folder: Path, values: Any) -> results.Voxels:
    voxels: results.Voxels = {}
    for segment in values["segments"]:
        clicks = []
        for step in segment["steps"]:
            prompt = step["prompt"]
            sign = "+" if prompt.get("positive", True) else "-"
            clicks += ["--point", ",".join(str(v) for v in prompt["ras"]) + f":{sign}"]
        if clicks:
            where = folder / "typed.seg.nrrd"
            name = " ".join(segment["name"].split())
            named = ["--class", "liver"] if segment["class_id"] == 1 else []
            run_command(
                "refine", folder / "ct.nii.gz", "-o", where, "--model", "demo", *named, "--segment", name, *clicks
            )
            voxels |= results.read(where)["voxels"]
    return voxels


# The report of a cohort


@lru_cache
def _cohort_before() -> dict[str, bytes]:
    """Studies, results and report of a cohort that is done."""

    def make() -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            for name in ("one", "two"):
                (place / "studies").mkdir(exist_ok=True)
                _put_study(place / "studies", name)
            _run_cohort(place)
            return {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}

    outcome = attempt(make)
    assert outcome.result is not None, outcome.stderr
    return outcome.result


def _put_study(studies: Path, name: str) -> None:
    from dicom_series import write_series

    write_series(studies / name, phantom(), name)


def _run_cohort(folder: Path) -> None:
    given = ("--classes", "liver, spleen, left kidney", "--model", "demo", "--json")
    run_command("cohort", folder / "studies", "-o", folder / "results", *given)


def _cohort_cases(seed: int) -> Iterator[Case]:
    files = _cohort_before()
    report = files["results/report.csv"]
    rows = list(csv.reader(io.StringIO(report.decode())))
    odd = ("", "abc", "-1", "nan", "inf", "1" * 30, "=1+1", "\x00", "../../x", "\u00fc\r\nx", "failed", "x" * 200_000)
    draw = random.Random(seed)
    yield _cohort_case("as it was", report)
    for column, name in enumerate(rows[0]):
        for value in draw.sample(odd, 5):
            changed = [list(row) for row in rows]
            changed[1][column] = value
            yield _cohort_case(f"{name} {value[:12]!r}", _csv(changed))
        yield _cohort_case(f"{name} removed", _csv([[*row[:column], *row[column + 1 :]] for row in rows]))
        yield _cohort_case(f"{name} twice", _csv([[*row[: column + 1], *row[column:]] for row in rows]))
        swapped = [list(row) for row in rows]
        swapped[0][column], swapped[0][column - 1] = swapped[0][column - 1], swapped[0][column]
        yield _cohort_case(f"{name} swapped", _csv(swapped))
    yield _cohort_case("row twice", _csv([*rows, rows[1]]))
    yield _cohort_case("row of a study that is gone", _csv([*rows, ["gone", *rows[1][1:]]]))
    yield _cohort_case("a short row", _csv([*rows, rows[1][:3]]))
    yield _cohort_case("UTF-16", report.decode().encode("utf-16"))
    yield _cohort_case("byte order mark", b"\xef\xbb\xbf" + report)
    yield _cohort_case("semicolons", report.replace(b",", b";"))
    for what, changed_bytes in byte_mutations(report, (10, len(report) // 3, len(report) // 2), seed, flips=12):
        yield _cohort_case(what, changed_bytes)


def _csv(rows: list[list[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _cohort_case(what: str, report: bytes) -> Case:
    files = {**_cohort_before(), "results/report.csv": report}
    return Case("report of a cohort", what, partial(put_files, files), _run_cohort, _all_done, ("report.csv",))


def _all_done(folder: Path, outcome: Outcome) -> str:
    rows = list(csv.DictReader(io.StringIO((folder / "results/report.csv").read_text("utf-8"))))
    own = {row["folder"]: row for row in rows}
    if not {"one", "two"} <= own.keys():
        return f"rows of {sorted(own)}"
    told = {row["folder"]: row for row in json.loads(outcome.stdout)}
    for name in ("one", "two"):
        if own[name]["status"] != "done" or own[name]["segments"] != "3" or told[name]["segments"] != 3:
            return f"{name} is {own[name]}"
        found = attempt(partial(results.read, folder / "results" / own[name]["output"])).result
        expected = organ_places(["liver", "spleen", "left kidney"])
        if found is None or not results.same_voxels(found["voxels"], expected):
            return f"the result of {name} is not what it was"
    return ""


# Evaluations


def _evaluation_cases(seed: int) -> Iterator[Case]:
    table = b"ct,truth\nct.nii.gz,labels.nii.gz\nct.nii.gz,labels.nii.gz\n"
    odd = {
        "as it was": table, "no header": table[9:], "header alone": table[:9], "columns swapped": b"truth,ct\n"
        b"labels.nii.gz,ct.nii.gz\n", "wrong columns": table.replace(b"truth", b"label"), "empty": b"",
        "a column twice": b"ct,ct,truth\nct.nii.gz,ct.nii.gz,labels.nii.gz\n", "semicolons": table.replace(b",", b";"),
        "UTF-16": table.decode().encode("utf-16"), "byte order mark": b"\xef\xbb\xbf" + table,
        "truth for ct": b"ct,truth\nlabels.nii.gz,ct.nii.gz\n", "ct for truth": b"ct,truth\nct.nii.gz,ct.nii.gz\n",
        "no such file": b"ct,truth\nabsent.nii.gz,labels.nii.gz\n", "a folder": b"ct,truth\n.,labels.nii.gz\n",
        "a long name": b"ct,truth\n" + b"a" * 5000 + b",labels.nii.gz\n", "a long field": b"ct," + b"a" * 200_000,
        "NUL": b"ct,truth\nct\x00.nii.gz,labels.nii.gz\n", "blank path": b"ct,truth\n,labels.nii.gz\n",
        "more cells": b"ct,truth\nct.nii.gz,labels.nii.gz,7,8\n", "series of no DICOM": b"ct,truth,series\nct.nii.gz,"
        b"labels.nii.gz,1\n", "not UTF-8": b"ct,truth\nM\xfcller.nii.gz,labels.nii.gz\n",
    }  # fmt: skip
    for what, content in odd.items():
        yield _evaluation_case("table of cases", what, {"cases.csv": content}, ("--cohort", "cases.csv"), BODY)
    for what, content in byte_mutations(table, (4, 9, 20), seed, flips=9):
        yield _evaluation_case("table of cases", what, {"cases.csv": content}, ("--cohort", "cases.csv"), BODY)


def _names_cases(seed: int) -> Iterator[Case]:
    names = {str(class_id): name for name, (class_id, _) in BODY.items()}
    swapped = {**names, "5": "left kidney", "14": "right kidney"}
    contents = {"as it was": json.dumps(names).encode(), "sides swapped": json.dumps(swapped).encode()}
    for path, what, changed in results.json_mutations(names, seed):
        contents[f"{path} {what}"] = json.dumps(changed).encode()
    for key in ("", "-1", "1.5", "1e3", "99999999999999999999", "nan", "liver", " 1", "01", "0"):
        contents[f"label {key!r}"] = json.dumps({key: "liver"}).encode()
    for name in ("", " ", "x" * 100_000, "\x1b[31m", "\ud800", "no such organ", "Leber", "=1+1"):
        contents[f"name {name[:12]!r}"] = json.dumps({"1": name}).encode()
    contents |= {
        "a key twice": b'{"1": "liver", "1": "spleen"}', "a list": b'["liver"]', "a number": b"1", "empty": b"",
        "null": b"null", "deep": b"[" * 100_000, "UTF-16": contents["as it was"].decode().encode("utf-16"),
    }  # fmt: skip
    for what, content in contents.items():
        given = ("ct.nii.gz", "--truth", "labels.nii.gz", "--names", "names.json")
        yield _evaluation_case("names of labels", what, {"names.json": content}, given, None)
    for what, content in byte_mutations(contents["as it was"], (4, 20, 30), seed, flips=12):
        given = ("ct.nii.gz", "--truth", "labels.nii.gz", "--names", "names.json")
        yield _evaluation_case("names of labels", what, {"names.json": content}, given, None)


def _evaluation_case(reader: str, what: str, files: dict[str, bytes], given: tuple[str, ...], expected: Any) -> Case:
    def make(folder: Path) -> None:
        put_phantom(folder)
        put_files(files, folder)

    def run(folder: Path) -> None:
        os.chdir(folder)
        run_command("evaluate", *given, "--model", "demo", "--clicks", "1", "--json")

    (name,) = files
    return Case(reader, what, make, run, partial(_measured, expected), (name, "case", "ct", "truth", "nii"))


def _measured(expected: Any, folder: Path, outcome: Outcome) -> str:
    """Each structure is measured, and found where it is."""
    report = json.loads(outcome.stdout)
    found = {structure["name"]: structure for case in report["cases"] for structure in case["structures"]}
    if expected is None:
        names = json.loads((folder / "names.json").read_text("utf-8-sig"))
        own = {str(class_id): name for name, (class_id, _) in BODY.items()}
        expected = {str(names[label]) for label in own if label in names}
    elsewhere = [name for name in expected if name not in found and not _alike(name, found)]
    if elsewhere or len(found) > len(expected):
        return f"measured {sorted(found)}, expected {sorted(expected)}"
    for name, structure in found.items():
        if (
            name in BODY
            and structure["automatic"] is not None
            and "names.json" not in {p.name for p in folder.iterdir()}
        ):
            dice = structure["automatic"]["dice"]
            if dice < 0.999:
                return f"{name} has Dice {dice}"
    return ""


def _alike(name: str, found: Any) -> bool:
    from vistaseg import catalog

    try:
        ids = catalog.parse_classes(name)
    except Exception:
        return name.strip().casefold() in {other.strip().casefold() for other in found}
    return any(catalog.get(i).name in found for i in ids)


# Weights


def small_layout() -> None:
    """VISTA3D is of two tensors."""
    from vistaseg.weights import layouts

    shapes = {"weight": (2, 3), "bias": (4,)}
    small = replace(layouts.LAYOUTS["vista3d"], mark="weight", normalise=_unwrapped, shapes=lambda: shapes)
    layouts.LAYOUTS["vista3d"] = small


def _unwrapped(state: Any) -> Any:
    from vistaseg.weights.checkpoint import normalise_vista3d

    return normalise_vista3d(state)


def _tensors() -> dict[str, Any]:
    import torch

    return {"weight": torch.arange(6.0).reshape(2, 3), "bias": torch.arange(4.0) + 10}


@lru_cache
def weights_contents() -> dict[str, bytes]:
    """The tensors in each form."""
    import torch
    from safetensors.torch import save

    found = {"w.safetensors": save(_tensors())}
    for name, zipped in (("zip.pt", True), ("legacy.pt", False)):
        file = io.BytesIO()
        torch.save(_tensors(), file, _use_new_zipfile_serialization=zipped)
        found[name] = file.getvalue()
    return found


def _weights_cases(seed: int) -> Iterator[Case]:
    contents = weights_contents()
    for name, content in contents.items():
        reader = "weights, safetensors" if name.endswith("tensors") else "weights, checkpoint"
        yield _weights_case(reader, f"{name} as it was", name, content)
        ends = (8, 60, len(content) - 41) if name.endswith("tensors") else (4, 60, 200, len(content) - 100)
        for what, changed in byte_mutations(content, ends, seed, flips=24):
            yield _weights_case(reader, f"{name} {what}", name, changed)
    safe = contents["w.safetensors"]
    size = struct.unpack("<Q", safe[:8])[0]
    header, data = json.loads(safe[8 : 8 + size]), safe[8 + size :]
    for path, what, values in results.json_mutations(header, seed):
        text = json.dumps(values).encode()
        yield _weights_case(
            "weights, safetensors", f"{path} {what}", "w.safetensors", struct.pack("<Q", len(text)) + text + data
        )
    for what, length in (("zero", 0), ("one more", size + 1), ("one less", size - 1), ("huge", 2**63), ("4 GB", 2**32)):
        yield _weights_case(
            "weights, safetensors", f"length {what}", "w.safetensors", struct.pack("<Q", length) + safe[8:]
        )
    yield from _odd_states()


def _odd_states() -> Iterator[Case]:
    import torch

    holding: dict[str, Any] = {}
    holding["model"] = holding
    nan, whole = _tensors(), _tensors()
    nan["bias"][1] = float("nan")
    whole["bias"] = whole["bias"].long()
    odd: dict[str, Any] = {
        "holds itself": holding, "a list": [1], "empty": {}, "one missing": {"weight": _tensors()["weight"]},
        "one more": {**_tensors(), "x": torch.ones(1)}, "another shape": {**_tensors(), "bias": torch.ones(5)},
        "whole numbers": whole, "NaN": nan, "wrapped": {"model": _tensors()},
        "wrapped twice": {"model": {"model": _tensors()}},
        "half precision": {n: t.half() for n, t in _tensors().items()}, "numbers as keys": {1: torch.ones(1)},
        "prefix": {f"module.{n}": t for n, t in _tensors().items()}, "text": {**_tensors(), "epoch": "x"},
    }  # fmt: skip
    for what, state in odd.items():
        file = io.BytesIO()
        torch.save(state, file)
        yield _weights_case("weights, checkpoint", what, "zip.pt", file.getvalue(), what == "NaN")


def _weights_case(reader: str, what: str, name: str, content: bytes, never: bool = False) -> Case:
    def run(folder: Path) -> Any:
        os.environ["VISTASEG_HOME"] = str(folder / "home")
        small_layout()
        from vistaseg.cli.main import main

        sys.argv = ["vistaseg", "weights", "import", str(folder / name), "--key", "vista3d", "--json"]
        try:
            main()
        except SystemExit as stop:
            if stop.code:
                raise
        from vistaseg.weights import find_entry, installed_path
        from vistaseg.weights.checkpoint import normalise_vista3d, read_state_dict

        path = installed_path(find_entry("vista3d"))
        state = normalise_vista3d(read_state_dict(path))
        return {n: t.double().tolist() for n, t in state.items()}

    accept = partial(_same_tensors, name)
    return Case(reader, what, lambda folder: put_files({name: content}, folder), run, accept, (name,))


def _same_tensors(name: str, folder: Path, outcome: Outcome) -> str:
    """As before, or as the format's own library reads them; never NaN in silence."""
    found = {n: np.array(t) for n, t in outcome.result.items()}
    truth = {n: t.numpy() for n, t in _tensors().items()}
    if found.keys() == truth.keys() and all(np.array_equal(found[n], truth[n]) for n in truth):
        return ""
    other = attempt(partial(_independent_tensors, folder / name), seconds=20).result
    if other is None:
        return "other tensors than before, which no one else reads"
    same = found.keys() == other.keys() and all(np.array_equal(found[n], other[n], equal_nan=True) for n in found)
    return "" if same else f"{list(found)} differ from what the library reads"


def _independent_tensors(path: Path) -> dict[str, np.ndarray]:
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        return {n: np.asarray(t, float) for n, t in load_file(path).items()}
    import torch

    return {n: t.double().numpy() for n, t in torch.load(path, weights_only=True).items()}


def _record_cases(seed: int) -> Iterator[Case]:
    """Of record.json and license-accepted.json beside installed weights."""
    files = _installed()
    for name in files:
        if not name.endswith(".json"):
            continue
        values = json.loads(files[name])
        for turn in range(3):
            for path, what, changed in results.json_mutations(values, 3 * turn + seed):
                if turn == 0 or what != "removed":
                    yield _record_case(
                        f"{Path(name).name} {path} {what}", {**files, name: json.dumps(changed).encode()}
                    )
        for path in values:
            if isinstance(values[path], str):
                changed = {**values, path: "../../../../etc/passwd"}
                yield _record_case(f"{Path(name).name} {path} elsewhere", {**files, name: json.dumps(changed).encode()})
        for what, content in byte_mutations(files[name], (1, 30, 100), seed, flips=12):
            yield _record_case(f"{Path(name).name} {what}", {**files, name: content})
        yield _record_case(f"{Path(name).name} deep", {**files, name: b"[" * 100_000})


@lru_cache
def _installed() -> dict[str, bytes]:
    def make() -> dict[str, bytes]:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            put_files({"w.safetensors": weights_contents()["w.safetensors"]}, place)
            os.environ["VISTASEG_HOME"] = str(place / "home")
            small_layout()
            from vistaseg.weights import find_entry, import_file
            from vistaseg.weights.acceptance import require_acceptance

            import_file(find_entry("vista3d"), place / "w.safetensors")
            require_acceptance(find_entry("vista3d"), find_entry("vista3d").license.name)
            return {str(p.relative_to(place)): p.read_bytes() for p in (place / "home").rglob("*") if p.is_file()}

    outcome = attempt(make)
    assert outcome.result is not None, outcome.stderr
    return outcome.result


def _record_case(what: str, files: dict[str, bytes]) -> Case:
    def run(folder: Path) -> Any:
        os.environ["VISTASEG_HOME"] = str(folder / "home")
        small_layout()
        run_command("weights", "list", "--json")
        run_command("weights", "verify", "vista3d")

    return Case("record of weights", what, partial(put_files, files), run, _verified, ("vista3d", "weights"))


def _verified(folder: Path, outcome: Outcome) -> str:
    """What is said to be unchanged has the hash that its record says."""
    weights = next(folder.rglob("model.safetensors"))
    record = json.loads(next(folder.rglob("record.json")).read_text("utf-8"))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    return "" if record.get("sha256") == digest and str(weights) in outcome.stdout else "verified against no hash"
