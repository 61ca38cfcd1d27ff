"""Which attributes the standard requires of a segmentation: the tables of PS3.3 against a dataset."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from pydicom.dataset import Dataset

from vistaseg.dicom.findings import ValidationFinding
from vistaseg.resources import resource_path

_FUNCTIONAL_GROUPS = (("SharedFunctionalGroupsSequence",), ("PerFrameFunctionalGroupsSequence",))

Path = tuple[str, ...]


@dataclass(frozen=True)
class _Module:
    """A module of PS3.3 C.

    Attributes:
        is_mandatory: in a segmentation.
        signs: attributes that show that the module is meant where it is not mandatory.
        types: for each path of sequences: keyword to type, "1" (has a value) or "2" (may be empty).
    """

    is_mandatory: bool
    signs: tuple[str, ...]
    types: dict[Path, dict[str, str]]

    def sequences(self, path: Path) -> set[str]:
        """Keywords of the sequences at a path that have requirements somewhere within."""
        return {other[len(path)] for other in self.types if len(other) > len(path) and other[: len(path)] == path}


def missing_attributes(dataset: Dataset) -> Iterator[ValidationFinding]:
    """An error for each required attribute that is missing, or empty though it may not be, in any sequence.

    A module that is not mandatory is looked at only where one of the attributes that it requires is there. Which
    functional groups are needed depends on the frames, so the tables, which list all of them, do not decide that.
    """
    seen: set[ValidationFinding] = set()
    for module in sorted(_modules(), key=lambda module: not module.is_mandatory):
        if module.is_mandatory or any(keyword in dataset for keyword in module.signs):
            found = set(_missing(dataset, module, ()))
            yield from sorted(found - seen, key=lambda finding: finding.where)
            seen |= found


@cache
def _modules() -> tuple[_Module, ...]:
    rows = json.loads(resource_path("dicom-segmentation.json").read_text(encoding="utf-8")).values()
    return tuple(_Module(row["mandatory"], tuple(row["signs"]), _by_path(row["types"])) for row in rows)


def _by_path(types: dict[str, dict[str, str]]) -> dict[Path, dict[str, str]]:
    return {tuple(filter(None, path.split("."))): level for path, level in types.items()}


def _missing(dataset: Dataset, module: _Module, path: Path) -> Iterator[ValidationFinding]:
    for keyword, kind in module.types.get(path, {}).items():
        if keyword not in dataset:
            if path not in _FUNCTIONAL_GROUPS:
                yield _finding(f"{keyword} is missing (type {kind}).", (*path, keyword))
        elif kind == "1" and dataset[keyword].is_empty:
            yield _finding(f"{keyword} is empty (type 1).", (*path, keyword))
    for keyword in sorted(module.sequences(path)):
        for item in dataset.get(keyword) or ():
            if isinstance(item, Dataset):  # another kind of value is a finding of its own
                yield from _missing(item, module, (*path, keyword))


def _finding(what: str, path: Path) -> ValidationFinding:
    return ValidationFinding(
        "error", what, ".".join(path), "The standard requires it, and archives may refuse the file.", "tables"
    )
