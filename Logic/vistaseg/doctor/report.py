"""What was examined, and what was found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

OK, NOTE, FAILED = "ok", "note", "failed"


@dataclass(frozen=True)
class Check:
    """One thing that was examined.

    Attributes:
        name: of the check, and of the weights where it is about weights: "padding vista3d".
        state: "ok", "note" (worth knowing) or "failed".
        text: a sentence for people; holds no path and no name of a file.
        values: JSON-able figures.
    """

    name: str
    state: str
    text: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Report:
    """All checks, in the order in which they were made."""

    checks: tuple[Check, ...]

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the checks that failed."""
        return tuple(check.name for check in self.checks if check.state == FAILED)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON-able values, without paths, names of files or anything of a patient."""
        return {
            "format": "vistaseg doctor 1",
            "failed": list(self.failed),
            "checks": [
                {"name": c.name, "state": c.state, "text": c.text, "values": dict(c.values)} for c in self.checks
            ],
        }

    def as_text(self) -> str:
        """A line for each check."""
        return "\n".join(f"{check.state:6} {check.name}: {check.text}" for check in self.checks)
