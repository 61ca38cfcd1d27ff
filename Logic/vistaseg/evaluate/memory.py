"""How much memory the process has taken."""

from __future__ import annotations

import sys


def peak_bytes() -> int:
    """The most memory that this process has had at any time since it began, in bytes, without a GPU's."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
