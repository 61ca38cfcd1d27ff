"""`vistaseg evaluate`; but for the last test, with clicks that find what is as bright as where they meet."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vistaseg.errors import MemoryLimitError
from vistaseg.masks.boxed import BoxedMask
from vistaseg.prompts import RegionOfInterest
from vistaseg.session import Session
from vistaseg.volume import read_volume

pytestmark = pytest.mark.usefixtures("tiny_demo")

SPLEEN, LEFT_KIDNEY, PANCREAS = 3, 14, 4
CLASSES = {SPLEEN: 300, LEFT_KIDNEY: 600, PANCREAS: 900}  # id -> HU in the phantom; the tiny model knows no pancreas


@pytest.fixture
def painted_clicks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Session.start and Session.add of a model that sees brightness; returns segment -> class id of what is started."""
    asked: dict[str, Any] = {}

    def start(session: Session, segment: str, class_id: int | None = None) -> None:
        asked[segment] = class_id

    def add(session: Session, prompt: Any, segment: str, progress: Any = None) -> Any:
        array = session.volume.array
        mask = array > 0
        if not isinstance(prompt, RegionOfInterest):
            i, j, k = np.rint(session.volume.ras_to_index([prompt.ras])[0]).astype(int)
            mask = array == array[k, j, i]
        found = BoxedMask.of(mask)
        return SimpleNamespace(mask=found, changed=found.box, note="")

    monkeypatch.setattr(Session, "start", start)
    monkeypatch.setattr(Session, "add", add)
    return asked


@pytest.fixture
def truth(scan: Path, write_nifti) -> Path:
    volume = read_volume(scan)
    labels = np.zeros(volume.array.shape, np.uint8)
    for class_id, hu in CLASSES.items():
        labels[volume.array == hu] = class_id
    return write_nifti(labels, volume.ijk_to_ras, "truth.nii.gz")


@pytest.fixture
def evaluate(vistaseg, scan, truth, painted_clicks):
    """Run `vistaseg evaluate SCAN --truth TRUTH --model demo …`."""

    def run(*more: object, code: int = 0):
        done = vistaseg("evaluate", scan, "--truth", truth, "--model", "demo", *more)
        assert done.code == code, done.stderr
        return done

    return run


@pytest.fixture
def cohort(scan: Path, truth: Path, tmp_path: Path, painted_clicks: dict[str, Any]) -> Path:
    """Two good cases around two bad ones."""
    table = tmp_path / "cases.csv"
    (scan.parent / "broken.nii.gz").write_bytes(b"nothing")
    pairs = [(scan, truth), ("absent.nii.gz", truth), (scan, "scans/broken.nii.gz"), ("scans/scan.nii.gz", truth)]
    table.write_text("\n".join(["ct,truth", *(f"{ct},{labels}" for ct, labels in pairs)]))
    return table


def test_the_report_has_the_clicks_and_the_automatic_answer_of_each_structure(evaluate, painted_clicks, scan):
    done = evaluate("--json", "--clicks", "3")
    report = done.json
    assert report["model"] == "Tiny" and len(report["weights_sha256"]) == 64
    assert report["protocol"] == {
        "clicks": 3, "box": False, "correct": False, "zero_shot": False, "prompts": [], "tolerance_mm": 2.0,
    }  # fmt: skip
    assert report["device"] == "cpu" and report["precision"] in ("fp32", "bf16")
    (case,) = report["cases"]
    assert case["name"] == str(scan)
    structures = {row["name"]: row for row in case["structures"]}
    assert painted_clicks == {"spleen": SPLEEN, "pancreas": None, "left kidney": LEFT_KIDNEY}
    assert [row["class_id"] for row in structures.values()] == list(painted_clicks.values())
    assert structures["pancreas"]["automatic"] is None
    assert 0 <= structures["spleen"]["automatic"]["dice"] < 1
    for row in structures.values():
        assert [(s["clicks"], s["dice"], s["surface_dice"]) for s in row["steps"]] == [(n, 1, 1) for n in (1, 2, 3)]
        assert row["dice_auc"] == row["surface_dice_auc"] == 2.0
        assert row["steps"][0]["prompt"]["positive"] is True and row["steps"][1]["prompt"] is None
        assert row["steps"][0]["peak_bytes"] > 10**7
    assert [row["name"] for row in report["structures"]] == list(structures)
    assert report["mean"]["dice"] == [1, 1, 1] and report["failed"] == []
    sure = [row["confidence"] for row in structures.values()]
    assert sure[1] is None and all(0 < value < 1 for value in sure[::2])
    assert report["confidence"]["masks"] == report["confidence"]["poor"] == 2


def test_people_get_tables(evaluate):
    text = evaluate("--structures", "spleen, left kidney").stdout
    assert "Dice" in text and "Surface Dice at 2 mm" in text and "s/click" in text and "Most memory" in text
    assert "spleen" in text and "left kidney" in text and "mean" in text and "pancreas" not in text
    assert "Confidence is below 0.65 in 2 of 2 automatic masks with a Dice below 0.7, and in 0 of 0 others." in text


def test_the_box_comes_first(evaluate):
    report = evaluate("--json", "--box", "--clicks", "1", "--structures", "spleen").json
    (row,) = report["cases"][0]["structures"]
    assert [(step["clicks"], step["prompt"]["kind"]) for step in row["steps"]] == [(0, "box"), (1, "point")]
    assert row["steps"][1]["prompt"]["positive"] is False


def test_each_structure_is_also_asked_for_by_combinations_of_prompts(evaluate, painted_clicks):
    options = ["--clicks", "1", "--structures", "spleen, left kidney", "--prompts", "point,point+box"]
    report = evaluate("--json", *options).json
    assert report["protocol"]["prompts"] == ["point", "box+point"]
    assert painted_clicks["spleen (box+point)"] == SPLEEN
    for row in report["cases"][0]["structures"]:
        assert [each["prompts"] for each in row["prompted"]] == ["point", "box+point"]
        assert all(each["scores"] == {"dice": 1, "surface_dice": 1} for each in row["prompted"])
        assert all(each["seconds"] > 0 and each["notes"] == [] for each in row["prompted"])
    assert report["mean"]["prompted"]["point"] == {"dice": 1, "surface_dice": 1}
    text = evaluate(*options).stdout
    (table,) = [part for part in text.split("Dice by prompts, each given once")[1:]]
    assert "box+point" in table and table.count("1.000") == 6


def test_zero_shot_clicks_name_no_class(evaluate, painted_clicks):
    report = evaluate("--json", "--clicks", "1", "--structures", "spleen", "--zero-shot").json
    assert report["protocol"]["zero_shot"] is True
    assert painted_clicks == {"spleen": None}
    assert "--zero-shot" in evaluate("--zero-shot", "--correct", code=2).stderr


def test_names_say_what_the_labels_mean(evaluate, tmp_path):
    (tmp_path / "names.json").write_text(json.dumps({"3": "my phantom", "14": "liver"}))
    done = evaluate("--json", "--clicks", "1", "--names", tmp_path / "names.json")
    assert [(s["name"], s["class_id"]) for s in done.json["cases"][0]["structures"]] == [
        ("my phantom", None),
        ("liver", 1),
    ]
    assert "left out: 4" in done.stderr and "left out: 4" in done.json["cases"][0]["notes"][-1]


def test_the_table_beside_a_label_map_says_it_too(evaluate, vistaseg, scan, tmp_path):
    made = tmp_path / "made.nii.gz"
    assert vistaseg("segment", scan, "-o", made, "--model", "demo", "--classes", "spleen, left kidney").code == 0
    done = evaluate("--json", "--clicks", "1", "--names", tmp_path / "made.json")
    names = {row["name"] for row in json.loads((tmp_path / "made.json").read_text())["segments"]}
    assert names and {s["name"] for s in done.json["cases"][0]["structures"]} == names


def test_a_damaged_table_is_named(evaluate, tmp_path):
    (tmp_path / "names.json").write_text(json.dumps({"format": "vistaseg segmentation", "segments": [{"label": 1}]}))
    assert "names.json is damaged" in evaluate("--names", tmp_path / "names.json", code=3).stderr


def test_the_picture_is_drawn(evaluate, results):
    evaluate("--clicks", "2", "--picture", results / "out.png")
    with Image.open(results / "out.png") as picture:
        assert picture.format == "PNG" and min(picture.size) > 300


def test_of_a_cohort_a_bad_case_is_named_and_the_others_go_on(vistaseg, cohort, scan):
    done = vistaseg("evaluate", "--cohort", cohort, "--model", "demo", "--json", "--clicks", "2")
    assert done.code == 3
    assert "2 of 4 cases could not be evaluated: absent.nii.gz" in done.stderr
    report = done.json
    assert [case["name"] for case in report["cases"]] == [str(scan), "scans/scan.nii.gz"]
    assert [case["name"] for case in report["failed"]] == ["absent.nii.gz", str(scan)]
    assert "No such file" in report["failed"][0]["reason"] and "broken.nii.gz" in report["failed"][1]["reason"]
    assert {row["name"]: row["count"] for row in report["structures"]} == dict.fromkeys(
        ("spleen", "pancreas", "left kidney"), 2
    )


def test_a_case_without_memory_does_not_stop_the_cohort(vistaseg, cohort, monkeypatch):
    add, calls = Session.add, []

    def once_too_large(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 1:
            raise MemoryLimitError("Too large.")
        return add(*arguments)

    monkeypatch.setattr(Session, "add", once_too_large)
    report = vistaseg("evaluate", "--cohort", cohort, "--model", "demo", "--json", "--clicks", "1").json
    assert len(report["cases"]) == 1 and report["failed"][0]["reason"] == "Too large."


def test_a_cohort_without_a_good_case_prints_nothing(vistaseg, tmp_path):
    (tmp_path / "cases.csv").write_text("ct,truth\na.nii,b.nii\n")
    done = vistaseg("evaluate", "--cohort", tmp_path / "cases.csv", "--model", "demo", "--json")
    assert (done.code, done.stdout) == (3, "") and "a.nii" in done.stderr and "No case" in done.stderr


def test_an_interruption_stops_a_cohort(vistaseg, cohort, monkeypatch):
    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Session, "add", press)
    done = vistaseg("evaluate", "--cohort", cohort, "--model", "demo")
    assert (done.code, done.stdout) == (130, "") and "Interrupted" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [(["--picture", "out.jpg"], "end in .png"), (["--picture", "/absent/out.png"], "does not exist"),
     (["--clicks", "0"], "--clicks"), (["--prompts", "lasso"], "kind of prompt"),
     (["--structures", ","], "No structure was named")],
)  # fmt: skip
def test_a_request_that_cannot_be_right_is_wrong_use(evaluate, options, words):
    done = evaluate(*options, code=2)
    assert words in done.stderr and done.stdout == ""


def test_it_takes_one_case_or_a_cohort(vistaseg, scan, truth, cohort):
    for arguments in (
        [],
        [scan],
        ["--truth", truth],
        ["--cohort", cohort, scan],
        ["--cohort", cohort, "--truth", truth],
    ):
        done = vistaseg("evaluate", *arguments)
        assert done.code == 2 and "either a CT and --truth LABELS, or --cohort" in done.stderr


def test_bad_files_are_named(evaluate, vistaseg, scan, truth, tmp_path):
    done = vistaseg("evaluate", scan, "--truth", tmp_path / "absent.nii", "--model", "demo")
    assert done.code == 3 and "absent.nii does not exist" in done.stderr
    assert "names.json" in evaluate("--names", tmp_path / "names.json", code=3).stderr
    assert "has no aorta" in evaluate("--structures", "aorta", code=3).stderr


def test_without_matplotlib_the_extra_is_named_before_the_work(evaluate, painted_clicks, results, monkeypatch):
    real = builtins.__import__

    def without_matplotlib(name: str, *arguments: Any, **options: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError("No module named 'matplotlib'")
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_matplotlib)
    done = evaluate("--picture", results / "out.png", code=2)
    assert "vistaseg[evaluate]" in done.stderr and not painted_clicks and not list(results.iterdir())


def test_the_session_itself_is_clicked(vistaseg, scan, truth):
    """The tiny model has learnt nothing: only that everything fits together shows here."""
    options = ["--model", "demo", "--json", "--box", "--clicks", "2", "--structures", "spleen, pancreas"]
    done = vistaseg("evaluate", scan, "--truth", truth, *options)
    assert done.code == 0, done.stderr
    for row in done.json["cases"][0]["structures"]:
        assert [step["clicks"] for step in row["steps"]] == [0, 1, 2]
        assert all(0 <= step["dice"] <= 1 and step["seconds"] > 0 for step in row["steps"])
        assert "not trained with boxes" in row["steps"][0]["note"]


def test_a_structure_without_a_class_cannot_be_asked_for_by_its_name(vistaseg, scan, truth):
    """Of VISTA3D itself: a name is answered by its class, and the tiny model has none for the pancreas."""
    options = ["--json", "--clicks", "1", "--structures", "spleen, pancreas", "--prompts", "text,box+text"]
    done = vistaseg("evaluate", scan, "--truth", truth, "--model", "demo", *options)
    assert done.code == 0, done.stderr
    spleen, pancreas = sorted(done.json["cases"][0]["structures"], key=lambda row: row["name"], reverse=True)
    assert all(0 <= each["scores"]["dice"] <= 1 for each in spleen["prompted"])
    assert [each["scores"] for each in pancreas["prompted"]] == [None, None]
    assert "pancreas" in pancreas["prompted"][0]["notes"][0]
    assert done.json["mean"]["prompted"]["text"]["dice"] == spleen["prompted"][0]["scores"]["dice"]


@pytest.mark.usefixtures("segvol_demo_folder")
def test_a_model_without_classes_is_clicked_only(vistaseg, scan, truth):
    options = ["--model", "segvol-demo", "--json", "--box", "--clicks", "1", "--structures", "spleen"]
    done = vistaseg("evaluate", scan, "--truth", truth, *options)
    assert done.code == 0, done.stderr
    (row,) = done.json["cases"][0]["structures"]
    assert row["automatic"] is row["confidence"] is None and [step["clicks"] for step in row["steps"]] == [0, 1]
    assert done.json["model"] == "Tiny SegVol"
    assert vistaseg("evaluate", scan, "--truth", truth, "--model", "auto").code == 2
