"""Which rules a model is loaded with, and where its weights are from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from vistaseg.compute import Compute
from vistaseg.models.recipe import FIRST, RULES, VERSION, Recipe
from vistaseg.models.registry import load_model, recipe_for
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.network import build_network
from vistaseg.volume import Volume
from vistaseg.weights import find_entry, import_file, layouts

CPU = Compute(torch.device("cpu"), torch.float32)
SMALL = Vista3dConfiguration(width=8, features=8, blocks_down=(1, 1), window=(16, 16, 16))


@pytest.fixture
def brought(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file in the layout of nvidia/NV-Segment-CT, of a VISTA3D that is small."""
    monkeypatch.setenv("VISTASEG_HOME", str(tmp_path / "home"))
    torch.manual_seed(0)
    state = build_network(SMALL).state_dict()
    shapes = {name: tuple(tensor.shape) for name, tensor in state.items()}
    monkeypatch.setitem(layouts.LAYOUTS, "vista3d", replace(layouts.LAYOUTS["vista3d"], shapes=lambda: shapes))
    monkeypatch.setattr("vistaseg.models.vista3d.spec.Vista3dConfiguration", lambda: SMALL)
    save_file(
        {f"network.{name}": tensor.contiguous() for name, tensor in state.items()}, tmp_path / "brought.safetensors"
    )
    return tmp_path / "brought.safetensors"


@pytest.mark.parametrize(("key", "padding"), [("vista3d", "replicate"), ("vista3d-bundle", "zero")])
def test_imported_weights_are_padded_as_their_entry_says_and_called_imported(
    brought: Path, key: str, padding: str
) -> None:
    import_file(find_entry(key), brought)
    model = load_model("vista3d", CPU)
    assert model.identity.recipe == Recipe(padding=padding)
    assert model.identity.weights_from == "imported"
    from vistaseg.session import Session

    volume = Volume.from_array(
        torch.rand(8, 9, 10).numpy() * 900 - 300, torch.diag(torch.tensor([1.5, 1.5, 1.5, 1.0])).numpy(), axes="kji"
    )
    (made, *_) = Session(volume, model).segment(model.class_ids).segments
    assert made.provenance["weights_from"] == "imported"
    assert made.provenance["recipe"]["vista3d"]["padding"] == padding


def test_the_models_in_the_box_pad_with_0_and_say_where_they_are_from() -> None:
    assert recipe_for("demo") == Recipe() and recipe_for("segvol-demo") == Recipe()
    assert load_model("demo", CPU).identity.weights_from == "bundled"


def test_a_recipe_of_ones_own_is_used() -> None:
    assert load_model("segvol-demo", CPU, recipe=FIRST).identity.recipe == FIRST


def test_the_small_segvol_is_not_for_boxes() -> None:
    from vistaseg.models.segvol.configuration import SegVolConfiguration
    from vistaseg.prompts import RegionOfInterest

    assert SegVolConfiguration().trained_with_boxes
    assert RegionOfInterest not in load_model("segvol-demo", CPU).trained_with
    assert RegionOfInterest not in load_model("demo", CPU).trained_with


def test_every_rule_is_described_and_the_first_versions_differ_from_today() -> None:
    assert set(RULES) == set(Recipe().as_dict()) - {"version"}
    assert all(text for choices in RULES.values() for text in choices.values())
    assert (FIRST.version, Recipe().version) == (1, VERSION)
    assert FIRST.differences(Recipe()) == ["click_place", "air", "box"]
