"""Auto, names, preview: what the options of the effect do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import slicer
from fake_model import FakeVolume

from vistaseg import catalog
from vistaseg.mrml.reading import segment_record
from vistaseg.session.identifying import Identification


def segment(bench: Any, name: str = "a") -> Any:
    return bench.segmentationNode.GetSegmentation().GetSegment(bench.segments[name])


def nodes() -> list[str]:
    return [slicer.mrmlScene.GetNthNode(at).GetID() for at in range(slicer.mrmlScene.GetNumberOfNodes())]


@pytest.mark.parametrize(("name", "low", "high"), [("Spleen", 250, 350), ("liver", 0, 100)])
def test_auto_segments_what_the_segment_is_named_after(bench: Any, name: str, low: int, high: int) -> None:
    segment(bench).SetName(name)
    assert name.lower() in bench.ui.autoButton.text.lower()
    bench.ui.autoButton.click()
    bench.finish()
    assert np.array_equal(bench.mask("a"), bench.region(low, high))
    record = segment_record(bench.segmentationNode, bench.segments["a"])
    assert record.provenance["algorithm_type"] == "AUTOMATIC" and record.name == name
    bench.editor.undo()
    assert not bench.mask("a").any()


def test_auto_goes_by_codes_where_the_name_says_nothing(bench: Any) -> None:
    segment(bench).SetTag("TerminologyEntry", catalog.slicer_terminology_entry(catalog.get(3)))
    bench.effect.work.update()
    bench.ui.autoButton.click()
    bench.finish()
    assert np.array_equal(bench.mask("a"), bench.region(250, 350))


def test_auto_obeys_the_rules_of_the_editor(bench: Any) -> None:
    segment(bench).SetName("spleen")
    bench.editor.node.SetSourceVolumeIntensityMask(True)
    bench.editor.node.SetSourceVolumeIntensityMaskRange(-100, 100)
    bench.ui.autoButton.click()
    bench.finish()
    assert not bench.mask("a").any()


def test_a_click_corrects_what_auto_made_and_both_are_on_record(bench: Any) -> None:
    segment(bench).SetName("spleen")
    bench.ui.autoButton.click()
    bench.finish()
    bench.mouse.click(bench.at("left"))
    bench.finish()
    assert np.array_equal(bench.mask("a"), bench.region(250, 350) | bench.region(600, 600))
    provenance = segment_record(bench.segmentationNode, bench.segments["a"]).provenance
    assert provenance["algorithm_type"] == "SEMIAUTOMATIC"
    assert provenance["corrected"]["algorithm_type"] == "AUTOMATIC"


def test_auto_is_off_for_a_segment_of_no_known_name(bench: Any) -> None:
    segment(bench).SetName("Segment_1")
    assert not bench.ui.autoButton.enabled


def test_a_structure_that_the_model_does_not_know_is_explained(bench: Any) -> None:
    segment(bench).SetName("gallbladder")
    bench.workspace.models = ("segvol",)
    bench.ui.autoButton.click()
    bench.finish()
    assert "does not know" in bench.texts()[-1]


def test_what_is_not_in_the_scan_is_told_and_nothing_is_lost(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    segment(bench).SetName("pancreas")
    bench.ui.autoButton.click()
    bench.finish()
    assert "pancreas" in bench.texts()[-1]
    assert np.array_equal(bench.mask("a"), bench.region(300, 300))


def test_what_is_this_ranks_names_and_one_can_be_taken(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    bench.ui.whatButton.click()
    bench.finish()
    assert bench.ui.namesList.item(0).text().startswith("spleen")
    bench.ui.nameButton.click()
    record = segment_record(bench.segmentationNode, bench.segments["a"])
    assert (record.name, record.structure_id, record.color) == ("spleen", 3, catalog.get(3).color)
    assert record.terminology == catalog.get(3).terminology
    bench.editor.undo()
    assert segment(bench).GetName() == "a"
    assert np.array_equal(bench.mask("a"), bench.region(300, 300))


def test_a_name_outside_the_catalogue_is_only_a_name(bench: Any) -> None:
    bench.effect.work._onNames(bench.target("a"), [Identification("left ventricle wall", 0.9, "probability", "segvol")])
    bench.ui.nameButton.click()
    assert segment(bench).GetName() == "left ventricle wall"


def test_names_that_come_for_another_segment_are_not_shown(bench: Any) -> None:
    bench.mouse.click(bench.at("right"))
    bench.finish()
    bench.ui.whatButton.click()
    bench.editor.node.SetSelectedSegmentID(bench.segments["b"])
    bench.finish()
    assert bench.ui.namesList.count == 0


def test_an_empty_segment_cannot_be_named(bench: Any) -> None:
    bench.ui.whatButton.click()
    bench.finish()
    assert "click into the structure first" in bench.texts()[-1]


def preview(bench: Any) -> None:
    bench.ui.previewCheckBox.setChecked(True)
    bench.mouse.click(bench.at("right"))
    bench.finish()


def test_a_preview_writes_nothing_until_it_is_applied(bench: Any) -> None:
    before = nodes()
    preview(bench)
    assert not bench.mask("a").any() and not bench.editor.can_undo
    assert bench.effect.work.preview.shown and bench.ui.acceptButton.enabled
    bench.ui.acceptButton.click()
    assert np.array_equal(bench.mask("a"), bench.region(300, 300))
    assert nodes() == before and not bench.ui.acceptButton.enabled
    assert len(bench.workspace.prompts(bench.target("a"))) == 1
    bench.editor.undo()
    assert not bench.mask("a").any() and bench.workspace.prompts(bench.target("a")) == ()


def test_prompts_refine_a_preview_before_it_is_applied(bench: Any) -> None:
    preview(bench)
    bench.mouse.click(bench.at("left"))
    bench.finish()
    bench.ui.acceptButton.click()
    assert np.array_equal(bench.mask("a"), bench.region(300, 300) | bench.region(600, 600))
    assert len(bench.workspace.prompts(bench.target("a"))) == 2


def test_a_cancelled_preview_takes_its_prompts_back(bench: Any) -> None:
    before = nodes()
    preview(bench)
    bench.ui.refuseButton.click()
    assert bench.workspace.prompts(bench.target("a")) == () and not bench.mask("a").any()
    assert nodes() == before and bench.lines() == 0


@pytest.mark.parametrize("how", ["segment", "effect", "scene"])
def test_a_preview_goes_with_what_it_was_for(bench: Any, how: str) -> None:
    preview(bench)
    if how == "segment":
        bench.editor.node.SetSelectedSegmentID(bench.segments["b"])
    elif how == "effect":
        bench.editor.deactivate()
    else:
        slicer.mrmlScene.Clear(0)
        bench.editor.reset()
    assert not [node for node in nodes() if "Segmentation" in node and node not in _own(bench)]
    if how != "scene":
        assert bench.workspace.prompts(bench.target("a")) == () and not bench.mask("a").any()


def _own(bench: Any) -> list[str]:
    node = bench.segmentationNode
    return [node.GetID() or "", node.GetDisplayNodeID() or ""]


def test_a_preview_obeys_the_rules_when_it_is_applied(bench: Any) -> None:
    preview(bench)
    bench.editor.node.SetSourceVolumeIntensityMask(True)
    bench.editor.node.SetSourceVolumeIntensityMaskRange(-100, 100)
    bench.ui.acceptButton.click()
    assert not bench.mask("a").any()


def test_a_preview_pulsates(bench: Any) -> None:
    preview(bench)
    node = bench.effect.work.preview._node
    seen = set()
    for _ in range(3):
        seen.add(node.GetDisplayNode().GetOpacity2DOutline())
        bench.effect.work.preview._pulse()
    assert len(seen) == 3
    assert not node.GetSaveWithScene() and node.GetHideFromEditors()


def test_clicks_are_on_a_known_organ_where_that_is_chosen(bench: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    answer = FakeVolume.answer

    def note(self: FakeVolume, question: Any, progress: Any) -> Any:
        asked.append(question.known_organ)
        return answer(self, question, progress)

    monkeypatch.setattr(FakeVolume, "answer", note)
    assert bench.ui.kindCombo.currentText == "something new"
    bench.mouse.click(bench.at("left"))
    bench.finish()
    bench.editor.node.SetSelectedSegmentID(bench.segments["b"])
    bench.ui.kindCombo.setCurrentIndex(1)
    bench.mouse.click(bench.at("right"))
    bench.finish()
    assert asked == [False, True]
    bench.editor.node.SetSelectedSegmentID(bench.segments["a"])
    assert bench.ui.kindCombo.currentText == "something new"
    segment(bench, "c").SetTag("TerminologyEntry", catalog.slicer_terminology_entry(catalog.get(3)))
    segment(bench, "c").SetTag("VistaSeg.StructureId", "3")
    bench.editor.node.SetSelectedSegmentID(bench.segments["c"])
    assert not bench.ui.kindCombo.enabled
