"""The rules between a network and a mask: named and versioned, because every one of them changes masks."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

VERSION = 2
"""Of the rules that `Recipe` stands for by default; whatever changes masks counts it up."""

RULES: dict[str, dict[str, str]] = {
    "padding": {
        "zero": "a window of the automatic pass that reaches beyond the image is filled up with 0 (MONAI/vista3d)",
        "replicate": "it is filled up with the nearest voxel (nvidia/NV-Segment-CT)",
    },
    "click_place": {
        "exact": "a click lies where it was made, between the network's voxels (MONAI/vista3d)",
        "voxel": "a click lies in the middle of the network's voxel that it was made in",
    },
    "merging": {
        "touched": "a click changes the connected part of the difference that it touches",
        "published": "as MONAI's `connected_components_combine`: every click in the window counts, near ones too",
    },
    "air": {
        "scan": "a window is skipped where no voxel of the scan above -500 HU takes its label from it",
        "image": "a window is skipped where no voxel of the resampled image is above -900 HU",
    },
    "box": {
        "shown": "SegVol's box goes from the first voxel of the shrunk scan that shows one of the box to the last",
        "reached": "it goes from where its first voxel lies in the shrunk scan to where its last one does",
    },
}
"""Every rule and what it may be. A model that has no use for a rule leaves it at its default."""


@dataclass(frozen=True)
class Recipe:
    """One choice of each rule in `RULES`, where they are described.

    Attributes:
        version: of the set of rules.
    """

    padding: str = "zero"
    click_place: str = "exact"
    merging: str = "touched"
    air: str = "scan"
    box: str = "shown"
    version: int = VERSION

    def __post_init__(self) -> None:
        for name, choices in RULES.items():
            chosen = getattr(self, name)
            if not isinstance(chosen, str) or chosen not in choices:
                raise ValueError(f"the rule {name} cannot be {reprlib.repr(chosen)}")

    def as_dict(self) -> dict[str, str | int]:
        """The version and each rule by name, JSON-able."""
        return asdict(self)

    @classmethod
    def of(cls, values: Mapping[str, Any] | None) -> Recipe:
        """The recipe whose `as_dict` this is; the first one where nothing was written down.

        Raises:
            ValueError: a rule or version that this VistaSeg does not know; the message names it.
        """
        if values is None:
            return FIRST
        unknown = set(values) ^ {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"the rule {sorted(map(str, unknown))[0][:40]} is unknown or missing")
        version = values["version"]
        if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= VERSION:
            raise ValueError(f"the version is {reprlib.repr(version)}, and this VistaSeg knows 1 to {VERSION}")
        return cls(**values)

    def differences(self, other: Recipe) -> list[str]:
        """Names of the rules in which two recipes differ."""
        return [name for name in RULES if getattr(self, name) != getattr(other, name)]


CURRENT = Recipe()
"""The rules of this version."""

FIRST = Recipe(click_place="voxel", air="image", box="reached", version=1)
"""The rules of the versions that wrote down none."""
