"""`vistaseg weights …`: see, download, bring in, verify and remove model weights."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vistaseg.cli.console import echo, echo_json
from vistaseg.cli.options import named_path
from vistaseg.errors import WeightsError

if TYPE_CHECKING:
    from vistaseg.weights import WeightsStatus

app = typer.Typer(
    name="weights",
    help="Model weights: list, fetch, import, verify and remove.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

_Key = Annotated[str, typer.Argument(metavar="KEY", help="Key of the weights, see `vistaseg weights list`.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list")
def list_command(as_json: _Json = False) -> None:
    """List the known weights and which are installed."""
    from vistaseg.weights import list_weights

    found = list_weights()
    if as_json:
        echo_json([_as_dict(one) for one in found])
    else:
        echo(*(line for one in found for line in _as_lines(one)))


@app.command("fetch")
def fetch_command(
    key: _Key,
    accept_license: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Exact name of the license, to accept it after reading."),
    ] = None,
    as_json: _Json = False,
) -> None:
    """Download weights after accepting their license."""
    from vistaseg.weights import fetch, find_entry

    entry = find_entry(key)
    _print(fetch(entry, accept_license, _show_progress), as_json)


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", parser=named_path, help="Checkpoint file.")],
    key: Annotated[
        str | None, typer.Option(metavar="KEY", help="Key of the weights; by default recognized by layout and hash.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Check and install weights from a file, offline."""
    from vistaseg.weights import find_entry, import_file
    from vistaseg.weights.recognising import recognised_entry

    entry = recognised_entry(file) if key is None else find_entry(key)
    _print(import_file(entry, file), as_json)


@app.command("verify")
def verify_command(key: _Key, as_json: _Json = False) -> None:
    """Hash installed weights and compare with the record."""
    from vistaseg.weights import WeightsState, find_entry, verify

    found = verify(find_entry(key))
    if as_json:
        echo_json(_as_dict(found))
    if found.state is not WeightsState.INSTALLED:
        raise WeightsError(
            f"{found.path} is not the file that was installed (sha256 {found.sha256}): fetch or import it again."
        )
    if not as_json:
        echo(f"{found.path} is unchanged (sha256 {found.sha256}).")


@app.command("remove")
def remove_command(key: _Key) -> None:
    """Remove installed weights and the recorded acceptance of their license."""
    from vistaseg.weights import find_entry, remove

    removed = remove(find_entry(key))
    echo(f"Removed the weights {key}." if removed else f"No weights {key} to remove.")


def _print(found: WeightsStatus, as_json: bool) -> None:
    if as_json:
        echo_json(_as_dict(found))
    else:
        echo(*_as_lines(found))


def _as_dict(found: WeightsStatus) -> dict[str, Any]:
    entry = found.entry
    return {
        "key": entry.key,
        "model": entry.model,
        "title": entry.title,
        "state": found.state.value,
        "path": None if found.path is None else str(found.path),
        "sha256": found.sha256,
        "size": found.size,
        "source": found.source,
        "revision": found.revision,
        "padding": entry.padding,
        "origin": entry.origin,
        "license": entry.license.name,
        "license_url": entry.license.url,
        "commercial_use": entry.license.commercial_use,
    }


def _as_lines(found: WeightsStatus) -> list[str]:
    entry = found.entry
    lines = [f"{entry.key}: {found.state.value} - {entry.title}, {_whence(found)}, {_size_text(found)}"]
    lines.append(f"  license: {entry.license.name} ({entry.license.url})")
    if found.path is not None:
        lines.append(f"  file: {found.path}")
    if found.sha256 is not None:
        lines.append(f"  sha256: {found.sha256}")
    return lines


def _whence(found: WeightsStatus) -> str:
    """The origin of a file that a user brought is unknown: its layout and its key only say how it is used."""
    if found.source == "user":
        return f"imported from a file, used as {found.entry.hub_id}"
    return f"from {found.entry.hub_id}"


def _size_text(found: WeightsStatus) -> str:
    size = found.size or found.entry.size_bytes
    return f"about {found.entry.approximate_megabytes} MB" if size is None else f"{size / 1e6:.1f} MB"


def _show_progress(done: int, total: int | None) -> None:
    """One line on a terminal that is written over; silent in a log."""
    if sys.stderr.isatty():
        share = f"{100 * done // total} % of {total / 1e6:.0f} MB" if total else f"{done / 1e6:.0f} MB"
        sys.stderr.write(f"\rDownloading: {share} " + "\n" * (done == total))
        sys.stderr.flush()
