"""The segments that are worked on: requests, and what becomes of their results."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from vistaseg.workspace.messages import Messages, masking_note
from vistaseg.workspace.operations import SegmentRequest, SegmentResult
from vistaseg.workspace.targets import SegmentReference
from vistaseg.workspace.tasks import Tasks
from vistaseg.workspace.writer import Writer

if TYPE_CHECKING:
    from vistaseg.masks.boxed import MaskChange
    from vistaseg.prompts import Prompt
    from vistaseg.workspace.links import SegmentLink
    from vistaseg.workspace.volume_session import VolumeSession


class SegmentLinks:
    """The links of the segments of a scene with those of sessions, each with one job at a time.

    Args:
        scene: the MRML scene.
        tasks: where the jobs go.
        messages: for what the user should know of the results.
        changed: called after a proposal was accepted or refused.
    """

    def __init__(self, scene: Any, tasks: Tasks, messages: Messages, changed: Callable[[], None]) -> None:
        self._scene, self._tasks, self._messages, self._changed = scene, tasks, messages, changed
        self._links: dict[SegmentReference, SegmentLink] = {}
        self._held: list[str] = []

    def get(self, target: SegmentReference) -> SegmentLink | None:
        """The link of a segment that had a request."""
        return self._links.get(target)

    def request(self, target: SegmentReference, volumes: VolumeSession, request: SegmentRequest) -> None:
        """Do something to a segment, after its earlier requests.

        Args:
            volumes: the session of its volume.
        """
        before = self.get(target)
        waits = before is not None and before.volumes is not volumes and (before.busy or before.pending)
        if before is not None and waits and self._valid(before):
            # Other models were chosen meanwhile: their request starts from the answer that is on its way.
            before.following.append(lambda: self.request(target, volumes, request))
            return
        link = self._link(target, volumes)
        link.pending.append(request)
        self._go_on(link)

    def hold(self, segmentation_node: Any) -> Callable[[], None]:
        """Let requests on the segments of a node wait: these are about to be replaced; call what is returned to end it.

        A request then starts from the new masks.
        """
        held = segmentation_node.GetID()
        self._held.append(held)

        def release() -> None:
            self._held.remove(held)
            for link in list(self._links.values()):
                self._go_on(link)

        return release

    def withdraw(self, target: SegmentReference) -> None:
        """Cancel the requests on a segment."""
        link = self.get(target)
        if link is not None:
            link.forget_waiting()
            if link.job is not None:
                link.job.cancel()

    def clear_pending(self) -> None:
        """Forget what waits for another job on the same segment."""
        for link in self._links.values():
            link.forget_waiting()

    def proposal(self, target: SegmentReference) -> MaskChange | None:
        """What answers without a writer would change in a segment; None where that is nothing."""
        link = self.get(target)
        return None if link is None or not self._valid(link) else link.proposal(self._scene)

    def accept(self, target: SegmentReference, writer: Writer) -> None:
        """Write what is proposed for a segment."""
        change = self.proposal(target)
        if change is not None:
            link = self._links[target]
            self._tell_kept_back(link, link.accept(self._scene, change, writer), writer)
            self._changed()

    def refuse(self, target: SegmentReference) -> None:
        """Take the prompts back that led to what is proposed for a segment."""
        link = self.get(target)
        if link is not None and link.session is not None and self._valid(link):
            link.refuse(self._scene)
            self._changed()

    def prompts(self, target: SegmentReference) -> tuple[Prompt, ...]:
        """The prompts that led to a segment's mask: those of its session, else those that the segment remembers."""
        segment = target.segment(self._scene)
        if segment is None:
            return ()
        link = self.get(target)
        if link is None or link.session is None or not link.volumes.unchanged(self._scene):
            return self._remembered(target)
        if not link.busy and link.is_displaced(self._scene):
            return self._remembered(target)
        link.follow(self._scene)
        return link.session.prompts(target.key)

    def _remembered(self, target: SegmentReference) -> tuple[Prompt, ...]:
        """The prompts that a segment remembers of the volume, where they lie on it as it is now."""
        from vistaseg.mrml.placement import noted_volume
        from vistaseg.mrml.volumes import grid_of
        from vistaseg.workspace.memory import moved, prompts_of, recall

        segment, volume_node = target.segment(self._scene), self._scene.GetNodeByID(target.volume_id)
        document = recall(segment)
        if volume_node is not None and volume_node.GetImageData() is not None:
            if noted_volume(segment, volume_node) is False:
                return ()
            document = moved(document, grid_of(volume_node).ijk_to_ras)
        return prompts_of(document)

    def prune(self) -> None:
        """Let go of segments that are gone, or whose volume is."""
        for target, link in list(self._links.items()):
            volume_node = self._scene.GetNodeByID(target.volume_id)
            if volume_node is not link.volumes.node or target.segment(self._scene) is None:
                del self._links[target]
                if link.volumes.current is not None:
                    link.volumes.current.forget(target.key)

    def clear(self) -> None:
        """Let go of all links."""
        self._links.clear()

    def _link(self, target: SegmentReference, volumes: VolumeSession) -> SegmentLink:
        from vistaseg.workspace.links import SegmentLink

        link = self.get(target)
        if link is None or link.volumes is not volumes:
            link = self._links[target] = SegmentLink(target, volumes)
        return link

    def _go_on(self, link: SegmentLink) -> None:
        """Do what waits on a segment, if nothing is in the way."""
        if link.pending and not link.busy and link.target.segmentation_id not in self._held and self._valid(link):
            self._start(link)

    def _start(self, link: SegmentLink) -> None:
        """Start the first request that waits on a segment."""
        from vistaseg.workspace.answering import answer

        request = link.pending.pop(0)
        target, volumes = link.target, link.volumes
        start, earlier = link.changed_segment(self._scene), link.earlier
        link.begin(self._scene)

        def done(outcome: SegmentResult) -> None:
            self._receive(link, outcome, request)

        def ended() -> None:
            link.job, link.busy = None, False
            following, link.following = link.following, []
            self._go_on(link)
            for ask in following:
                ask()

        # Before it is submitted: listeners are notified then, and ask for the prompts.
        link.busy = True
        link.job = self._tasks.submit(
            f"Answering on {target.segment(self._scene).GetName()}",
            lambda progress: answer(volumes.get(progress), target.key, start, earlier, request.operations, progress),
            done,
            valid=lambda: self._valid(link),
            ended=ended,
        )

    def _receive(self, link: SegmentLink, outcome: SegmentResult, request: SegmentRequest) -> None:
        """Show the notes of an outcome, write it into the scene, and call the request's `on_done`."""
        for note in outcome.notes:
            self._messages.tell(note)
        try:
            self._tell_kept_back(link, link.receive(self._scene, outcome, request.writer), request.writer)
        finally:
            for error in outcome.errors:  # last, where the panel shows them
                self._messages.add_error(error)
        request.on_done(outcome)

    def _tell_kept_back(self, link: SegmentLink, voxels: int, writer: Writer | None) -> None:
        if writer is not None and voxels:
            self._messages.tell(masking_note(voxels, writer.masking, link.has_other_voxels(self._scene)))

    def _valid(self, link: SegmentLink) -> bool:
        return (
            self.get(link.target) is link
            and link.volumes.unchanged(self._scene)
            and link.target.segment(self._scene) is not None
        )
