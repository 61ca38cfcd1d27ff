"""Train the branch for clicks in a few minutes of a GPU: all data in one small file, large batches, bf16.

    python Testing/gpu/run.py pack --cache CACHE --output PACK.npz
    python Testing/gpu/run.py train --pack PACK.npz --start Resources/demo-model --output RUN

CACHE is a folder of `Testing/training/case_cache.py`. The minutes are those of the clock. A run that was stopped goes
on where it stood when the same command is given again; what it writes is a model as `train_clicks.py` writes it.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import time
import zipfile
from collections import deque
from collections.abc import Iterable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "Logic"), str(ROOT / "Testing/training")]

from case_cache import read_cache  # noqa: E402
from cases import Case  # noqa: E402
from resumable import add_run_arguments  # noqa: E402
from train_clicks import SOURCES, ClicksRun, Object, Supply, clicks_loss, encoded, random_frame  # noqa: E402

from vistaseg.models.vista3d.configuration import Vista3dConfiguration  # noqa: E402

LARGEST = 60_000_000
"""Bytes of a pack."""
HU_STEP = 8
"""Of a packed CT: finer steps are noise, and take most of the room."""
PATCHES = 16
"""Of one step."""
ENTRY = 512
"""Bytes of a pack for each case, beside its arrays, at most."""
AHEAD = 3
"""Steps whose patches are made in advance."""

Item = tuple[Tensor, list[Object]]


def packed(image: np.ndarray) -> np.ndarray:
    """A CT in steps of 8 HU as differences along its last axis, low bytes before high ones: compresses well.

    Args:
        image: (x, y, z), int16 HU.

    Returns:
        (2, x, y, z), uint8.
    """
    steps = np.round(image / HU_STEP).astype(np.int16)
    differences = np.diff(steps, axis=-1, prepend=np.int16(0))
    return differences.view(np.uint8).reshape(*image.shape, 2).transpose(3, 0, 1, 2).copy()


def unpacked(planes: np.ndarray) -> np.ndarray:
    """The CT in HU, int16, of what `packed` gave."""
    differences = np.ascontiguousarray(planes.transpose(1, 2, 3, 0)).view(np.int16)[..., 0]
    return (np.cumsum(differences, axis=-1, dtype=np.int16) * HU_STEP).astype(np.int16)


def in_order(cases: Iterable[Case]) -> list[Case]:
    """The rarer collections first, so that what does not fit is one of the many."""
    by_source = {source: [case for case in cases if case.source == source] for source in SOURCES}
    return [case for own in sorted(by_source.values(), key=len) for case in own]


def write_pack(cases: Iterable[Case], path: Path, largest: int = LARGEST) -> int:
    """Write as many cases as fit into a file; returns how many."""
    size, count = 0, 0
    with zipfile.ZipFile(path, "w") as pack:
        for case in in_order(cases):
            part = io.BytesIO()
            annotated = np.array([(structure, *planes) for structure, planes in case.annotated.items()], np.int16)
            np.savez_compressed(part, image=packed(case.image), labels=case.labels, annotated=annotated)
            size += part.getbuffer().nbytes + ENTRY
            if size > largest:
                break
            pack.writestr(f"{case.source}-{case.name}.npz", part.getvalue())
            count += 1
    return count


def read_pack(path: Path) -> list[Case]:
    """The cases of a pack."""
    found = []
    with zipfile.ZipFile(path) as pack:
        for entry in pack.namelist():
            source, name = entry.removesuffix(".npz").split("-", 1)
            with np.load(io.BytesIO(pack.read(entry))) as arrays:
                annotated = {structure: (first, last) for structure, first, last in arrays["annotated"].tolist()}
                found.append(Case(name, source, unpacked(arrays["image"]), arrays["labels"], annotated))
    return found


_supply: list[Supply] = []
"""Of a process that makes patches."""


def _prepare(pack: Path, intensity_range: tuple[float, float]) -> None:
    torch.set_num_threads(1)
    _supply[:] = [Supply(read_pack(pack), intensity_range)]


def _draw(side: int, seed: int) -> Item:
    return _supply[0].draw(side, torch.Generator().manual_seed(seed))


def seeds(step: int, seed: int) -> list[int]:
    """Of the patches of a step: the same ones however often a run was stopped."""
    return np.random.SeedSequence([seed, step]).generate_state(PATCHES).tolist()


class GpuRun(ClicksRun):
    """Training of the branch for clicks with patches as large as the software's windows.

    Args:
        executor: makes patches; its processes were prepared by `_prepare`.
    """

    def __init__(self, arguments: argparse.Namespace, executor: Executor, device: torch.device) -> None:
        self.device, self._executor, self._seed = device, executor, arguments.seed
        super().__init__(arguments, [])
        self._users = ThreadPoolExecutor(PATCHES)
        self._ahead: deque[list[Future[Item]]] = deque()

    def clock(self) -> float:
        return time.monotonic()

    def batch(self) -> list[Item]:
        """The patches of this step; those of the next ones are begun."""
        side = self.model.window[0]
        for step in range(self.step + len(self._ahead), self.step + 1 + AHEAD):
            self._ahead.append([self._executor.submit(_draw, side, seed) for seed in seeds(step, self._seed)])
        return [future.result() for future in self._ahead.popleft()]

    def loss(self) -> Tensor:
        """Mean loss of the patches of a step."""
        items, side = self.batch(), self.model.window[0]
        images = torch.cat([image for image, _ in items]).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            features, _ = self.network.image_encoder(images, with_point=True, with_label=False)

        def own_loss(number: int) -> Tensor:
            generator = torch.Generator().manual_seed(seeds(self.step, self._seed)[number])
            frame = random_frame(side, side, generator)
            with torch.autocast(self.device.type, torch.bfloat16):  # of this thread
                own = encoded(self.network, features[number : number + 1], frame)
                return clicks_loss(own, items[number][1], generator)

        return torch.stack(list(self._users.map(own_loss, range(len(items))))).mean()


def main() -> None:
    """Pack, or train."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    pack = commands.add_parser("pack")
    pack.add_argument("--cache", type=Path, required=True, help="folder of case_cache.py")
    pack.add_argument("--output", type=Path, required=True)
    train = commands.add_parser("train")
    train.add_argument("--pack", type=Path, required=True)
    train.add_argument("--start", type=Path, required=True, help="folder of the model to start from")
    add_run_arguments(train, minutes=7.0, rate=2e-3)
    arguments = parser.parse_args()
    if arguments.command == "pack":
        count = write_pack(read_cache(arguments.cache), arguments.output)
        print(f"{count} CTs, {arguments.output.stat().st_size / 1e6:.1f} MB in {arguments.output.resolve()}")
        return
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    configuration = Vista3dConfiguration.read(arguments.start / "config.json")
    workers = max(1, (os.cpu_count() or 2) - 2)
    prepared = (arguments.pack, configuration.intensity_range)
    with ProcessPoolExecutor(workers, get_context("spawn"), _prepare, prepared) as executor:
        GpuRun(arguments, executor, torch.device("cuda")).train()


if __name__ == "__main__":
    main()
