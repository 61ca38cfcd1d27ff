"""Prompts of a segment before SegVol: what they mean, and what they change."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from vistaseg.geometry.box import as_index
from vistaseg.masks.boxed import NO_CHANGE, BoxedMask
from vistaseg.models.correction import VoxelClick
from vistaseg.models.protocol import PromptAnswer, PromptQuestion
from vistaseg.models.segvol.changes import anchor_voxel, change_by
from vistaseg.models.segvol.encoding import Texts
from vistaseg.models.segvol.placing import PlacedPrompts, place
from vistaseg.models.segvol.preprocessing import SegVolImage
from vistaseg.models.segvol.records import AnswerRecord, made_alone, own_records
from vistaseg.models.segvol.sides import BodySides
from vistaseg.models.segvol.texts import name_doubt, require_name
from vistaseg.models.segvol.zoom import ZoomOutZoomIn
from vistaseg.progress import Progress
from vistaseg.prompts import Point, Text
from vistaseg.volume import Volume

TEXT_LEFT_OUT = (
    "Clicks and a box were used, and the text was not: SegVol was never trained with all three. Take the clicks or "
    "the box back to have it read."
)
NOTHING_FOUND = (
    "SegVol found nothing, and nothing was changed. Draw a box around the whole structure, or give another name."
)
SAY_WHERE = "There is nothing to take away from yet: first say what the structure is, by a click, a box or a text."


@dataclass(frozen=True, eq=False)
class Answering:
    """Answers prompts about one volume."""

    volume: Volume
    image: SegVolImage
    zoom: ZoomOutZoomIn
    texts: Texts
    sides: BodySides

    def answer(self, question: PromptQuestion, progress: Progress) -> PromptAnswer:
        """What the newest prompt changes.

        A mask that SegVol's prompts alone have made is replaced by what all prompts mean now. To any other mask, a box
        or a text only adds. In both, a click changes the parts of the difference that it touches, as far as there is a
        mask.

        Raises:
            InputError: a prompt lies outside the scan or the body.
            UsageError: the text does not name a structure; or the saved answer to be repeated is not SegVol's.
            MemoryLimitError, CancelledError: nothing was changed.
        """
        own = made_alone(question.records, question.mask.box.empty)
        seed = len(question.prompts) if question.record is None else AnswerRecord.of(question.record).seed
        placed, note = self._placed(question)
        if not placed.says_what:
            return PromptAnswer(NO_CHANGE, AnswerRecord(seed, own, None).as_dict(), SAY_WHERE)
        regions = [record.region for record in own_records(question.records) if record.region is not None]
        found = self.zoom.find(placed, self._text(placed), seed, regions, progress)
        region = None if found.box.empty else found.box.reversed.relative_to(self.image.crop.start)
        record = AnswerRecord(seed, own, region).as_dict()
        doubt = name_doubt(placed.text) if placed.text and isinstance(question.prompts[-1], Text) else ""
        if found.empty:
            return PromptAnswer(NO_CHANGE, record, _joined(note, NOTHING_FOUND, doubt))
        change = change_by(question.mask, found, self._newest_click(question, placed), replace=own)
        side = self.sides.doubt(placed.text, found) if placed.text else ""
        return PromptAnswer(change, record, _joined(note, doubt, side))

    def _placed(self, question: PromptQuestion) -> tuple[PlacedPrompts, str]:
        """The prompts that the network gets, and a sentence about those that are left out."""
        placed, note = place(question.prompts, self.volume.grid, self.image.crop), ""
        if placed.text is not None:
            require_name(placed.text)
        if placed.text is not None and placed.box is not None and placed.clicks:
            placed, note = replace(placed, text=None), TEXT_LEFT_OUT
        return (placed if placed.says_what else self._anchored(placed, question.mask)), note

    def _anchored(self, placed: PlacedPrompts, mask: BoxedMask) -> PlacedPrompts:
        """With the middle of the mask as a positive click: negative ones alone do not say what the structure is."""
        crop = self.image.crop
        away = [as_index(p + a for p, a in zip(click.index, crop.start, strict=True)) for click in placed.clicks]
        anchor = anchor_voxel(mask, away)
        if anchor is None or not crop.holds(anchor):
            return placed
        index = as_index(p - a for p, a in zip(anchor, crop.start, strict=True))
        return replace(placed, clicks=(*placed.clicks, VoxelClick(index, positive=True)))

    def _text(self, placed: PlacedPrompts) -> Tensor | None:
        return None if placed.text is None else self.texts.embedding(placed.text)

    def _newest_click(self, question: PromptQuestion, placed: PlacedPrompts) -> VoxelClick | None:
        """The newest prompt in voxels (k, j, i) of the volume, where it is a click."""
        newest = question.prompts[-1]
        if not isinstance(newest, Point):
            return None
        number = sum(isinstance(prompt, Point) for prompt in question.prompts) - 1
        index = as_index(p + a for p, a in zip(placed.clicks[number].index, self.image.crop.start, strict=True))
        return VoxelClick(index, newest.positive)


def _joined(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
