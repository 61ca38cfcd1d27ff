"""Writes `Resources/dicom-segmentation.json`: the attributes that PS3.3 requires of a DICOM segmentation.

From the tables that highdicom 0.28 ships. They are not part of its public interface and lie elsewhere in other
versions, so the package reads this extract of them. Run it with the folder of the resources.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

from highdicom._standard_utils import get_iod_module_map, get_module_attribute_map, get_sop_class_iod_map

SEGMENTATION, LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"


def tables() -> dict[str, Any]:
    """Module → whether it is mandatory, what shows that it is meant, and path → keyword → type 1 or 2."""
    iods = {get_sop_class_iod_map()[uid] for uid in (SEGMENTATION, LABEL_MAP)}
    assert len(iods) == 1, "both classes had the same modules"
    modules = get_iod_module_map()[iods.pop()]
    mandatory = {module["key"] for module in modules if module["usage"] == "M"}
    of_all = {keyword for key in mandatory for keyword in _types(key)[()]}
    found = {}
    for key in (module["key"] for module in modules):
        types = _types(key)
        required = {".".join(path): _required(types[path]) for path in sorted(types) if _required(types[path])}
        signs = sorted(keyword for keyword, kind in types[()].items() if kind == "1" and keyword not in of_all)
        if required and (key in mandatory or signs):
            found[key] = {"mandatory": key in mandatory, "signs": [] if key in mandatory else signs, "types": required}
    return found


def _types(module: str) -> dict[tuple[str, ...], dict[str, str]]:
    """The attributes of a module; where the tables list one twice, the stricter type is not assumed."""
    types: dict[tuple[str, ...], dict[str, str]] = defaultdict(dict)
    for row in get_module_attribute_map()[module]:
        level = types[tuple(row["path"])]
        level[row["keyword"]] = max(str(row["type"]), level.get(row["keyword"], "1"))
    return types


def _required(level: dict[str, str]) -> dict[str, str]:
    return {keyword: kind for keyword, kind in sorted(level.items()) if kind in ("1", "2")}


if __name__ == "__main__":
    text = json.dumps(tables(), indent=1)
    Path(sys.argv[1], "dicom-segmentation.json").write_text(text + "\n", encoding="utf-8")
