"""A real PACS (Orthanc) and a real web viewer (OHIF in Chromium) for one run of the tests, on this computer alone."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from vistaseg.dicom import Peer

HERE = Path(__file__).resolve().parent
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
_START_S = 30


def missing() -> str:
    """What to install; empty where Orthanc and its plugin are here."""
    if shutil.which("Orthanc") is None or not PLUGIN.exists():
        return "Orthanc with DICOMweb is not installed: apt-get install orthanc orthanc-dicomweb"
    return ""


def missing_viewer(tools: Path) -> str:
    """What to install; empty where node, Chromium and OHIF are here."""
    lacking = [name for name in ("node", "chromium") if shutil.which(name) is None]
    if lacking:
        return f"Not installed: {', '.join(lacking)}"
    if not (tools / "package" / "dist" / "index.html").exists():
        return "OHIF is not here: make test-pacs fetches it"
    return ""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@dataclass(frozen=True)
class Archive:
    """A running Orthanc.

    Attributes:
        peer: its DICOM service.
        web_port: of its HTTP service, with DICOMweb below /dicom-web.
        receiver_port: where it moves objects for the AE title RECEIVER.
    """

    peer: Peer
    web_port: int
    receiver_port: int

    def get(self, path: str, accept: str = "application/json") -> Any:
        """What a GET answers: JSON, or bytes and their type for another `accept`."""
        status, kind, content = self._ask("GET", path, b"", {"Accept": accept})
        assert status == 200, f"{path}: {status} {content[:300]!r}"
        return json.loads(content) if accept == "application/json" else (kind, content)

    def post(self, path: str, body: bytes, kind: str) -> Any:
        status, _, content = self._ask("POST", path, body, {"Content-Type": kind, "Accept": "application/dicom+json"})
        assert status == 200, f"{path}: {status} {content[:300]!r}"
        return json.loads(content)

    def _ask(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.web_port, timeout=120)
        with contextlib.closing(connection):
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Content-Type", ""), answer.read()


@contextlib.contextmanager
def running(folder: Path) -> Iterator[Archive]:
    """Start Orthanc with an empty database in `folder`, and end it.

    Its DICOM service listens on all addresses, because Orthanc 1.10 knows no other way, and answers to 127.0.0.1 alone.
    """
    archive = Archive(Peer("127.0.0.1", free_port(), "ORTHANC"), free_port(), free_port())
    here = {
        "Host": "127.0.0.1",
        "AllowEcho": True,
        "AllowFind": True,
        "AllowGet": True,
        "AllowMove": True,
        "AllowStore": True,
    }
    settings = {
        "Name": "Tests",
        "StorageDirectory": str(folder / "database"),
        "IndexDirectory": str(folder / "database"),
        "Plugins": [str(PLUGIN)],
        "HttpPort": archive.web_port,
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomAet": archive.peer.title,
        "DicomPort": archive.peer.port,
        "DicomCheckCalledAet": True,
        "DicomCheckModalityHost": True,
        "DicomAlwaysAllowEcho": False,
        "DicomAlwaysAllowStore": False,
        "DicomModalities": {
            "sender": {"AET": "VISTASEG", "Port": 1, **here},
            "receiver": {"AET": "RECEIVER", "Port": archive.receiver_port, **here},
        },
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (folder / "orthanc.json").write_text(json.dumps(settings), encoding="utf-8")
    (folder / "database").mkdir()
    with (folder / "orthanc.log").open("wb") as log:
        process = subprocess.Popen(["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log, cwd=folder)
    try:
        _wait_for(process, archive.web_port, folder / "orthanc.log")
        yield archive
    finally:
        process.terminate()
        process.wait(20)


def _wait_for(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    end = time.monotonic() + _START_S
    while time.monotonic() < end:
        assert process.poll() is None, log.read_text(encoding="utf-8", errors="replace")[-2000:]
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    said = log.read_text(encoding="utf-8", errors="replace")[-2000:]
    raise AssertionError(f"Orthanc did not start in {_START_S} s: {said}")


@contextlib.contextmanager
def viewer(archive: Archive, tools: Path) -> Iterator[str]:
    """Serve OHIF, and DICOMweb of the archive, from one address, which browsers want; gives the address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(archive, tools / "package" / "dist"))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def look(address: str, study: str, place: Path, tools: Path) -> Any:
    """Open a study's segmentation in the viewer: what it shows, and its picture in `place` with the ending .png."""
    shown, picture = place.with_suffix(".json"), place.with_suffix(".png")
    command = ["node", str(HERE / "viewer.mjs"), address, study, str(shown), str(picture)]
    environment = os.environ | {"PLAYWRIGHT": str(tools / "package.json"), "CHROMIUM": str(shutil.which("chromium"))}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr[-3000:]
    return json.loads(shown.read_text(encoding="utf-8"))


def _handler(archive: Archive, dist: Path) -> type[SimpleHTTPRequestHandler]:
    class Handler(SimpleHTTPRequestHandler):
        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(dist))

        def do_GET(self) -> None:
            name = self.path.split("?")[0].lstrip("/")
            if name.startswith("dicom-web"):
                self._pass_on()
            elif name == "app-config.js":
                self._answer(200, "application/javascript", (HERE / "app-config.js").read_bytes())
            else:
                if not (dist / name).is_file():
                    self.path = "/index.html"  # a page of the application, which chooses by the address
                super().do_GET()

        def _pass_on(self) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", archive.web_port, timeout=120)
            with contextlib.closing(connection):
                host = f"127.0.0.1:{self.server.server_port}"  # type: ignore[attr-defined]
                headers = {"Accept": self.headers.get("Accept", "*/*"), "Host": host}
                connection.request("GET", self.path, headers=headers)
                answer = connection.getresponse()
                self._answer(answer.status, answer.getheader("Content-Type", ""), answer.read())

        def _answer(self, status: int, kind: str, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def end_headers(self) -> None:
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
            self.send_header("Cross-Origin-Resource-Policy", "same-origin")
            super().end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Requests are not listed."""

    return Handler
