"""Weights, fetched once their license was accepted."""

from __future__ import annotations

from collections.abc import Callable

import slicer
from slicer.i18n import tr as _

from vistaseg.weights import WeightsEntry, fetch
from vistaseg.weights.acceptance import is_accepted

MEGABYTE = 1_000_000


def terms(entry: WeightsEntry) -> str:
    """What has to be fetched, how much, under which license, as rich text."""
    return _('{title} has to be fetched once: {size} MB, under <a href="{url}">{license}</a>.').format(
        title=entry.title,
        size=entry.approximate_megabytes,
        url=entry.license.url,
        license=entry.license.in_a_sentence,
    )


def accepted(entry: WeightsEntry) -> bool:
    """Ask the user for the license, unless that was done before."""
    if is_accepted(entry):
        return True
    question = _(
        "{title}, about {size} MB, is fetched from {origin}, under {license}:\n\n{conditions}\n\n{url}\n\n"
        "Do you accept these terms?"
    ).format(
        title=entry.title,
        size=entry.approximate_megabytes,
        origin=entry.hub_id,
        license=entry.license.in_a_sentence,
        conditions=entry.license.conditions,
        url=entry.license.url,
    )
    return slicer.util.confirmYesNoDisplay(question, windowTitle=_("Terms of {title}").format(title=entry.title))


def fetchInBackground(workspace, entry: WeightsEntry, onDone: Callable[[], None]) -> None:
    """Fetch and install the weights in the worker; the license must have been accepted."""

    def work(progress):
        def report(done: int, total: int | None) -> None:
            progress("MB", done // MEGABYTE, (total or entry.approximate_megabytes * MEGABYTE) // MEGABYTE)

        return fetch(entry, entry.license.name, report)

    def done(_status) -> None:
        workspace.forget_models()
        onDone()

    workspace.run(_("Fetching {title}").format(title=entry.title), work, done)
