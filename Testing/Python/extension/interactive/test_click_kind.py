"""Whether clicks on what has no class are on something new or on an organ of a kind the model knows."""

from __future__ import annotations

import pytest
from panel_case import LEFT_KIDNEY, MIDDLES, SPLEEN, load_scene, save_scene


@pytest.fixture
def asked(case, section, monkeypatch):
    """What the model is told of each question: whether it is on a known organ."""
    from fake_model import FakeVolume

    told: list[bool] = []
    answer = FakeVolume.answer

    def note(self, question, progress):
        told.append(question.known_organ)
        return answer(self, question, progress)

    monkeypatch.setattr(FakeVolume, "answer", note)
    return told


def place(case, section, middle):
    section.ui.positiveButton.click()
    case.click(MIDDLES[middle])


def test_clicks_are_on_something_new_unless_a_known_organ_is_chosen(case, section, asked):
    assert section.ui.kindCombo.currentText == "something new"
    place(case, section, SPLEEN)
    section.ui.nextButton.click()
    section.ui.kindCombo.setCurrentIndex(1)
    case.click(MIDDLES[LEFT_KIDNEY])
    assert asked == [False, True]
    assert section.ui.kindCombo.currentText == "a known organ"
    case.selection.segmentId = case.segments["object 1"]
    assert section.ui.kindCombo.currentText == "something new"


def test_the_choice_of_a_segment_can_be_changed_for_its_next_clicks(case, section, asked):
    place(case, section, SPLEEN)
    section.ui.kindCombo.setCurrentIndex(1)
    case.click(MIDDLES[LEFT_KIDNEY])
    assert asked == [False, True]
    assert case.selection.parameters.knownOrgan is False  # a new segment is something new as before


def test_a_structure_of_the_catalogue_leaves_no_choice(case, section, asked):
    section.ui.textLine.text = "spleen"
    section.ui.textLine.returnPressed.emit()
    case.settle()
    assert not section.ui.kindCombo.enabled and section.ui.kindCombo.currentText == ""
    section.ui.nextButton.click()
    assert section.ui.kindCombo.enabled


def test_the_choice_is_saved_with_the_scene(case, section, asked, tmp_path):
    section.ui.kindCombo.setCurrentIndex(1)
    place(case, section, SPLEEN)
    load_scene(save_scene(tmp_path))
    case.settle()
    assert case.selection.parameters.knownOrgan is True
    assert section.ui.kindCombo.currentText == "a known organ"
    place(case, section, LEFT_KIDNEY)
    assert asked == [True, True]
