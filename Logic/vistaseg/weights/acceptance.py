"""The user's yes to a license: by exact name, recorded beside the weights."""

from __future__ import annotations

from datetime import datetime, timezone

from vistaseg.errors import WeightsError
from vistaseg.weights.folder import read_json, weights_folder, write_json, writing_to
from vistaseg.weights.manifest import WeightsEntry

_FILE = "license-accepted.json"


def is_accepted(entry: WeightsEntry) -> bool:
    """Whether the license that the manifest names today was accepted on this machine."""
    record = read_json(weights_folder(entry.key) / _FILE) or {}
    return (record.get("name"), record.get("url")) == (entry.license.name, entry.license.url)


def require_acceptance(entry: WeightsEntry, name: str | None) -> None:
    """Record the acceptance of the license called `name`, or be content with an earlier one where it is None.

    Raises:
        WeightsError: not accepted, or under another name; says where to read it and how to accept it.
    """
    if name == entry.license.name:
        _record(entry)
    elif name is not None:
        raise WeightsError(f"{name!r} is not the license of {entry.title}. {_how_to_accept(entry)}")
    elif not is_accepted(entry):
        raise WeightsError(f"The terms of {entry.title} were not accepted yet. {_how_to_accept(entry)}")


def _how_to_accept(entry: WeightsEntry) -> str:
    license = entry.license
    what = f"It is the {license.name}:" if license.stated else "The weights state no license."
    return (
        f"{what} {license.conditions} Read {'it' if license.stated else 'about them'} at {license.url}, "
        f'then accept it with: vistaseg weights fetch {entry.key} --accept-license "{license.name}"'
    )


def _record(entry: WeightsEntry) -> None:
    content = {
        "name": entry.license.name,
        "url": entry.license.url,
        "weights": entry.origin,
        "date": datetime.now(timezone.utc).isoformat(timespec="seconds"),
    }
    with writing_to(weights_folder(entry.key)) as folder:
        write_json(folder / _FILE, content)
