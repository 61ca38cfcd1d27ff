"""What to segment and with what: checked, loaded, and run on a scan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vistaseg.pipeline.loading import check_texts, check_weights, load_models
from vistaseg.pipeline.reporter import Reporter, Silent
from vistaseg.pipeline.structures import RequestedStructures
from vistaseg.prompts import RegionOfInterest, Text

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.segmentation import Segmentation
    from vistaseg.volume import Volume

CheckSegments = Callable[[Sequence[str], Sequence[int]], None]
"""Called with the names and ids of the segments to come, before the work; raises where they cannot be written."""


def accept_all(names: Sequence[str], ids: Sequence[int]) -> None:
    """Any segments can be written."""


@dataclass(frozen=True, eq=False)
class Result:
    """What a run found.

    Attributes:
        requested: names of the segments that were requested.
        left_out: names of what was requested and the model does not know.
        notes: what a user should know of the result, a sentence or two each.
        prompts: JSON-able, each prompt and how it was answered; none for a request by class.
    """

    segmentation: Segmentation
    requested: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    prompts: tuple[dict[str, Any], ...] = ()

    @property
    def not_found(self) -> list[str]:
        """Names of what was requested and is in no voxel."""
        found = {segment.name for segment in self.segmentation.segments}
        return [name for name in self.requested if name not in found]


@dataclass(frozen=True)
class Plan:
    """One request: for classes, or by prompts where there are texts or a box.

    Attributes:
        structures: the classes.
        region: where they are labelled, or None for the whole volume; RAS mm.
        texts: each makes a segment.
        box: goes with each text, or makes a segment alone; RAS mm.
        models: keys, the preferred first.
        device, precision: names that `vistaseg.compute.choose_compute` takes.
        memory: limit of the working memory in GB, or None.
    """

    structures: RequestedStructures = RequestedStructures()
    region: RegionOfInterest | None = None
    texts: tuple[Text, ...] = ()
    box: RegionOfInterest | None = None
    models: tuple[str, ...] = ("vista3d",)
    device: str = "auto"
    precision: str = "auto"
    memory: float | None = None

    @property
    def prompted(self) -> bool:
        """Whether it is by prompts."""
        return bool(self.texts) or self.box is not None

    def check(self) -> None:
        """Check what can be known before a scan is read.

        Raises:
            UsageError: a text cannot be read.
            WeightsError: weights are not installed.
        """
        check_weights(self.models)
        check_texts(self.models, self.texts)

    def load(self, reporter: Reporter | None = None) -> list[SegmentationModel]:
        """The models.

        Raises:
            UsageError, WeightsError: see `load_models`.
        """
        # One request encodes each window once: nothing is worth keeping for a second one.
        keep = len(self.texts) > 1
        return load_models(self.models, self.device, self.precision, keep, reporter or Silent(), self.memory)

    def run(
        self,
        volume: Volume,
        models: Sequence[SegmentationModel],
        reporter: Reporter | None = None,
        check_segments: CheckSegments = accept_all,
    ) -> Result:
        """Segment a scan that `vistaseg.volume.check_ct` accepted.

        Args:
            models: of `load`; they serve any number of scans.

        Raises:
            UsageError: the models do not know what was named, or `check_segments` refuses the segments.
            InputError, MemoryLimitError, CancelledError: of the session.
        """
        from vistaseg.pipeline.segmenting import segment_by_prompts, segment_classes
        from vistaseg.session import Session

        segment = segment_by_prompts if self.prompted else segment_classes
        return segment(self, Session(volume, *models), reporter or Silent(), check_segments)
