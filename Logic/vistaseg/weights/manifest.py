"""The weights that the project knows: where they are published, how to check them and under which license."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from vistaseg.errors import UsageError
from vistaseg.resources import resource_path


@dataclass(frozen=True)
class License:
    """Terms under which weights are published.

    Attributes:
        name: what a user types to accept them.
        conditions: sentences about what is allowed, for people.
        stated: False where the weights are published without any license; `name` and `conditions` say so then.
    """

    name: str
    url: str
    commercial_use: bool
    conditions: str
    stated: bool = True

    @property
    def in_a_sentence(self) -> str:
        """The name as it follows "under"."""
        return f"the {self.name}" if self.stated else self.name


@dataclass(frozen=True)
class WeightsEntry:
    """One published file. `size_bytes`, `sha256` and `md5` are None where they are not published.

    Attributes:
        reported_bytes: size that others saw the file have, where its publisher states none.
        prefix: what the name of every tensor in the file starts with.
        padding: how the code published with VISTA3D's weights fills up windows that reach beyond a scan, "zero" or
            "replicate"; None for models without such windows.
    """

    key: str
    model: str
    title: str
    hub_id: str
    revision: str
    file: str
    size_bytes: int | None
    approximate_megabytes: int
    sha256: str | None
    md5: str | None
    license: License
    reported_bytes: int | None = None
    prefix: str = ""
    padding: str | None = None

    @property
    def origin(self) -> str:
        """Where the file is published, in one word: hub id, revision and file."""
        return f"{self.hub_id}@{self.revision}/{self.file}"

    @property
    def pinned(self) -> dict[str, str]:
        """The published checksums, by the name of the algorithm in `hashlib`."""
        pins = {"sha256": self.sha256, "md5": self.md5}
        return {algorithm: digest for algorithm, digest in pins.items() if digest is not None}


def _parse_entry(row: dict[str, Any]) -> WeightsEntry:
    return WeightsEntry(**{**row, "license": License(**row["license"])})


@lru_cache(maxsize=1)
def load_manifest() -> tuple[WeightsEntry, ...]:
    """All entries of `Resources/weights.json`, in its order."""
    text = resource_path("weights.json").read_text(encoding="utf-8")
    return tuple(_parse_entry(row) for row in json.loads(text)["weights"])


def find_entry(key: str) -> WeightsEntry:
    """The entry with this key.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    entries = {entry.key: entry for entry in load_manifest()}
    if key not in entries:
        raise UsageError(f"Unknown weights {key!r}. Known: {', '.join(entries)}.")
    return entries[key]
