"""The sessions of all volumes of a scene, and the prompts and results that go between them and the segments.

What opens volumes, answers and writes is imported by the first request for it: it costs no time when the panel
is opened.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from vistaseg import catalog
from vistaseg.jobs import Job
from vistaseg.masks.boxed import Mask
from vistaseg.mrml.removals import on_removals
from vistaseg.progress import Progress
from vistaseg.workspace.loaded_models import Load, load_on_best_device
from vistaseg.workspace.messages import Messages
from vistaseg.workspace.operations import Done, SegmentRequest, add_prompt, clear_prompts, remove_prompt
from vistaseg.workspace.segment_links import SegmentLinks
from vistaseg.workspace.targets import SegmentReference
from vistaseg.workspace.tasks import Task, Tasks
from vistaseg.workspace.volume_sessions import VolumeSessions
from vistaseg.workspace.writer import Writer

if TYPE_CHECKING:
    from vistaseg.masks.boxed import MaskChange
    from vistaseg.mrml.removing import WatchedSegmentations
    from vistaseg.prompts import Prompt, Ras, RegionOfInterest
    from vistaseg.session import Identification
    from vistaseg.workspace.automatic import Sealed
    from vistaseg.workspace.volume_session import VolumeSession

T = TypeVar("T")


def _nothing(_: Any) -> None:
    """Who wants to hear nothing."""


class Workspace:
    """One worker, the loaded models and a session for each volume; a panel and an effect are its clients.

    All methods belong to the thread of MRML. The host calls `poll` from a timer while `busy`.

    Args:
        scene: the MRML scene.
        load: gives the model of a key; called in the worker's thread.

    Attributes:
        models: keys of the models that sessions are opened with.
        messages: for the user.
    """

    def __init__(self, scene: Any, load: Load = load_on_best_device) -> None:
        self.models: tuple[str, ...] = ("vista3d",)
        self.messages = Messages(self._changed)
        self._scene = scene
        self._tasks = Tasks(self.messages, self._changed)
        self._volumes = VolumeSessions(scene, load)
        self._links = SegmentLinks(scene, self._tasks, self.messages, self._changed)
        self._listeners: list[Callable[[], None]] = []
        self._written: WatchedSegmentations | None = None
        self._stop_hearing = on_removals(scene, self._prune)

    @property
    def busy(self) -> bool:
        """Whether `poll` has to be called."""
        return self._tasks.busy

    @property
    def task(self) -> Task | None:
        """What the user waits for."""
        return self._tasks.first

    def listen(self, listener: Callable[[], None]) -> Callable[[], None]:
        """Have a function called after anything has changed; call what is returned to stop it."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def poll(self) -> None:
        """Deliver what the worker has done.

        Raises:
            BaseException: of an `on_done`.
        """
        try:
            self._tasks.poll()
        finally:
            for text in self._volumes.take_warnings():
                self.messages.add("warning", text)

    def cancel(self) -> None:
        """Cancel all requests of the user."""
        self._links.clear_pending()
        self._tasks.cancel()

    def leave(self) -> None:
        """The scene is about to be emptied: cancel everything, and say nothing of it in the next one."""
        self._links.clear_pending()
        self._tasks.cancel(silently=True)
        self.messages.clear()

    def close(self, timeout: float = 0.0) -> None:
        """End the thread and let go of everything; nothing is delivered any more.

        Args:
            timeout: s to wait for what runs to stop, which it does after its window.
        """
        self._stop_hearing()
        if self._written is not None:
            self._written.close()
        self._listeners = []
        self._tasks.close(timeout)
        self._volumes.clear()
        self._links.clear()

    def run(
        self,
        title: str,
        work: Callable[[Progress], T],
        on_done: Callable[[T], None] = _nothing,
        on_progress: Callable[[], None] = lambda: None,
    ) -> Job:
        """Do any other work in the worker's thread, which lasts: see `Worker.submit`.

        Args:
            on_progress: called after the work has reported progress; not once it was cancelled.
        """
        return self._tasks.submit(title, work, on_done, lasting=True, reported=on_progress)

    def forget_models(self) -> None:
        """Load models anew: weights have changed."""
        self._volumes.forget_models()
        self._links.clear()

    def segment(
        self,
        volume_node: Any,
        segmentation_node: Any,
        class_ids: Sequence[int],
        region: RegionOfInterest | None = None,
        *,
        writer: Writer | None = None,
        prepare_clicks: bool = False,
        on_done: Callable[[list[str]], None] = _nothing,
        on_ended: Callable[[], None] = lambda: None,
    ) -> Job:
        """Segment classes automatically into new segments.

        Args:
            region: in the volume's local RAS mm.
            writer: makes a step to undo of it; None where that cannot be undone.
            prepare_clicks: see `Session.segment`.
            on_done: called with the ids of the segments.
            on_ended: called in every case, at last.

        Raises:
            InputError: the node is not a usable volume, or the segments are surfaces.
            UsageError: a class cannot be segmented.
        """
        from vistaseg.mrml.converting import require_labelmaps
        from vistaseg.workspace.automatic import Earlier, not_found, put, sealed

        volumes = self._volumes_of(volume_node)
        require_labelmaps(segmentation_node)
        count = len(catalog.expand(class_ids))
        title = f"Segmenting {count} structures" if count > 1 else f"Segmenting {catalog.get(class_ids[0]).name}"

        earlier = Earlier(segmentation_node, volume_node, class_ids)

        def work(progress: Progress) -> Sealed:
            earlier.read()
            result = volumes.get(progress).segment(class_ids, region, progress, prepare_clicks)
            return sealed(result, volumes.volume)

        def put_down(made: Sealed) -> None:
            with self._watched().changing(segmentation_node):
                ids = put(segmentation_node, made, volume_node, writer, earlier) if made.result.segments else []
            self.messages.tell(not_found(class_ids, made.result))
            on_done(ids)

        def ended() -> None:
            release()
            on_ended()

        self.messages.begin()
        release = self._links.hold(segmentation_node)
        return self._tasks.submit(
            title,
            work,
            put_down,
            valid=lambda: volumes.unchanged(self._scene) and self._holds(segmentation_node),
            ended=ended,
        )

    def prompt(self, target: SegmentReference, prompt: Prompt, writer: Writer | None, on_done: Done = _nothing) -> None:
        """Answer one more prompt on a segment, as one step.

        Prompts wait while others on the same segment are answered, or while an automatic result for the same
        segmentation is on its way.

        Args:
            prompt: in the volume's local RAS mm.
            writer: None leaves the answer to be looked at, see `proposal`.
            on_done: called with what was found.

        Raises:
            InputError: the node is not a usable volume.
        """
        self.prompt_together(target, [prompt], writer, on_done)

    def prompt_together(
        self, target: SegmentReference, prompts: Sequence[Prompt], writer: Writer | None, on_done: Done = _nothing
    ) -> None:
        """As `prompt`, for several that are answered one after the other and written at once."""
        self._request(target, SegmentRequest(tuple(add_prompt(prompt) for prompt in prompts), writer, on_done))

    def segment_into(
        self, target: SegmentReference, class_ids: Sequence[int], writer: Writer | None, on_done: Done = _nothing
    ) -> None:
        """Let a segment become what classes are automatically; prompts then correct that.

        Args:
            class_ids: ids of the catalogue.
        """
        from vistaseg.workspace.replacing import replace_by_classes

        self._request(target, SegmentRequest((replace_by_classes(class_ids),), writer, on_done))

    def remove_prompt(
        self, target: SegmentReference, index: int, writer: Writer | None, on_done: Done = _nothing
    ) -> None:
        """Answer the prompts of a segment again but for one.

        Args:
            index: place in `prompts`.
        """
        self._request(target, SegmentRequest((remove_prompt(index),), writer, on_done))

    def clear(self, target: SegmentReference, writer: Writer | None, on_done: Done = _nothing) -> None:
        """Take all prompts of a segment back, to the mask that they started from."""
        self._request(target, SegmentRequest((clear_prompts,), writer, on_done))

    def withdraw(self, target: SegmentReference) -> None:
        """Cancel the requests on a segment."""
        self._links.withdraw(target)

    def proposal(self, target: SegmentReference) -> MaskChange | None:
        """What answers without a writer would change in a segment; None where that is nothing."""
        return self._links.proposal(target)

    def accept(self, target: SegmentReference, writer: Writer) -> None:
        """Write what is proposed for a segment."""
        self._links.accept(target, writer)

    def refuse(self, target: SegmentReference) -> None:
        """Take the prompts back that led to what is proposed for a segment."""
        self._links.refuse(target)

    def prompts(self, target: SegmentReference) -> tuple[Prompt, ...]:
        """The prompts that led to a segment's mask, in order, in the volume's local RAS mm."""
        return self._links.prompts(target)

    def identify(
        self,
        volume_node: Any,
        what: Prompt | Mask,
        on_done: Callable[[list[Identification]], None],
        encode: bool = False,
    ) -> Job:
        """Ask what a click, a box or a mask may be; see `Session.identify`.

        Raises:
            InputError: the node is not a usable volume.
        """
        volumes = self._volumes_of(volume_node)
        return self._tasks.submit(
            "Asking what this is",
            lambda progress: volumes.get(progress).identify(what, progress, encode),
            on_done,
            valid=lambda: volumes.unchanged(self._scene),
        )

    def hint(self, volume_node: Any, world: Ras) -> None:
        """Prepare for a click near a place in world RAS mm, while nothing else is to be done."""
        volumes = self._volumes.get(volume_node.GetID())
        session = None if volumes is None else volumes.current
        if volumes is None or session is None or self.task is not None or not volumes.fits(volume_node, self.models):
            return
        from vistaseg.mrml.transforms import to_local

        ras = to_local(volume_node, world)
        known = volumes
        self._tasks.submit_idle(
            lambda progress: session.hint(ras, progress),
            ("hint", volume_node.GetID()),
            lambda: known.unchanged(self._scene),
        )
        self._changed()

    def _request(self, target: SegmentReference, request: SegmentRequest) -> None:
        """Raises InputError where the volume cannot be used, or the segment cannot be written."""
        from vistaseg.mrml.converting import require_labelmaps
        from vistaseg.mrml.placement import require_in_place

        volumes = self._volumes_of(self._scene.GetNodeByID(target.volume_id))
        segmentation_node = target.segmentation(self._scene)
        if segmentation_node is not None:
            require_labelmaps(segmentation_node)
        if target.segment(self._scene) is not None:
            require_in_place(volumes.node, segmentation_node, target.segment_id)
        self.messages.begin()
        self._links.request(target, volumes, request)

    def _volumes_of(self, node: Any) -> VolumeSession:
        """The session of a volume as it is now, with the models of now."""
        return self._volumes.of(node, self.models)

    def _watched(self) -> WatchedSegmentations:
        """The segmentations that results went to; before the first there is nothing to watch."""
        from vistaseg.mrml.removing import WatchedSegmentations

        self._written = self._written or WatchedSegmentations(self._scene)
        return self._written

    def _holds(self, node: Any) -> bool:
        return node.GetID() is not None and self._scene.GetNodeByID(node.GetID()) is node

    def _prune(self) -> None:
        """Let go of what is not in the scene any more, and stop what was done for it."""
        self._volumes.prune()
        self._links.prune()
        self._tasks.stop_invalid()

    def _changed(self) -> None:
        for listener in tuple(self._listeners):
            listener()
