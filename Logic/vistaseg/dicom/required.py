"""Which attributes the standard requires: the tables of PS3.3 that highdicom ships, against a dataset."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pydicom.dataset import Dataset

from vistaseg.dicom.findings import Finding

Types = dict[tuple[str, ...], dict[str, str]]
"""For each path of sequences: keyword to type, "1", "1C", "2", "2C" or "3"."""

_FUNCTIONAL_GROUPS = (("SharedFunctionalGroupsSequence",), ("PerFrameFunctionalGroupsSequence",))


def missing_attributes(dataset: Dataset) -> Iterator[Finding]:
    """An error for each required attribute that is missing, or empty though it may not be, in any sequence.

    A module that is not mandatory is asked for only where one of the attributes that it requires is there. Which
    functional groups are needed depends on the frames, so the tables, which list all of them, do not decide that.
    """
    from highdicom._standard_utils import get_iod_module_map, get_sop_class_iod_map

    modules = get_iod_module_map()[get_sop_class_iod_map()[str(dataset.SOPClassUID)]]
    mandatory = [module["key"] for module in modules if module["usage"] == "M"]
    expected = {keyword for key in mandatory for keyword in _types(key).get((), {})}
    others = [module["key"] for module in modules if module["usage"] != "M"]
    present = [key for key in others if _is_meant(key, dataset, expected)]
    seen: set[Finding] = set()
    for key in [*mandatory, *present]:
        found = set(_missing(dataset, _types(key), ()))
        yield from sorted(found - seen, key=lambda finding: finding.where)
        seen |= found


@lru_cache(maxsize=64)
def _types(module: str) -> Types:
    """The attributes of a module; where the tables list one twice, the stricter type is not assumed."""
    from highdicom._standard_utils import get_module_attribute_map

    types: Types = defaultdict(dict)
    rows: list[dict[str, Any]] = get_module_attribute_map()[module]
    for row in rows:
        level = types[tuple(row["path"])]
        level[row["keyword"]] = max(str(row["type"]), level.get(row["keyword"], "1"))
    return dict(types)


def _is_meant(module: str, dataset: Dataset, expected: set[str]) -> bool:
    required = {keyword for keyword, kind in _types(module).get((), {}).items() if kind == "1"}
    return any(keyword in dataset for keyword in required - expected)


def _missing(dataset: Dataset, types: Types, path: tuple[str, ...]) -> Iterator[Finding]:
    for keyword, kind in types.get(path, {}).items():
        if keyword not in dataset:
            if kind in ("1", "2") and path not in _FUNCTIONAL_GROUPS:
                yield _finding(f"{keyword} is missing (type {kind}).", (*path, keyword))
            continue
        element = dataset[keyword]
        if kind == "1" and element.is_empty:
            yield _finding(f"{keyword} is empty (type 1).", (*path, keyword))
        if (*path, keyword) in types:
            for item in element.value or ():
                yield from _missing(item, types, (*path, keyword))


def _finding(what: str, path: tuple[str, ...]) -> Finding:
    return Finding(
        "error", what, ".".join(path), "The standard requires it, and archives may refuse the file.", "tables"
    )
