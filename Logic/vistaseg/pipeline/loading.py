"""The models of a request: whether they can be had, before the work, and loaded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from vistaseg.models.registry import PREFERRED, load_model, spec
from vistaseg.pipeline.reporter import Reporter

if TYPE_CHECKING:
    from vistaseg.models.protocol import SegmentationModel
    from vistaseg.models.recipe import Recipe
    from vistaseg.prompts import Text


def check_weights(models: Sequence[str]) -> None:
    """Check that weights are installed, before a large scan is read; bundled models always are.

    Raises:
        WeightsError: weights are not installed.
    """
    from vistaseg.weights import entry_for, installed_path

    for key in models:
        if key in PREFERRED:
            installed_path(entry_for(key))


def check_texts(models: Sequence[str], texts: Sequence[Text]) -> None:
    """Check that the model can read its texts, before a scan and weights are read.

    Raises:
        UsageError: a text is too long for it.
    """
    reading = next((spec(key) for key in models if spec(key).reads_names), None)
    if reading is None or not texts:
        return
    from vistaseg.session.routing import surely_meant

    by_class = any(not spec(key).reads_names for key in models)
    for text in texts:
        if not by_class or surely_meant(text.text) is None:
            reading.check_text(text.text)


def load_models(
    models: Sequence[str],
    device: str,
    precision: str,
    keep: bool,
    reporter: Reporter,
    memory: float | None = None,
    recipes: Mapping[str, Recipe] | None = None,
) -> list[SegmentationModel]:
    """Load models by their keys.

    Args:
        keep: let VISTA3D keep its features for further requests.
        memory: limit of VISTA3D's working memory in GB, or None.
        recipes: rules of models that have others than the usual ones.

    Raises:
        UsageError: the device is unknown.
        WeightsError: weights are not installed, or damaged.
    """
    from vistaseg.compute import MemoryBudget, choose_compute, describe_device

    compute = choose_compute(device, precision)
    budget = MemoryBudget(features=None if keep else 0, encoding=None if memory is None else int(memory * 1e9))
    loaded = [load_model(key, compute, budget, (recipes or {}).get(key)) for key in models]
    for model in loaded:
        reporter.tell(f"{model.identity.title} on {describe_device(compute.device)}, {compute.precision}.")
        if model.notice:
            reporter.tell(model.notice)
    return loaded
