"""Which classes a model can be asked for, before it is loaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from vistaseg.errors import UsageError, WeightsError
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.resources import resource_path


@lru_cache
def known_classes(key: str) -> tuple[int, ...]:
    """Ids of the catalogue that the model of a key can be asked for directly, ascending; none where it knows no ids.

    Raises:
        UsageError: an unknown key.
        WeightsError: the installation is incomplete.
    """
    if key not in _CONFIGURATIONS:
        raise UsageError(f"Unknown model {key!r}: choose one of {', '.join(_CONFIGURATIONS)}.")
    return _CONFIGURATIONS[key]()


def _published() -> tuple[int, ...]:
    return Vista3dConfiguration().class_ids


def _in_the_box() -> tuple[int, ...]:
    try:
        return Vista3dConfiguration.read(resource_path("demo-model/config.json")).class_ids
    except (OSError, ValueError) as error:
        raise WeightsError("The model in the box demo is missing or damaged: install VistaSeg again.") from error


_CONFIGURATIONS: dict[str, Callable[[], tuple[int, ...]]] = {
    "vista3d": _published,
    "demo": _in_the_box,
    "segvol": tuple,
    "segvol-demo": tuple,
}
