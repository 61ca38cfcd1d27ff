"""The programs of dcmqi, for tests; without them a test skips itself by name."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import SimpleITK

from vistaseg.dicom import Series
from vistaseg.volume import Volume


def program(name: str) -> str:
    """Its path."""
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed: package dcmqi")
    return found


def dcmqi_table(names: list[str]) -> dict[str, Any]:
    """What itkimage2segimage is told of labels 1, 2, ...: left kidneys that were made automatically."""
    kidney = {"CodeValue": "64033007", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Kidney"}
    left = {"CodeValue": "7771000", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Left"}
    anatomy = {"CodeValue": "123037004", "CodingSchemeDesignator": "SCT", "CodeMeaning": "Anatomical Structure"}
    rows = [
        {
            "labelID": label,
            "SegmentLabel": name,
            "SegmentDescription": name,
            "SegmentAlgorithmType": "AUTOMATIC",
            "SegmentAlgorithmName": "Another program",
            "recommendedDisplayRGBValue": [10 * label, 200, 30],
            "SegmentedPropertyCategoryCodeSequence": anatomy,
            "SegmentedPropertyTypeCodeSequence": kidney,
            "SegmentedPropertyTypeModifierCodeSequence": left,
        }
        for label, name in enumerate(names, start=1)
    ]
    return {
        "ContentCreatorName": "Doe^J",
        "SeriesDescription": "Kidneys",
        "SeriesNumber": "3",
        "InstanceNumber": "1",
        "segmentAttributes": [rows],
    }


def write_with_dcmqi(series: Series, labels: np.ndarray, ijk_to_ras: np.ndarray, folder: Path) -> Path:
    """Labels 1 and 2 (k, j, i) on any grid as a segmentation of a series; `folder/ct` then has its images."""
    (folder / "ct").mkdir()
    for k, image in enumerate(series.datasets):
        image.save_as(folder / "ct" / f"{k}.dcm", enforce_file_format=True)
    SimpleITK.WriteImage(Volume.from_array(labels, ijk_to_ras, axes="kji").to_sitk(), str(folder / "labels.nrrd"))
    (folder / "table.json").write_text(json.dumps(dcmqi_table(["left kidney", "another"][: labels.max()])))
    inputs = ["--inputImageList", folder / "labels.nrrd", "--inputDICOMDirectory", folder / "ct"]
    outputs = ["--inputMetadata", folder / "table.json", "--outputDICOM", folder / "seg.dcm"]
    subprocess.run([program("itkimage2segimage"), *inputs, *outputs], check=True, capture_output=True)
    return folder / "seg.dcm"
