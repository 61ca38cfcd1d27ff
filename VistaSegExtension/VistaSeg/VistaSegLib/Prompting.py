"""Prompts on the chosen segment: answered at once, or collected until the user asks for the answer. No Qt."""

from __future__ import annotations

from vistaseg.errors import VistaSegError
from vistaseg.prompts import Prompt
from vistaseg.workspace import Target
from VistaSegLib import Unanswered
from VistaSegLib.TargetSegment import currentTarget


class Prompting:
    """Hands prompts to the workspace, and keeps those that wait.

    Args:
        selection: see `Selection`.
        workspace: that answers.
    """

    def __init__(self, selection, workspace) -> None:
        self._selection, self._workspace = selection, workspace
        self._waiting: dict[tuple[str, str, str], list[Prompt]] = {}

    @property
    def answered(self) -> tuple[Prompt, ...]:
        """The prompts that led to the segment's mask, in order, in the volume's own coordinates."""
        target = currentTarget(self._selection)
        return self._workspace.prompts(target) if target is not None else ()

    @property
    def waiting(self) -> tuple[Prompt, ...]:
        """Prompts on the chosen segment that were not asked yet, in order."""
        return tuple(self._waiting.get(self._place, ()))

    def ask(self, prompt: Prompt) -> None:
        """Answer a prompt, or let it wait where the user wants to collect them."""
        self._waiting.setdefault(self._place, []).append(prompt)
        if self._selection.parameters.answerAtOnce:
            self.answer()

    def answer(self) -> None:
        """Ask all prompts that wait on the chosen segment; the first on none makes a segment."""
        prompts = self._waiting.pop(self._place, [])
        try:
            for prompt in prompts:
                self._workspace.prompt(self._targetFor(prompt), prompt, self._writer)
        except VistaSegError as error:
            self._workspace.messages.add_error(error)
            self.tidy()

    def remove(self, index: int) -> None:
        """Take one prompt back, of the answered ones first, then of those that wait."""
        answered = len(self.answered)
        if index >= answered:
            del self._waiting[self._place][index - answered]
        else:
            self._tryTo(lambda target: self._workspace.remove_prompt(target, index, self._writer))

    def clear(self) -> None:
        """Take all prompts on the chosen segment back, to the mask that they started from."""
        self._waiting.pop(self._place, None)
        if self.answered:
            self._tryTo(lambda target: self._workspace.clear(target, self._writer))

    def forget(self) -> None:
        """The scene is about to go: prompts that wait go with it."""
        self._waiting.clear()

    def tidy(self) -> None:
        """Remove what was made for a result which did not come; not while something runs."""
        if self._workspace.task is None:
            self.close()

    def close(self) -> None:
        """Remove what was made for a result which is not there yet, whatever runs."""
        Unanswered.tidy(self._selection.removeSegmentation)

    def _targetFor(self, prompt: Prompt) -> Target:
        target = currentTarget(self._selection)
        if target is None:
            from VistaSegLib.NewSegment import addSegmentFor  # with the first prompt: the panel opens without it

            Unanswered.noteSegment(*addSegmentFor(self._selection, prompt))
            target = currentTarget(self._selection)
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
    def _place(self) -> tuple[str, str, str]:
        nodes = (self._selection.volumeNode, self._selection.segmentationNode)
        volumeId, segmentationId = (node.GetID() if node is not None else "" for node in nodes)
        return volumeId, segmentationId, self._selection.segmentId
