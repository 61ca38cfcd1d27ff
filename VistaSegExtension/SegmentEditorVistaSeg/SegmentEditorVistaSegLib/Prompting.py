"""Asks the workspace on behalf of the editor's segment, and writes or shows what it answers. No Qt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from slicer.i18n import tr as _

from SegmentEditorVistaSegLib.Choice import chosenTarget, requireTarget, segmentationOf, volumeOf
from SegmentEditorVistaSegLib.Naming import areKnown, giveName, meantBy
from SegmentEditorVistaSegLib.Writing import EffectWriter
from vistaseg.errors import InputError, VistaSegError
from vistaseg.geometry.box import VoxelBox
from vistaseg.mrml.reading import read_mask
from vistaseg.mrml.views import require_shown
from vistaseg.mrml.volumes import grid_of
from vistaseg.prompts import Point, Prompt, RegionOfInterest
from vistaseg.workspace import SegmentReference, Workspace
from VistaSegLib.SegmentationOfVolume import otherScanNote

if TYPE_CHECKING:
    from vistaseg.jobs import Job


class EffectPrompting:
    """What the user can ask for; whatever is wrong becomes a message.

    Args:
        scriptedEffect: that writes.
        workspace: that answers.
        previewing: tells whether answers are to be looked at first.
        onAnswered: called when there is one.
    """

    def __init__(
        self, scriptedEffect, workspace: Workspace, previewing: Callable[[], bool], onAnswered: Callable[[object], None]
    ) -> None:
        self._effect, self.workspace = scriptedEffect, workspace
        self._previewing, self._onAnswered = previewing, onAnswered
        self._asked: set[SegmentReference] = set()
        self._naming: Job | None = None
        self._warned: set[tuple[str, str]] = set()

    @property
    def target(self) -> SegmentReference | None:
        """The segment that is selected, or None."""
        return chosenTarget(self._effect)

    @property
    def prompts(self) -> tuple[Prompt, ...]:
        """The prompts of the segment that is selected, in order."""
        target = self.target
        return () if target is None else self.workspace.prompts(target)

    def ready(self) -> bool:
        """Whether there is a segment to work on; says what is missing where there is none."""
        found: list[SegmentReference] = []
        self._do(found.append)
        return bool(found)

    def shownIn(self, sliceNode) -> bool:
        """Whether a view shows the scan of the segment, or none at all; says so where it shows another."""
        try:
            require_shown([sliceNode], volumeOf(requireTarget(self._effect)))
        except VistaSegError as error:
            self.workspace.messages.add_error(error)
            return False
        return True

    def ask(self, *prompts: Prompt) -> None:
        """Answer prompts on the segment."""
        self._do(lambda target: self.workspace.prompt_together(target, prompts, *self._ends(target)))

    def remove(self, index: int) -> None:
        """Take one prompt back: the others are answered again."""
        self._do(lambda target: self.workspace.remove_prompt(target, index, *self._ends(target)))

    def clear(self) -> None:
        """Take all prompts back."""
        self._do(lambda target: self.workspace.clear(target, *self._ends(target)))

    def segmentAutomatically(self) -> None:
        """Let the segment become what its name or codes say."""
        self._do(self._segment)

    def whatIsThis(self, onNames: Callable[[SegmentReference, Sequence], None]) -> None:
        """Ask which structure the segment may be, by its mask, or by its latest click or box where it is empty."""
        self._do(lambda target: self._identify(target, onNames))

    def giveName(self, target: SegmentReference, name: str) -> None:
        """Name a segment, with codes and colour where the catalogue has them."""
        if target == self.target:
            giveName(self._effect, target, name)

    def accept(self) -> None:
        """Write what is shown."""
        self._do(lambda target: self.workspace.accept(target, EffectWriter(self._effect, target)))

    def refuse(self, target: SegmentReference) -> None:
        """Take back what led to what is shown."""
        self.workspace.refuse(target)

    def hint(self, target: SegmentReference, world: tuple[float, float, float]) -> None:
        """The user is looking there."""
        self.workspace.hint(volumeOf(target), world)

    def leave(self) -> None:
        """Take back whatever is not answered yet."""
        if self._naming is not None:
            self._naming.cancel()
        for target in self._asked:
            self.workspace.withdraw(target)
        self._asked.clear()

    def _do(self, action: Callable[[SegmentReference], None]) -> None:
        try:
            target = requireTarget(self._effect)
            self._asked.add(target)
            action(target)
            self._warnOnce(target)
        except VistaSegError as error:
            self.workspace.messages.add_error(error)

    def warn(self, target: SegmentReference) -> None:
        """Say so where the segmentation is of another scan than the source volume."""
        self._warned.add((target.volume_id, target.segmentation_id))
        note = otherScanNote(segmentationOf(target), volumeOf(target))
        if note:
            self.workspace.messages.add("warning", note)

    def _warnOnce(self, target: SegmentReference) -> None:
        if (target.volume_id, target.segmentation_id) not in self._warned:
            self.warn(target)

    def _ends(self, target: SegmentReference) -> tuple[EffectWriter | None, Callable[[object], None]]:
        """What an answer is written with, and who hears of it."""
        return None if self._previewing() else EffectWriter(self._effect, target), self._onAnswered

    def _segment(self, target: SegmentReference) -> None:
        meant = meantBy(target)
        if meant is None:
            raise InputError(_("Name the segment after a structure first, such as liver, then press Auto."))
        title, classIds = meant
        if not areKnown(classIds, self.workspace.models):
            raise InputError(_("The chosen model does not know {title}: click into it instead.").format(title=title))
        self.workspace.segment_into(target, classIds, *self._ends(target))

    def _identify(self, target: SegmentReference, onNames: Callable[[SegmentReference, Sequence], None]) -> None:
        volume = volumeOf(target)
        what: np.ndarray | Prompt | None = self._maskOf(target, volume)
        if what is None:
            what = next((prompt for prompt in reversed(self.prompts) if _saysWhere(prompt)), None)
        if what is None:
            raise InputError(_("The segment is empty: click into the structure first, then ask what it is."))
        self._naming = self.workspace.identify(volume, what, lambda names: onNames(target, names), encode=True)

    def _maskOf(self, target: SegmentReference, volumeNode) -> np.ndarray | None:
        """The segment on the whole grid of the volume, bool (k, j, i); None where it is empty."""
        grid = grid_of(volumeNode)
        mask = read_mask(segmentationOf(target), target.segment_id, volumeNode, grid)
        return None if mask.empty else mask.within(VoxelBox.whole(grid.shape_ijk))


def _saysWhere(prompt: Prompt) -> bool:
    return prompt.positive if isinstance(prompt, Point) else isinstance(prompt, RegionOfInterest)
