"""Model weights: what can be had under which license, the local store, the loading of each published layout.

`store` is light; `checkpoint` and `layouts` import torch, so they are not imported here.
"""

from __future__ import annotations

from vistaseg.weights.manifest import License, WeightsEntry, find_entry, load_manifest
from vistaseg.weights.store import (
    WeightsState,
    WeightsStatus,
    entry_for,
    fetch,
    import_file,
    installed_path,
    list_weights,
    remove,
    status,
    verify,
)

__all__ = [
    "License",
    "WeightsEntry",
    "WeightsState",
    "WeightsStatus",
    "entry_for",
    "fetch",
    "find_entry",
    "import_file",
    "installed_path",
    "list_weights",
    "load_manifest",
    "remove",
    "status",
    "verify",
]
