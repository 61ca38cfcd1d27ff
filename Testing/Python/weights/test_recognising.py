"""Which weights a file is: by its hash, by its layout, or by what the user says."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import torch

from vistaseg.errors import WeightsError
from vistaseg.weights import find_entry, load_manifest, recognising
from vistaseg.weights.recognising import recognised_entry


def prefixed(state, prefix):
    return {prefix + name: tensor for name, tensor in state.items()}


def test_the_layout_of_the_hub_is_that_of_nv_segment_ct(state, save_checkpoint, tmp_path):
    for form in ("safetensors", "zip"):
        path = save_checkpoint(prefixed(state, "network."), tmp_path / f"file.{form}", form)
        assert recognised_entry(path).key == "vista3d"


@pytest.mark.parametrize("make", [dict, lambda s: prefixed(s, "module."), lambda s: {"model": dict(s), "epoch": 3}])
def test_a_layout_that_both_have_is_asked_about(make, state, save_checkpoint, tmp_path):
    path = save_checkpoint(make(state), tmp_path / "mine.pt", "zip")
    with pytest.raises(WeightsError) as caught:
        recognised_entry(path)
    message = str(caught.value)
    assert str(path) in message and "--key vista3d for nvidia/NV-Segment-CT" in message
    assert "--key vista3d-bundle for MONAI/vista3d" in message and "NCLS" in message


def test_a_published_hash_decides(state, save_checkpoint, tmp_path, monkeypatch):
    path = save_checkpoint(dict(state), tmp_path / "model.pt", "zip")
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    entries = tuple(replace(e, md5=md5) if e.key == "vista3d-bundle" else e for e in load_manifest())
    monkeypatch.setattr(recognising, "load_manifest", lambda: entries)
    assert recognised_entry(path).key == "vista3d-bundle"


def test_segvol_needs_no_key(save_checkpoint, tmp_path):
    names = {"model.module.text_encoder.dim_align.weight": torch.ones(2, 2)}
    path = save_checkpoint(names, tmp_path / "SegVol_v1.pth", "zip")
    assert recognised_entry(path).key == "segvol"


def test_a_foreign_file_is_named(save_checkpoint, tmp_path):
    path = save_checkpoint({"backbone.weight": torch.ones(2)}, tmp_path / "resnet.pt", "zip")
    with pytest.raises(WeightsError, match=r"resnet\.pt does not hold the weights of VISTA3D or SegVol"):
        recognised_entry(path)


def test_padding_belongs_to_the_entry():
    assert find_entry("vista3d").hub_id == "nvidia/NV-Segment-CT" and find_entry("vista3d").padding == "replicate"
    assert find_entry("vista3d-bundle").padding == "zero"
    assert find_entry("segvol").padding is None
