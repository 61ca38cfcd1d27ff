"""What the rest of the program has to know of a model before it is loaded, and what loads it. Imports no PyTorch."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from torch import Tensor

    from vistaseg.compute import Compute, MemoryBudget
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.models.recipe import Recipe

PromptKind = Literal["point", "box", "text"]


@dataclass(frozen=True)
class SlidingWindows:
    """How a model covers a whole scan.

    Attributes:
        spacing: of the network's image, in mm along each axis.
        window: voxels of a window along each axis.
        overlap: of neighbouring windows, a fraction of their sides.
    """

    spacing: tuple[float, float, float]
    window: tuple[int, int, int]
    overlap: float

    def count(self, size_mm: Sequence[float]) -> int:
        """Windows that a whole volume takes, at most.

        Args:
            size_mm: sides of the volume along its axes.
        """
        sides = zip(size_mm, self.spacing, self.window, strict=True)
        return math.prod(self._along(side / spacing, window) for side, spacing, window in sides)

    def _along(self, voxels: float, window: int) -> int:
        interval = int(window * (1 - self.overlap))
        return 1 + math.ceil(max(0.0, voxels - window) / interval)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two answers of a network that should be the same.

    Attributes:
        what: "precision", of a window in fp32 and in the chosen precision; or "padding", of a scan that is shorter than
            a window, by MONAI's own function and by VistaSeg.
        expected, found: of the same shape.
    """

    what: Literal["precision", "padding"]
    expected: Tensor
    found: Tensor


@dataclass(frozen=True, eq=False)
class ModelSpec:
    """One model.

    Attributes:
        key: its name on the command line, in sessions and in provenance.
        title: for people.
        prompts: kinds of prompts that it takes.
        load: reads the weights; see `vistaseg.models.registry.load_model`.
        class_ids: ids of the catalogue that can be requested directly, ascending; none where it knows no ids.
        sliding_windows: how it covers a whole scan to segment it automatically; None where it cannot.
        bundled: whether its weights come with its package. Others are published, and have an entry in
            `Resources/weights.json` under the same key.
        box_trained: whether its weights were trained with boxes.
        thread_seconds: a window takes on one thread of a server's CPU.
        check_name: refuses a text that is not the name of a structure with a UsageError.
        spelling: the name that the model gets where a user gives this one.
        check_text: refuses a name that the network cannot read with a UsageError; may import PyTorch.
        compare: answers of the loaded model to compare, for `vistaseg doctor`.
    """

    key: str
    title: str
    prompts: frozenset[PromptKind]
    load: Callable[[Compute, MemoryBudget, Recipe], SegmentationModel]
    class_ids: Callable[[], tuple[int, ...]] = tuple
    sliding_windows: Callable[[], SlidingWindows | None] = lambda: None
    bundled: bool = False
    box_trained: bool = False
    thread_seconds: float = 0.0
    check_name: Callable[[str], None] = lambda text: None
    spelling: Callable[[str], str] = lambda text: text
    check_text: Callable[[str], None] = lambda text: None
    compare: Callable[[SegmentationModel, str], Iterable[Comparison]] = lambda model, padding: ()

    @property
    def reads_names(self) -> bool:
        """Whether any text can be requested."""
        return "text" in self.prompts

    def expected_windows(self, size_mm: Sequence[float]) -> int:
        """Windows that the first automatic segmentation of a whole volume takes, at most; 0 for a model without.

        Args:
            size_mm: sides of the volume along its axes.
        """
        windows = self.sliding_windows()
        return 0 if windows is None else windows.count(size_mm)
