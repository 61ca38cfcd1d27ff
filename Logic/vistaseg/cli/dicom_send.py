"""`vistaseg dicom send`: DICOM files to a PACS."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Annotated

import typer

from vistaseg.cli.console import echo
from vistaseg.cli.options import named_path
from vistaseg.errors import UsageError


def send_command(
    places: Annotated[
        list[Path], typer.Argument(metavar="FOLDER|FILE …", parser=named_path, help="DICOM files, or folders of them.")
    ],
    to: Annotated[str, typer.Option("--to", metavar="HOST:PORT/AET", help="Address and AE title of the PACS.")],
    calling: Annotated[
        str, typer.Option("--calling", metavar="AET", help="AE title of this sender, as the PACS knows it.")
    ] = "VISTASEG",
    tls: Annotated[bool, typer.Option("--tls", help="Encrypt, with the certificates this computer trusts.")] = False,
    ca: Annotated[
        Path | None,
        typer.Option(
            "--tls-ca", metavar="FILE.pem", parser=named_path, help="Encrypt, and trust this certificate instead."
        ),
    ] = None,
    certificate: Annotated[
        Path | None,
        typer.Option(
            "--tls-cert",
            metavar="FILE.pem",
            parser=named_path,
            help="Encrypt, and present this client certificate (with its key).",
        ),
    ] = None,
) -> None:
    """Send CT, segmentations and reports to a PACS (DICOM C-STORE).

    Files go as they are where the PACS takes their transfer syntax, and in plain Little Endian where it does not.
    Nothing is sent unless it takes all of them.
    """
    from vistaseg.cli.progress_bar import ProgressBar
    from vistaseg.dicom.sending import Peer, check_title, find_outgoing, send

    _require_pynetdicom()
    peer, title = Peer.parse(to), check_title(calling)
    context = _tls_context(ca, certificate) if tls or ca or certificate else None
    for place in places:
        if not place.exists():
            raise UsageError(f"{place} does not exist. Check the path.")
    files, notes = find_outgoing(places)
    for note in notes:
        echo(note, err=True)
    with ProgressBar() as bar:
        sent = send(files, peer, calling_title=title, tls=context, progress=bar)
    for note in sent.notes:
        echo(f"Warning: {note}", err=True)
    converted = f", {sent.converted} of them in plain Little Endian, which it takes" if sent.converted else ""
    echo(f"{peer} has stored {sent.count} objects{converted}.", err=True)


def _require_pynetdicom() -> None:
    from importlib.util import find_spec

    if find_spec("pynetdicom") is None:
        raise UsageError("Sending needs the package pynetdicom: pip install 'vistaseg[pacs]'.")


def _tls_context(ca: Path | None, certificate: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=ca)
    except (OSError, ssl.SSLError) as error:
        raise UsageError(f"{ca} is not a certificate in PEM form: {error}.") from error
    if certificate is not None:
        try:
            context.load_cert_chain(certificate)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"{certificate} does not hold a certificate and its key in PEM form: {error}.") from error
    return context
