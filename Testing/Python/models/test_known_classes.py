from __future__ import annotations

import subprocess
import sys

import pytest

from vistaseg.compute import choose_compute
from vistaseg.errors import UsageError
from vistaseg.models.known_classes import known_classes
from vistaseg.models.registry import MODEL_KEYS, load_model


@pytest.mark.parametrize("key", ["demo", "segvol-demo"])
def test_what_is_known_beforehand_is_what_the_loaded_model_says(key):
    assert known_classes(key) == load_model(key, choose_compute()).class_ids


def test_every_model_can_be_asked_about():
    assert len(known_classes("vista3d")) > len(known_classes("demo")) > 100
    assert all(isinstance(known_classes(key), tuple) for key in MODEL_KEYS)
    with pytest.raises(UsageError, match="choose one of"):
        known_classes("vista4d")


def test_asking_loads_no_framework():
    program = (
        "import sys; from vistaseg.models.known_classes import known_classes; known_classes('demo');"
        "print({'torch', 'monai', 'scipy', 'numpy'} & set(sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "set()"
