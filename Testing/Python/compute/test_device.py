from __future__ import annotations

import pytest
import torch

from vistaseg.compute import Compute, choose_compute, describe_device, supports_bf16
from vistaseg.errors import UsageError


@pytest.fixture
def no_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: including_emulation)


def processor(monkeypatch: pytest.MonkeyPatch, bf16: bool) -> None:
    for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported"):
        monkeypatch.setattr(torch.cpu, name, lambda: bf16, raising=False)


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_a_named_device_and_precision_are_taken(precision, dtype):
    chosen = choose_compute("cpu", precision)
    assert chosen == Compute(torch.device("cpu"), dtype)
    assert chosen.precision == precision


def test_without_a_gpu_auto_is_the_processor(no_gpu):
    assert choose_compute("auto", "fp32").device.type == "cpu"


def test_with_a_gpu_auto_is_the_gpu_and_cpu_the_processor(gpu):
    assert choose_compute("auto", "fp32").device.type == "cuda"
    assert choose_compute("cuda", "fp32").device.type == "cuda"
    assert choose_compute("cpu", "fp32").device.type == "cpu"


@pytest.mark.parametrize(("bf16", "precision"), [(True, "bf16"), (False, "fp32")])
def test_auto_takes_bf16_only_where_the_processor_has_it(monkeypatch, no_gpu, bf16, precision):
    processor(monkeypatch, bf16)
    assert choose_compute().precision == precision


def test_a_gpu_that_only_emulates_bf16_takes_fp32(gpu):
    assert not supports_bf16(torch.device("cuda"))
    assert choose_compute("cuda", "auto").precision == "fp32"


def test_a_gpu_that_is_not_there_is_said_with_what_to_do(no_gpu):
    with pytest.raises(UsageError, match="No CUDA GPU.*Choose the device cpu, or install a CUDA build"):
        choose_compute("cuda")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("gpu", "auto"), "Unknown device 'gpu': choose one of auto, cpu, cuda"),
        (("cpu", "fp16"), "Unknown precision 'fp16': choose one of auto, fp32, bf16"),
    ],
)
def test_an_unknown_name_lists_the_known_ones(names, words):
    with pytest.raises(UsageError, match=words):
        choose_compute(*names)


def test_the_processor_is_described_with_its_threads():
    assert describe_device(torch.device("cpu")) == f"CPU, {torch.get_num_threads()} threads"
