"""What an answer says of itself, so that it can be repeated and the next one can follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vistaseg.errors import UsageError
from vistaseg.geometry.box import VoxelBox, as_index

ENGINE = "segvol"
_SEEDS = 2**32


@dataclass(frozen=True)
class AnswerRecord:
    """What an answer says of itself.

    Attributes:
        seed: of the voxels that were drawn.
        own: whether the mask after it is SegVol's alone, so that the next answer may replace it.
        region: of the cropped volume, what was looked closer at; None where nothing was found.
    """

    seed: int
    own: bool
    region: VoxelBox | None

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON-able values."""
        region = None if self.region is None else [list(self.region.start), list(self.region.stop)]
        return {"engine": ENGINE, "seed": self.seed, "own": self.own, "region": region}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> AnswerRecord:
        """The record whose `as_dict` this is.

        Raises:
            UsageError: it is none.
        """
        try:
            seed, own, region = int(values["seed"]), values["own"], values["region"]
            if not (0 <= seed < _SEEDS and isinstance(own, bool) and values["engine"] == ENGINE):
                raise ValueError(f"not a record of SegVol: {values}")
            return cls(seed, own, None if region is None else VoxelBox(as_index(region[0]), as_index(region[1])))
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise UsageError("The saved session is damaged, or of another model. Choose another file.") from error


def own_records(records: Sequence[Mapping[str, Any]]) -> list[AnswerRecord]:
    """Those among the records of a segment that SegVol made, the latest first."""
    return [AnswerRecord.of(values) for values in reversed(records) if values.get("engine") == ENGINE]


def made_alone(records: Sequence[Mapping[str, Any]], empty: bool) -> bool:
    """Whether the mask of a segment is SegVol's alone.

    Args:
        records: of its answers, oldest first.
        empty: whether the mask is empty.
    """
    if empty:
        return True
    return bool(records) and all(r.get("engine") == ENGINE for r in records) and AnswerRecord.of(records[-1]).own
