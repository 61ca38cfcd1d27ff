"""Several models in one session: who answers what, and what becomes of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from vistaseg.errors import UsageError
from vistaseg.masks.boxed import NO_VOXELS, BoxedMask, MaskChange
from vistaseg.models.protocol import ClassMasks, ModelIdentity, PromptAnswer, PromptQuestion
from vistaseg.progress import Progress
from vistaseg.prompts import Point, Ras, RegionOfInterest, Text
from vistaseg.session import Session
from vistaseg.volume import Volume

SHAPE = (9, 8, 7)
CENTRE = Point((3.0, 4.0, 4.0))
SPLEEN, LIVER, TUMOR = 3, 1, 26


class Recording:
    """A volume before a model that paints a slice for each prompt and remembers what it was asked."""

    def __init__(self, engine: str, plane: int) -> None:
        self.engine, self.plane, self.questions = engine, plane, list[PromptQuestion]()

    def windows(self, region: RegionOfInterest | None = None) -> int:
        return 1

    def segment_classes(
        self,
        class_ids: Sequence[int],
        region: RegionOfInterest | None,
        progress: Progress,
        prepare_clicks: bool = False,
    ) -> ClassMasks:
        labels = np.zeros(SHAPE, np.uint8)
        for place, class_id in enumerate(i for i in class_ids if i != TUMOR):
            labels[place] = class_id
        tumor = np.zeros(SHAPE, np.uint8)
        tumor[8] = 1
        return ClassMasks(labels, {TUMOR: tumor} if TUMOR in class_ids else {})

    def hint(self, ras: Ras, progress: Progress) -> None:
        pass

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        self.questions.append(question)
        painted = np.zeros(SHAPE, bool)
        painted[:, self.plane] = True
        return PromptAnswer(MaskChange(BoxedMask.of(painted), NO_VOXELS), {"engine": self.engine}, "")


class Model:
    notice = ""
    computed_on = {"device": "cpu", "precision": "fp32"}

    def __init__(self, key: str, title: str, class_ids: tuple[int, ...], takes: set[type], plane: int) -> None:
        self.identity = ModelIdentity(key, title, key * 4)
        self.class_ids, self.takes = class_ids, frozenset(takes)
        self.trained_with = self.takes
        self.opened = Recording(key, plane)

    def open(self, volume: Volume) -> Any:
        return self.opened


@pytest.fixture
def classes() -> Model:
    return Model("classes", "Classes", (LIVER, SPLEEN, 5, 14, TUMOR), {Point, RegionOfInterest}, 1)


@pytest.fixture
def reader() -> Model:
    return Model("segvol", "Reader", (), {Point, RegionOfInterest, Text}, 5)


@pytest.fixture
def volume() -> Volume:
    return Volume.from_array(np.zeros(SHAPE, np.int16), np.eye(4), axes="kji")


@pytest.fixture
def session(volume: Volume, classes: Model, reader: Model) -> Session:
    found = Session(volume, classes, reader)
    found.start("a")
    return found


@pytest.mark.parametrize("text", ["spleen", "Spleens", "spleeen"])
def test_a_structure_of_the_catalogue_is_answered_by_class_and_the_answer_says_so(
    session: Session, classes: Model, reader: Model, text: str
) -> None:
    answer = session.add(Text(text), "a")
    assert answer.mask.voxel_count == SHAPE[1] * SHAPE[2]
    assert answer.note == f'"{text}" was answered by Classes, which knows spleen by class.'
    assert not classes.opened.questions and not reader.opened.questions


def test_a_name_for_several_structures_gives_all_of_them(session: Session) -> None:
    assert session.add(Text("kidneys"), "a").mask.voxel_count == 2 * SHAPE[1] * SHAPE[2]


def test_structures_within_others_are_found_too(session: Session) -> None:
    assert session.add(Text("liver tumor"), "a").mask.box.start[2] == 8


def test_what_has_no_class_is_read_in_the_trained_spelling(session: Session, reader: Model) -> None:
    note = session.add(Text("oesophagus"), "a").note
    assert reader.opened.questions[0].prompts == (Text("esophagus"),)
    assert '"oesophagus" was read by Reader, asked for "esophagus"' in note
    assert "because Classes has no class for it" in note


def test_a_text_longer_than_any_name_is_refused_before_a_model_is_asked(session: Session, reader: Model) -> None:
    with pytest.raises(UsageError, match="A name has at most 200 letters"):
        session.add(Text("x" * 201), "a")
    assert not reader.opened.questions


@pytest.mark.parametrize("text", ["breast", "metastasis", "spleen vessel"])
def test_what_only_resembles_a_structure_is_not_taken_for_it(session: Session, reader: Model, text: str) -> None:
    session.add(Text(text), "a")
    assert reader.opened.questions[0].prompts == (Text(text),)


def test_what_is_in_the_segment_already_was_found_all_the_same(session: Session) -> None:
    session.add(Text("spleen"), "a")
    assert session.add(Text("Spleen"), "a").note.endswith("is in the segment already.")


def test_a_given_mask_and_prompts_that_changed_nothing_are_no_models_work(session: Session) -> None:
    session.set_mask("given", np.ones(SHAPE, bool))
    session.set_mask("kept", np.ones(SHAPE, bool))
    session.add(Text("spleen"), "kept")
    for segment in session.segmentation().segments:
        assert segment.provenance["algorithm_type"] == "MANUAL"
        assert not {"model", "algorithm_name", "weights_sha256"} & set(segment.provenance)


BOX = RegionOfInterest((0.0, 0.0, 0.0), (3.0, 3.0, 3.0))


def test_a_box_goes_to_the_model_that_was_trained_with_boxes(session: Session, classes: Model, reader: Model) -> None:
    classes.trained_with = frozenset({Point})
    session.add(Point((1.0, 1.0, 1.0)), "a")
    assert len(classes.opened.questions) == 1, "clicks go to the first model"
    answer = session.add(BOX, "a")
    assert len(reader.opened.questions) == 1 and answer.note == ""


def test_a_box_stays_with_its_segments_model_where_that_was_trained_with_boxes(
    session: Session, classes: Model, reader: Model
) -> None:
    session.add(Point((1.0, 1.0, 1.0)), "a", model="segvol")
    session.add(BOX, "a")
    assert len(reader.opened.questions) == 2 and not classes.opened.questions


def test_where_no_model_was_trained_with_boxes_the_user_is_told_what_a_box_does(
    volume: Volume, classes: Model, reader: Model
) -> None:
    classes.trained_with = reader.trained_with = frozenset({Point})
    for models, last in ((([classes]), "classes"), ([classes, reader], "classes")):
        session = Session(volume, *models)
        session.start("a")
        assert session.route(BOX).model == last
        note = session.add(BOX, "a").note
        assert note.startswith("Classes was not trained with boxes. It takes a box as a click in its middle")


def test_by_choice_a_box_is_answered_as_a_click_and_that_is_said(session: Session, classes: Model) -> None:
    classes.trained_with = frozenset({Point})
    assert "was not trained with boxes" in session.add(BOX, "a", model="classes").note
    assert len(classes.opened.questions) == 1


def test_the_user_may_fix_the_model(session: Session, reader: Model) -> None:
    session.add(Text("liver"), "a", model="segvol")
    assert reader.opened.questions[0].prompts == (Text("liver"),)
    with pytest.raises(UsageError, match='Classes knows no "uterus"'):
        session.add(Text("uterus"), "a", model="classes")
    with pytest.raises(UsageError, match="not open here"):
        session.add(CENTRE, "a", model="other")


def test_a_sentence_is_refused_whoever_would_answer(session: Session) -> None:
    with pytest.raises(UsageError, match="not sentences"):
        session.add(Text("the cyst in the left kidney"), "a")
    assert session.prompts("a") == ()


def test_without_a_reader_the_nearest_names_are_given(volume: Volume, classes: Model) -> None:
    alone = Session(volume, classes)
    alone.start("a")
    with pytest.raises(UsageError, match=r'Classes knows no "pancreatic head".*pancreas.*SegVol'):
        alone.add(Text("pancreatic head"), "a")


def test_clicks_stay_with_the_model_that_made_the_segment(session: Session, classes: Model, reader: Model) -> None:
    session.start("b")
    session.add(CENTRE, "b")
    assert len(classes.opened.questions) == 1
    session.add(Text("esophagus"), "a")
    session.add(CENTRE, "a")
    assert len(classes.opened.questions) == 1 and len(reader.opened.questions) == 2


def test_a_model_learns_of_others_answers_only_whose_they_are(session: Session, classes: Model) -> None:
    session.add(Text("esophagus"), "a")
    session.add(CENTRE, "a", model="classes")
    assert classes.opened.questions[0].records == ({"engine": "segvol"},)
    session.add(CENTRE, "a")
    assert classes.opened.questions[1].records[1]["engine"] == "classes"


def test_a_text_adds_to_what_there_is(session: Session) -> None:
    session.set_mask("a", np.eye(9, 7)[:, None, :].repeat(8, 1).astype(bool))
    before = session.result("a")
    answer = session.add(Text("spleen"), "a")
    kept = np.zeros(SHAPE, bool)
    kept[before.mask.box.slices_kji] = before.mask.array
    after = np.zeros(SHAPE, bool)
    after[answer.mask.box.slices_kji] = answer.mask.array
    assert after[0].all() and np.array_equal(after[1:], kept[1:])


def test_segments_name_every_model_that_took_part(session: Session) -> None:
    session.add(Text("spleen"), "a")
    session.add(CENTRE, "a", model="segvol")
    session.start("b")
    session.add(CENTRE, "b", model="segvol")
    both, one = (segment.provenance for segment in session.segmentation().segments)
    assert (both["model"], one["model"]) == ("classes, segvol", "segvol")
    assert both["algorithm_name"] == "Classes, Reader"
    assert [prompt["model"] for prompt in both["prompts"]] == ["classes", "segvol"]


def test_a_session_of_several_models_is_done_again_by_the_same(
    session: Session, volume: Volume, classes: Model, reader: Model
) -> None:
    session.add(Text("kidneys"), "a")
    session.add(Text("esophagus"), "a")
    again = Session.replay(volume, [classes, reader], session.as_dict())
    assert again.result("a").mask.equals(session.result("a").mask)
    assert again.prompts("a") == session.prompts("a")
    with pytest.raises(UsageError, match="'segvol' is not open here"):
        Session.replay(volume, [classes], session.as_dict())
