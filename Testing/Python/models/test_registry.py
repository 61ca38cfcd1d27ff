"""The table of models: what is known before one is loaded, and a third one that another package offers."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from third_model import offered

from vistaseg.compute import choose_compute
from vistaseg.errors import UsageError, WeightsError
from vistaseg.models.registry import BUILT_IN, PREFERRED, load_model, spec, specs
from vistaseg.models.vista3d.configuration import Vista3dConfiguration
from vistaseg.models.vista3d.windows import plan_windows
from vistaseg.prompts import Point, RegionOfInterest, Text
from vistaseg.session import Session
from vistaseg.weights import load_manifest

KINDS = {"point": Point, "box": RegionOfInterest, "text": Text}
CENTRED = np.array([[-4.0, 0, 0, 80], [0, -4.0, 0, 60], [0, 0, 4.0, -80], [0, 0, 0, 1]])
voxels = st.integers(1, 700)


@pytest.mark.parametrize("key", ["demo", "segvol-demo"])
def test_what_is_known_beforehand_is_what_the_loaded_model_says(key):
    model, known = load_model(key, choose_compute()), spec(key)
    assert known.class_ids() == model.class_ids
    assert {KINDS[kind] for kind in known.prompts} == model.takes
    assert (RegionOfInterest in model.trained_with) == known.box_trained
    assert model.identity.title == known.title and model.identity.weights_from == "bundled"


def test_every_published_model_has_weights_to_install():
    published = {each.key for each in BUILT_IN if not each.bundled}
    assert published == {entry.model for entry in load_manifest()} == set(PREFERRED)


def test_an_unknown_model_is_refused_with_the_known_ones():
    assert len(spec("vista3d").class_ids()) > len(spec("demo").class_ids()) > 100
    with pytest.raises(UsageError, match="vista3d, segvol, demo, segvol-demo"):
        spec("vista4d")


def test_asking_loads_no_framework():
    program = (
        "import sys; from vistaseg.models.registry import spec; spec('demo').class_ids();"
        "print({'torch', 'monai', 'scipy', 'numpy'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"


@given(st.tuples(voxels, voxels, voxels))
def test_expected_windows_are_those_that_are_planned(size):
    planned = plan_windows(size, Vista3dConfiguration())
    assert spec("vista3d").expected_windows([1.5 * count for count in size]) == len(planned.windows)


def test_windows_of_the_small_model_are_as_large_in_mm():
    size = (400.0, 400.0, 500.0)
    assert spec("demo").expected_windows(size) == spec("vista3d").expected_windows(size) > 1
    assert spec("segvol").expected_windows(size) == spec("segvol-demo").expected_windows(size) == 0


def test_a_third_model_is_one_entry_for_a_session(phantom):
    volume = phantom((40, 30, 40), CENTRED)
    with offered():
        session = Session(volume, load_model("third", choose_compute()))
        assert list(specs()) == [*(each.key for each in BUILT_IN), "third"]
    found = session.segment("spleen")
    assert [segment.name for segment in found.segments] == ["spleen"] and found.segments[0].voxel_count > 0
    assert found.segments[0].provenance["model"] == "third"


@pytest.mark.parametrize("value", ["third_model:offered", "vistaseg.models.vista3d.spec:DEMO"])
def test_what_is_no_new_model_is_refused_by_the_name_of_its_package(value):
    with offered(value), pytest.raises(WeightsError, match=value.split(":")[0]):
        specs()
