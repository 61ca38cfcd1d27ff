"""A training run that can be stopped at any time and goes on where it stood."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import signal
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import FrameType
from typing import Any

import torch
from torch import Tensor, nn

PAUSE = "PAUSE"
"""A file of this name beside the folder of a run makes the run wait between two steps."""
PAUSE_SECONDS = 2.0
"""How often a run that waits looks for it."""
SAVED_EVERY = 300.0
"""Seconds of the clock."""


class Average:
    """Exponential moving average of the weights: what is shipped."""

    def __init__(self, network: nn.Module, decay: float = 0.996) -> None:
        self.decay = decay
        self.state = {name: value.detach().clone() for name, value in network.state_dict().items()}

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        decay = min(self.decay, (1 + step) / (10 + step))
        for name, value in network.state_dict().items():
            self.state[name].lerp_(value, 1 - decay)


def learning_rate(progress: float, highest: float) -> float:
    """Warm-up over 2 % of the run, then half a cosine down to 2 %."""
    warm = min(1.0, progress / 0.02 + 0.02)
    return highest * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def export(state: Mapping[str, Tensor], configuration: Mapping[str, Any], folder: Path) -> None:
    """Write weights in fp16 and the configuration, as the software reads them."""
    from safetensors.torch import save_file

    save_file({name: value.half().cpu().contiguous() for name, value in state.items()}, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps(configuration, indent=1) + "\n", encoding="utf-8")


def add_run_arguments(parser: argparse.ArgumentParser, minutes: float, rate: float) -> None:
    """Options of every run, with the defaults of this one."""
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=minutes, help="computing time, all threads busy")
    parser.add_argument("--rate", type=float, default=rate)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--copy", type=Path, help="keep the state in this file, too")


class ResumableRun(ABC):
    """One training run and its state on disk.

    Args:
        network: in training mode.
        groups: parameters for the optimiser; `share` is the factor of the learning rate of a group.
        configuration: is written beside the weights.
        arguments: of `add_run_arguments`.
    """

    def __init__(
        self,
        network: nn.Module,
        groups: list[dict[str, Any]],
        configuration: Mapping[str, Any],
        arguments: argparse.Namespace,
    ) -> None:
        self.network, self.configuration = network, configuration
        self.output, self.minutes, self.rate = arguments.output, arguments.minutes, arguments.rate
        self.optimizer = torch.optim.AdamW(groups, lr=self.rate, weight_decay=1e-4)
        self.generator = torch.Generator().manual_seed(arguments.seed)
        self.average = Average(network)
        self.copy: Path | None = arguments.copy
        self.step, self.seconds, self.stopped = 0, 0.0, False
        self.output.mkdir(parents=True, exist_ok=True)
        self.state_path = self.output / "state.pt"
        if self.state_path.exists():
            self.resume()

    @abstractmethod
    def loss(self) -> Tensor | None:
        """Loss of the network on a new batch; None where there is nothing to learn in it."""

    def weights(self) -> Mapping[str, Tensor]:
        """What is shipped."""
        return self.average.state

    @property
    def progress(self) -> float:
        """Share of the time that is used up."""
        return self.seconds / (60 * self.minutes)

    def clock(self) -> float:
        """Seconds that count for the schedule: of computing, so that other work on the machine does not."""
        return time.process_time() / torch.get_num_threads()

    def resume(self) -> None:
        """Go on where the run stood."""
        saved = torch.load(self.state_path, map_location="cpu", weights_only=True)
        self.network.load_state_dict(saved["network"])
        for name, value in saved["average"].items():
            self.average.state[name].copy_(value)
        self.optimizer.load_state_dict(saved["optimizer"])
        self.generator.set_state(saved["generator"])
        self.step, self.seconds = saved["step"], saved["seconds"]

    def save(self) -> None:
        """Write the state beside the old one, then take its place."""
        beside = self.state_path.with_suffix(".tmp")
        torch.save(
            {
                "network": self.network.state_dict(),
                "average": self.average.state,
                "optimizer": self.optimizer.state_dict(),
                "generator": self.generator.get_state(),
                "step": self.step,
                "seconds": self.seconds,
            },
            beside,
        )
        beside.replace(self.state_path)
        if self.copy is not None:
            beside = self.copy.with_name(f"{self.copy.name}.tmp")
            shutil.copyfile(self.state_path, beside)
            beside.replace(self.copy)

    def advance(self) -> float | None:
        """One step of the optimiser; returns the loss."""
        loss = self.loss()
        self.step += 1
        if loss is None or not torch.isfinite(loss):
            return None
        for group in self.optimizer.param_groups:
            group["lr"] = group["share"] * learning_rate(self.progress, self.rate)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizer.step()
        self.average.update(self.network, self.step)
        return loss.item()

    def train(self) -> None:
        """Train until the time is used up, or until the process is asked to end; write what is shipped."""
        self.log(f"state in {self.state_path.resolve()}, step {self.step}, {self.seconds / 60:.1f} min of computing")
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        losses: deque[float] = deque(maxlen=100)
        saved = time.monotonic()
        while self.seconds < 60 * self.minutes and not self.stopped:
            self.wait_while_paused()
            start = self.clock()
            done = self.advance()
            self.seconds += self.clock() - start
            if done is not None:
                losses.append(done)
            if time.monotonic() - saved >= SAVED_EVERY:
                mean = sum(losses) / max(1, len(losses))
                self.log(f"step {self.step}, {self.seconds / 60:.1f} min of computing: {mean:.3f}")
                self.save()
                saved = time.monotonic()
        self.save()
        export(self.weights(), self.configuration, self.output)

    def wait_while_paused(self) -> None:
        """Wait as long as there is a file PAUSE beside the run's folder."""
        pause = self.output.parent / PAUSE
        if not pause.exists():
            return
        self.save()
        self.log(f"step {self.step}: waiting until {pause.resolve()} is gone")
        while pause.exists() and not self.stopped:
            time.sleep(PAUSE_SECONDS)

    def log(self, line: str) -> None:
        """Print a line, and keep it beside the state."""
        line = f"{time.strftime('%H:%M:%S')} {line}"
        print(line, flush=True)
        with (self.output / "log.txt").open("a", encoding="utf-8") as file:
            file.write(line + "\n")

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.stopped = True
