"""The figures of the demo model's confidence: their arithmetic by hand, the model's own answers, the same variants."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from clicked_balls import small_model
from evaluate_confidence import CANDIDATES, competing_sums, counted, dice_of, lone_sums, marked, measure, table
from variants import VARIANTS, brighter, in_thick_slices, lower_half

from vistaseg import catalog
from vistaseg.progress import silent
from vistaseg.volume import Volume

LIVER, SPLEEN = 1, 3
IDS = torch.tensor([LIVER, SPLEEN])


def logit(probability: float) -> float:
    return float(np.log(probability / (1 - probability)))


def voxels(*pairs: tuple[float, float]) -> torch.Tensor:
    """Logits (voxels, 2) of the probabilities of liver and spleen."""
    return torch.tensor([[logit(liver), logit(spleen)] for liver, spleen in pairs])


def arrays(sums: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {name: values.numpy() for name, values in sums.items()}


def test_each_candidate_is_as_worked_out_by_hand() -> None:
    # Two voxels of the liver, one of the spleen, one of neither that is rather the liver.
    logits = voxels((0.8, 0.2), (0.6, 0.5), (0.2, 0.9), (0.4, 0.1))
    sums = arrays(competing_sums(logits, torch.tensor([LIVER, SPLEEN, SPLEEN, LIVER]), IDS))
    found = {name: candidate(sums).tolist() for name, candidate in CANDIDATES.items()}
    # With odds of 4 and 1/4, 3/2 and 1, 1/4 and 9.
    against = [(4 / 5.25 + 1.5 / 3.5) / 2, 9 / 10.25]
    assert found == {
        "against the strongest other class, mean over the mask": pytest.approx(against),
        "probability (sigmoid), mean over the mask": pytest.approx([0.7, 0.9]),
        "voxels above 0.7 over voxels above 0.3": pytest.approx([1 / 3, 1]),
        "expected Dice of the soft mask": pytest.approx([2 * 1.4 / (2.0 + 2), 2 * 0.9 / (1.7 + 1)]),
        "number of voxels": [2, 1],
    }
    assert dice_of(sums | {"truth": np.array([2, 2])}) == pytest.approx([2 * 1 / 4, 2 * 1 / 3])


def test_a_class_that_is_asked_for_alone_has_no_rival() -> None:
    sums = arrays(lone_sums(voxels((0.6, 0.7), (0.8, 0.4)), torch.tensor([LIVER, SPLEEN]), IDS))
    assert sums["voxels"].tolist() == [2, 1]
    assert sums["hits"].tolist() == [1, 0]
    assert sums["against"] == pytest.approx([1.4, 0.7])


def test_the_table_ranks_masks_and_the_mark_counts_them() -> None:
    size = np.full(4, 100.0)
    sums = {
        "voxels": size + np.arange(4)[::-1],
        "hits": np.array([20.0, 50.0, 80.0, 95.0]),
        "truth": size,
        "against": np.array([40.0, 70.0, 60.0, 95.0]),
        "probability": size * 0.5,
        "above 0.3": size,
        "above 0.7": np.array([10.0, 20.0, 30.0, 40.0]),
        "everywhere": size,
    }
    rows = table(sums).splitlines()[2:]
    assert rows[0].endswith("| 0.80 | 0.75 |")
    assert rows[2].endswith("| 1.00 | 1.00 |")
    assert rows[4].endswith("| -1.00 | 0.00 |")
    assert "4 masks, 2 with a Dice below 0.7" in marked(sums)
    assert "have 50% of them and 50% of the others" in marked(sums)


def test_masks_count_that_were_looked_for_and_are_more_than_a_speck() -> None:
    sums = {"voxels": np.array([9, 10, 500]), "hits": np.array([1, 2, 3])}
    assert counted(sums, np.array([True, True, False]))["hits"].tolist() == [2]


def test_the_candidate_in_use_is_the_confidence_that_the_model_gives() -> None:
    model = small_model()
    image = torch.randn(1, 1, 24, 20, 30, generator=torch.Generator().manual_seed(0)) * 300
    competing, lone = measure(model, (image, torch.zeros_like(image)), frozenset(range(133)))
    affine = np.diag([*model.configuration.spacing, 1.0])
    opened = model.open(Volume.from_array(image[0, 0].permute(2, 1, 0).numpy(), affine, axes="kji"))
    known = [i for i in catalog.everything() if i in model.class_ids]
    masks = opened.segment_classes(known, None, silent)
    sizes = np.bincount(masks.labels.ravel(), minlength=256)
    ids = [i for i in known if sizes[i] >= 10]
    assert ids
    assert competing["voxels"].tolist() == sizes[ids].tolist()
    assert competing["against"] / competing["voxels"] == pytest.approx([masks.confidences[i] for i in ids], rel=1e-4)
    single = opened.segment_classes(known[:1], None, silent)
    assert lone["voxels"][0] == np.count_nonzero(single.labels)


def test_variants_are_the_same_every_time_and_keep_image_and_labels_together() -> None:
    labels = torch.zeros(1, 1, 40, 44, 36)
    labels[..., 10:30, 12:32, 4:30] = 1
    image = -1000 + 2000 * labels
    for variant in VARIANTS:
        first, second = variant(image, labels), variant(image, labels)
        assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
        assert ((first[0] > 0) == (first[1] == 1)).float().mean() > 0.93, variant.__name__


def test_only_tissue_is_brighter_and_only_half_of_a_scan_is_left() -> None:
    image = torch.tensor([-900.0, 40.0]).view(1, 1, 1, 1, 2)
    assert brighter(image, image)[0].flatten().tolist() == [-900, 130]
    assert lower_half(image, image)[0].flatten().tolist() == [-900]


def test_thick_slices_are_averaged() -> None:
    image = torch.zeros(1, 1, 1, 1, 9)
    image[..., 3:6] = torch.tensor([0.0, 90.0, 0.0])
    assert in_thick_slices(image, image)[0][..., 4].item() == pytest.approx(30)
