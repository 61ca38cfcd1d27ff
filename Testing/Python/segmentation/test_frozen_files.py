"""Files of earlier versions are read with all that they say: masks, names, codes, how each segment was made."""

from __future__ import annotations

import json

import numpy as np
import pytest
from frozen_calls import FROZEN, comparable, describe, differences

from vistaseg.dicom import import_seg, read_series
from vistaseg.segmentation import read_segmentation, write_segmentation

CONTENTS = json.loads((FROZEN / "contents.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CONTENTS)
def test_a_recorded_file_is_read_with_all_that_it_says(name):
    found = describe(read_segmentation(FROZEN / "results" / name))
    assert not differences(comparable(CONTENTS[name]), comparable(found))


@pytest.mark.parametrize("name", CONTENTS)
def test_a_recorded_file_is_written_again_without_loss(name, tmp_path):
    again = tmp_path / "again.seg.nrrd"
    write_segmentation(read_segmentation(FROZEN / "results" / name), again)
    assert not differences(comparable(CONTENTS[name]), comparable(describe(read_segmentation(again))))


@pytest.mark.parametrize("name", ["organs", "refined"])
def test_a_recorded_dicom_segmentation_is_read_with_its_history(name):
    series = read_series(FROZEN / "input" / "dicom")
    found = import_seg(FROZEN / "results" / f"{name}.dcm", series).segmentation
    liver = found.segments[0]
    kind = "AUTOMATIC" if name == "organs" else "SEMIAUTOMATIC"
    assert [one.name for one in found.segments] == ["liver", "spleen"]
    assert (liver.structure_id, liver.provenance["algorithm_type"]) == (1, kind)
    assert found.segments[1].provenance["algorithm_type"] == "AUTOMATIC"
    recorded = read_segmentation(FROZEN / "results" / f"{name}.seg.nrrd")
    assert np.array_equal(found.full_mask(found.segments[1]), recorded.full_mask(recorded.segments[1]))
    assert np.allclose(found.ijk_to_ras, recorded.ijk_to_ras, atol=1e-3)
