from __future__ import annotations

from unittest.mock import patch

import torch

from vistaseg.compute import Compute, MemoryBudget, budget
from vistaseg.models.registry import load_model
from vistaseg.models.vista3d.model import Vista3d

CPU = torch.device("cpu")


def test_what_is_not_given_is_a_share_of_what_is_free() -> None:
    with patch.object(budget, "available_bytes", return_value=1000):
        assert MemoryBudget().for_features() == 300
        assert MemoryBudget().for_windows(CPU) == 100
        assert MemoryBudget(features=7, windows=0).for_features() == 7
        assert MemoryBudget(features=7, windows=0).for_windows(CPU) == 0


def test_a_model_keeps_to_the_budget_that_it_was_loaded_with() -> None:
    model = load_model("demo", Compute(CPU, torch.float32), MemoryBudget(features=5, windows=6, encoding=7))
    assert isinstance(model, Vista3d)
    assert (model.keep_bytes, model.click_bytes, model.memory_bytes) == (5, 6, 7)
