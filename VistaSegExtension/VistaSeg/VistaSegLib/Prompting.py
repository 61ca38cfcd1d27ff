"""Prompts on the chosen segment: answered at once, or collected until the user asks for the answer. No Qt."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from vistaseg.errors import VistaSegError
from vistaseg.prompts import Prompt
from vistaseg.workspace import SegmentReference
from vistaseg.workspace.waiting import drop_lost, keep_waiting, waiting_prompts
from VistaSegLib import Unanswered
from VistaSegLib.TargetSegment import currentTarget


class Prompting:
    """Hands prompts to the workspace, or lets them wait with the volume.

    Args:
        selection: see `Selection`.
        workspace: that answers.
    """

    def __init__(self, selection, workspace) -> None:
        self._selection, self._workspace = selection, workspace

    @property
    def answered(self) -> tuple[Prompt, ...]:
        """The prompts that led to the segment's mask, in order, in the volume's own coordinates."""
        target = currentTarget(self._selection)
        return self._workspace.prompts(target) if target is not None else ()

    @property
    def waiting(self) -> tuple[Prompt, ...]:
        """Prompts on the chosen segment that are not applied yet, in order."""
        return waiting_prompts(*self._place)

    def ask(self, prompt: Prompt) -> None:
        """Answer a prompt, or let it wait where the user wants to collect them."""
        self._dropLost()
        if self._selection.parameters.answerAtOnce:
            self._answer((*self._take(), prompt))
        else:
            keep_waiting(*self._place, (*self.waiting, prompt))

    def answer(self) -> None:
        """Ask all prompts that wait on the chosen segment; the first on none makes a segment."""
        self._dropLost()
        self._answer(self._take())

    def remove(self, index: int) -> None:
        """Take one prompt back, of the answered ones first, then of those that wait."""
        answered = len(self.answered)
        if index >= answered:
            waiting = list(self.waiting)
            del waiting[index - answered]
            keep_waiting(*self._place, waiting)
        else:
            self._tryTo(lambda target: self._workspace.remove_prompt(target, index, self._writer))

    def clear(self) -> None:
        """Take all prompts on the chosen segment back, to the mask that they started from."""
        self._take()
        if self.answered:
            self._tryTo(lambda target: self._workspace.clear(target, self._writer))

    def tidy(self) -> None:
        """Remove what was made for a result which did not come; not while something runs."""
        self._dropLost()
        if self._workspace.task is None:
            self.close()

    def close(self) -> None:
        """Remove what was made for a result which is not there yet, whatever runs."""
        Unanswered.tidy(self._selection.removeSegmentation)

    def _answer(self, prompts: tuple[Prompt, ...]) -> None:
        try:
            for prompt in prompts:
                self._workspace.prompt(self._targetFor(prompt), prompt, self._writer)
        except VistaSegError as error:
            self._workspace.messages.add_error(error)
            self.tidy()

    def _take(self) -> tuple[Prompt, ...]:
        """The prompts that wait, which do not any more."""
        prompts = self.waiting
        if prompts:
            keep_waiting(*self._place, ())
        return prompts

    def _dropLost(self) -> None:
        volume = self._selection.volumeNode
        count = drop_lost(volume) if volume is not None else 0
        if count:
            self._workspace.messages.add("warning", _lostNote(count, volume.GetName()))

    def _targetFor(self, prompt: Prompt) -> SegmentReference:
        target = currentTarget(self._selection)
        if target is None:
            from VistaSegLib.NewSegment import addSegmentFor  # with the first prompt: the panel opens without it

            Unanswered.noteSegment(*addSegmentFor(self._selection, prompt))
            target = currentTarget(self._selection)
            assert target is not None
        return target

    def _tryTo(self, act) -> None:
        try:
            act(currentTarget(self._selection))
        except VistaSegError as error:
            self._workspace.messages.add_error(error)

    @property
    def _writer(self):
        return self._selection.editing.writer()

    @property
    def _place(self) -> tuple[Any, Any, str]:
        """What prompts that wait are kept with."""
        return self._selection.volumeNode, self._selection.segmentationNode, self._selection.segmentId


def _lostNote(count: int, volume: str) -> str:
    return _(
        "Prompts that waited for an answer were put aside ({count}): {volume} was changed, and they cannot be brought "
        "to where they would lie on it now. Place them again."
    ).format(count=count, volume=volume)
