"""How much memory a model may take beside its weights and the scan."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from vistaseg.compute.memory import available_bytes

FEATURES_SHARE = 0.3
WINDOWS_SHARE = 0.1


@dataclass(frozen=True)
class MemoryBudget:
    """Bytes, of each scan; None leaves a budget to the program.

    Attributes:
        features: kept for later questions about classes; by itself 0.3 of the memory that is free.
        windows: kept for later clicks and texts; by itself a tenth of what is free on the device.
        encoding: what encoding takes at its peak, with smaller windows where it is short; by itself no limit.
    """

    features: int | None = None
    windows: int | None = None
    encoding: int | None = None

    def for_features(self) -> int:
        """The budget of features, which are kept in the computer's own memory."""
        free = available_bytes(torch.device("cpu"))
        return int(FEATURES_SHARE * free) if self.features is None else self.features

    def for_windows(self, device: torch.device) -> int:
        """The budget of windows, which are kept on the device."""
        return int(WINDOWS_SHARE * available_bytes(device)) if self.windows is None else self.windows


DEFAULT_BUDGET = MemoryBudget()
"""All of it left to the program."""
