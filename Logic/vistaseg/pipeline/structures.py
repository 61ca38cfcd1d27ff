"""Which structures a request is for, by name or preset."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from vistaseg import catalog
from vistaseg.errors import UsageError

EVERYTHING = "everything"
_NAMED_AT_MOST = 6


@dataclass(frozen=True)
class RequestedStructures:
    """Structures by name, and a preset; neither means the preset of everything.

    Attributes:
        classes: terms, each with the ids it stands for.
        preset: key of a preset.
    """

    classes: tuple[catalog.Term, ...] = ()
    preset: str | None = None

    @classmethod
    def parse(cls, classes: str | None, preset: str | None) -> RequestedStructures:
        """From a list of names such as "liver, left kidney", and the key of a preset.

        Raises:
            UsageError: an unknown class or preset, or a class that cannot be segmented.
        """
        presets = catalog.presets()
        if preset is not None and preset not in presets:
            raise UsageError(f"Unknown preset {preset!r}: choose one of {', '.join(presets)}.")
        return cls(() if classes is None else tuple(catalog.parse_terms(classes)), preset)

    def ids_for(self, known: Collection[int], model: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The ids for a model to segment, and those that it does not know.

        Unknown ids are left out of a preset, and of a term for several structures as long as one of them is known.

        Args:
            known: ids that the model knows.
            model: its name, for messages.

        Raises:
            UsageError: the model does not know a class that was named, or nothing of the preset.
        """
        foreign = [term for term in self.classes if not set(term.ids).intersection(known)]
        if foreign:
            raise UsageError(f"{model} does not know {_terms(foreign)}. Leave it out, or use another model.")
        named = [i for term in self.classes for i in term.ids]
        whole = tuple(dict.fromkeys([*named, *self._of_preset()]))
        wanted = tuple(i for i in whole if i in known)
        if not wanted:
            raise UsageError(f"{model} knows nothing of the preset {self.preset}. Use another model or preset.")
        return wanted, tuple(i for i in whole if i not in known)

    def _of_preset(self) -> list[int]:
        if self.preset is None and self.classes:
            return []
        return catalog.expand(catalog.presets()[self.preset or EVERYTHING].ids)


def _terms(terms: Sequence[catalog.Term]) -> str:
    """Terms for a message: by the structure's own name where they mean one."""
    return ", ".join(names(term.ids) if len(term.ids) == 1 else term.text for term in terms)


def names(ids: Sequence[int]) -> str:
    """Names of structures for a message; of many the first few and how many more."""
    found = [catalog.get(i).name for i in ids]
    if len(found) <= _NAMED_AT_MOST + 1:
        return ", ".join(found)
    return f"{', '.join(found[:_NAMED_AT_MOST])} and {len(found) - _NAMED_AT_MOST} more"
