"""Texts on the command line: who answers, what it is called, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vistaseg.cli.model_choice import models_to_replay
from vistaseg.errors import UsageError
from vistaseg.models.segvol import tokenizer
from vistaseg.pipeline.model_choice import AUTO, models_for
from vistaseg.prompts import Text
from vistaseg.segmentation import read_segmentation

pytestmark = pytest.mark.usefixtures("tiny_models")
Command = Callable[..., Any]
INSIDE, BOX = "0,0,0", "--box=-30,-30,-30:40,40,40"


@pytest.fixture
def refine(vistaseg: Command, scan: Path, results: Path) -> Command:
    """Run `vistaseg refine SCAN -o x.seg.nrrd …`."""
    return lambda *more: vistaseg("refine", scan, "-o", results / "x.seg.nrrd", "--json", *more)


@pytest.fixture
def segment(vistaseg: Command, scan: Path, results: Path) -> Command:
    """Run `vistaseg segment SCAN -o x.seg.nrrd …`."""
    return lambda *more: vistaseg("segment", scan, "-o", results / "x.seg.nrrd", "--json", *more)


@pytest.mark.parametrize(
    ("texts", "keys"),
    [
        ([], ("vista3d",)),
        (["liver"], ("vista3d",)),
        (["uterus"], ("segvol",)),
        (["rectum"], ("segvol",)),
        (["liver", "uterus"], ("vista3d", "segvol")),
    ],
)
def test_only_the_models_that_are_needed_are_chosen(texts: list[str], keys: tuple[str, ...]) -> None:
    assert models_for(AUTO, [Text(text) for text in texts]) == keys


def test_a_box_is_for_segvol_where_its_weights_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert models_for(AUTO, [], boxes=True) == ("vista3d",)
    monkeypatch.setattr("vistaseg.pipeline.model_choice._is_installed", lambda key: True)
    assert models_for(AUTO, [], boxes=True) == ("segvol",)
    assert models_for(AUTO, [Text("liver")], boxes=True) == ("vista3d", "segvol")
    assert models_for(AUTO, [Text("uterus")], boxes=True) == ("segvol",)
    assert models_for(AUTO, []) == ("vista3d",)
    assert models_for("vista3d", [], boxes=True) == ("vista3d",)


def test_a_structure_with_a_class_gets_its_name_and_codes(refine: Command, results: Path) -> None:
    done = refine("--text", "Livers", "--point", f"{INSIDE}:+", "--model", "demo")
    assert done.code == 0, done.stderr
    assert [row["model"] for row in done.json["prompts"]] == ["demo", "demo"]
    assert '"Livers" was answered by Tiny, which knows liver by class' in done.stderr
    (made,) = read_segmentation(results / "x.seg.nrrd").segments
    assert (made.name, made.structure_id) == ("liver", 1)


def test_the_segment_name_wins_over_the_text(refine: Command, results: Path) -> None:
    done = refine("--text", "spleen", "--class", "spleen", "--segment", "mine", "--point", INSIDE, "--model", "demo")
    assert done.code == 0, done.stderr
    (made,) = read_segmentation(results / "x.seg.nrrd").segments
    assert (made.name, made.structure_id) == ("mine", 3)


def test_a_text_for_another_structure_than_the_class_is_refused(refine: Command, results: Path) -> None:
    done = refine("--text", "spleen", "--class", "liver", "--model", "demo")
    assert done.code == 2 and '"spleen" is not liver' in done.stderr
    assert not (results / "x.seg.nrrd").exists()


def test_another_name_is_read_and_its_clicks_stay_with_the_reader(refine: Command, results: Path) -> None:
    done = refine("--text", "uterus", "--point", f"{INSIDE}:+", "--model", "demo")
    assert done.code == 0, done.stderr
    assert [(row["kind"], row["model"]) for row in done.json["prompts"]] == [
        ("text", "segvol-demo"),
        ("point", "segvol-demo"),
    ]
    assert "Tiny SegVol: for tests." in done.stderr
    (made,) = read_segmentation(results / "x.seg.nrrd").segments
    assert (made.name, made.structure_id) == ("uterus", None)


def test_text_box_and_click_together_are_answered_with_a_note(refine: Command) -> None:
    done = refine("--text", "uterus", BOX, "--point", f"{INSIDE}:+", "--model", "segvol-demo")
    assert done.code == 0, done.stderr
    assert [row["kind"] for row in done.json["prompts"]] == ["text", "box", "point"]
    assert "the text was not" in done.json["prompts"][-1]["note"] and "the text was not" in done.stderr


def test_a_saved_session_brings_its_models(refine: Command, vistaseg: Command, scan: Path, results: Path) -> None:
    saved = results / "session.json"
    first = refine("--text", "liver", "--text", "uterus", "--model", "demo", "--save-session", saved)
    assert first.code == 0, first.stderr
    again = vistaseg("refine", scan, "-o", results / "y.seg.nrrd", "--replay", saved)
    assert again.code == 0, again.stderr
    one, other = (read_segmentation(results / name) for name in ("x.seg.nrrd", "y.seg.nrrd"))
    assert [s.name for s in one.segments] == [s.name for s in other.segments]
    assert all(a.mask.equals(b.mask) for a, b in zip(one.segments, other.segments, strict=True))
    refused = vistaseg("refine", scan, "-o", results / "z.seg.nrrd", "--replay", saved, "--model", "vista3d")
    assert refused.code == 2 and "not with vista3d" in refused.stderr


def test_a_session_of_an_unknown_model_is_refused() -> None:
    with pytest.raises(UsageError, match="which this version does not know"):
        models_to_replay(AUTO, {"format": "vistaseg session 1", "models": {"other": {}}})


def test_each_text_makes_a_segment(segment: Command) -> None:
    done = segment("--text", "liver", "--text", "uterus", "--model", "demo")
    assert done.code == 0, done.stderr
    report = done.json
    assert report["asked"] == ["liver", "uterus"] and report["model"] == "Tiny, Tiny SegVol"
    assert [(row["segment"], row["model"]) for row in report["prompts"]] == [
        ("liver", "demo"),
        ("uterus", "segvol-demo"),
    ]
    found = [row["name"] for row in report["segments"]]
    assert found + report["not_found"] and set(found) | set(report["not_found"]) == {"liver", "uterus"}


def test_a_box_goes_with_the_text_or_alone(segment: Command) -> None:
    both = segment("--text", "uterus", BOX, "--model", "segvol-demo").json
    assert [row["kind"] for row in both["prompts"]] == ["text", "box"]
    of_a_class = segment("--text", "liver", BOX, "--model", "demo").json
    assert [(row["kind"], row["model"]) for row in of_a_class["prompts"]] == [("box", "demo")]
    assert of_a_class["asked"] == ["liver"]
    alone = segment(BOX, "--model", "demo")
    assert (alone.json["asked"], [row["model"] for row in alone.json["prompts"]]) == (["segment"], ["demo"])
    assert "Tiny was not trained with boxes" in alone.stderr and "not trained" in alone.json["prompts"][0]["note"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--text", "liver", "--classes", "liver"], "leave --classes, --preset and --roi out"),
        ([BOX, "--preset", "abdomen"], "leave --classes, --preset and --roi out"),
        (["--text", "liver", "--roi", "0,0,0:1,1,1"], "leave --classes, --preset and --roi out"),
        (["--model", "segvol"], "name a structure with --text"),
        (["--model", "segvol-demo", "--classes", "liver"], "name a structure with --text"),
        (["--text", "liver", "--text", "Livers", "--model", "demo"], "There is a segment 'liver' already"),
        (["--text", "uterus", "--model", "demo", "--box", "0,0,0:0,1,1"], "two corners that differ"),
        (["--text", " ", "--model", "demo"], "No structure was named"),
        (["--text", "find the liver, please", "--model", "demo"], "names of structures, not sentences"),
        (["--text", " ".join(["xqzjkvwpb" * 5] * 4), "--model", "segvol-demo"], "too long"),
        (["--text", "uterus", "--model", "vista3d-demo"], "--model"),
    ],
)
def test_a_request_that_cannot_be_right_is_wrong_use(
    segment: Command, results: Path, options: list[str], words: str
) -> None:
    done = segment(*options)
    assert (done.code, done.stdout) == (2, ""), done.stderr
    assert words in done.stderr
    assert not list(results.iterdir())


def test_several_texts_do_not_fit_a_label_map(vistaseg: Command, scan: Path, results: Path) -> None:
    done = vistaseg("segment", scan, "-o", results / "x.nii.gz", "--text", "liver", "--text", "uterus")
    assert done.code == 2 and "label map cannot hold" in done.stderr


def test_a_box_outside_the_scan_is_bad_input(segment: Command, results: Path) -> None:
    done = segment("--box", "900,900,900:950,950,950", "--model", "segvol-demo")
    assert done.code == 3 and "outside" in done.stderr
    assert not list(results.iterdir())


@pytest.mark.parametrize("box", ["--box=40,40,40:-30,-30,-30", "--box=-30,-30,0:40,40,1"])
def test_inverted_corners_and_a_box_as_thin_as_a_voxel_are_answered(segment: Command, box: str) -> None:
    assert segment(box, "--model", "segvol-demo").code == 0


def test_a_scan_smaller_than_what_the_network_sees_is_answered(
    vistaseg: Command, write_nifti: Command, results: Path
) -> None:
    tiny = write_nifti(np.random.default_rng(0).normal(0, 500, (3, 4, 5)).astype(np.int16))
    done = vistaseg("segment", tiny, "-o", results / "x.seg.nrrd", "--text", "liver", "--model", "segvol-demo")
    assert done.code == 0, done.stderr


@pytest.mark.parametrize(("text", "key"), [("uterus", "segvol"), ("liver", "vista3d")])
def test_missing_weights_are_named_before_the_scan_is_read(
    segment: Command, monkeypatch: pytest.MonkeyPatch, text: str, key: str
) -> None:
    monkeypatch.setattr("vistaseg.volume.read_volume", lambda *_: pytest.fail("read first"))
    done = segment("--text", text)
    assert done.code == 4
    assert f"vistaseg weights fetch {key}`" in done.stderr
    assert ("state no license" in done.stderr) == (key == "segvol")


@pytest.fixture
def unread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the scan nor a model may be read."""
    monkeypatch.setattr("vistaseg.volume.read_volume", lambda *_: pytest.fail("scan read first"))
    monkeypatch.setattr("vistaseg.models.registry.load_model", lambda *_: pytest.fail("model loaded first"))


@pytest.mark.usefixtures("unread")
def test_a_text_too_long_is_refused_before_anything_is_read(segment: Command, refine: Command) -> None:
    for command in (segment, refine):
        done = command("--text", " ".join(["xqzjkvwpb" * 5] * 4), "--model", "demo")
        assert done.code == 2 and "too long" in done.stderr


def test_what_vista3d_has_a_class_for_needs_no_vocabulary(segment: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tokenizer, "token_ids", lambda _: pytest.fail("read by SegVol"))
    assert segment("--text", "liver", "--model", "demo").code == 0
