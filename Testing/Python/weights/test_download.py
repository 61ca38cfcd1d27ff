"""The real hub client against a server on this machine: what the other tests replace by a stand-in."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

CONTENT = bytes(range(256)) * 90_000  # 23 MB: the hub client counts, and resumes, by 10 MB
PATH = "/nvidia/NV-Segment-CT/resolve/main/vista3d_pretrained_model/model.safetensors"

PROGRAM = """
import sys
from pathlib import Path
from vistaseg.weights import find_entry
from vistaseg.weights.download import download
reports = []
path = download(find_entry("vista3d"), Path(sys.argv[1]), lambda done, total: reports.append((done, total)))
print(path.stat().st_size, *reports[-1])
"""


class Handler(BaseHTTPRequestHandler):
    """Serves one file as the hub does; the first transfer breaks off in the middle."""

    def log_message(self, *_: object) -> None:
        pass

    def start(self) -> int:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append((self.command, headers))  # type: ignore[attr-defined]
        known = self.path == PATH
        first = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        self.send_response((206 if first else 200) if known else 404)
        self.send_header("ETag", '"0123456789abcdef"')
        self.send_header("X-Repo-Commit", "a" * 40)
        self.send_header("Content-Length", str(len(CONTENT) - first if known else 0))
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(CONTENT) - 1}/{len(CONTENT)}")
        self.end_headers()
        return first if known else len(CONTENT)

    def do_HEAD(self) -> None:  # noqa: N802
        self.start()

    def do_GET(self) -> None:  # noqa: N802
        first = self.start()
        self.wfile.write(CONTENT[first:] if first else CONTENT[: len(CONTENT) // 2])


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    hub = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=hub.serve_forever, daemon=True).start()
    yield hub
    hub.shutdown()
    hub.server_close()


def test_a_broken_transfer_is_resumed_anonymously_and_without_telemetry(server, tmp_path):
    environment = {
        **os.environ,
        "HF_ENDPOINT": f"http://127.0.0.1:{server.server_port}",
        "HF_HOME": str(tmp_path / "hf"),
        "HF_TOKEN": "hf_secret",
        "NO_PROXY": "127.0.0.1",
    }
    for name in ("HF_HUB_DISABLE_TELEMETRY", "HF_HUB_OFFLINE"):
        environment.pop(name, None)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "here")],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(len(CONTENT))] * 3
    assert (tmp_path / "here" / "vista3d_pretrained_model" / "model.safetensors").read_bytes() == CONTENT
    assert any("range" in headers for method, headers in server.seen if method == "GET")
    assert not any("authorization" in headers for _, headers in server.seen)
    assert not any("torch/" in headers["user-agent"] for _, headers in server.seen)
