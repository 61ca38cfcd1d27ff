"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer


class Model(str, Enum):
    """Keys of the models, known here without importing them, and the choice of what a request needs."""

    AUTO = "auto"
    VISTA3D = "vista3d"
    SEGVOL = "segvol"
    DEMO = "demo"
    SEGVOL_DEMO = "segvol-demo"


class OneModel(str, Enum):
    """Keys of the models."""

    VISTA3D = "vista3d"
    SEGVOL = "segvol"
    DEMO = "demo"
    SEGVOL_DEMO = "segvol-demo"


class Device(str, Enum):
    """Names that `vistaseg.compute.choose_compute` takes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class Precision(str, Enum):
    """Names that `vistaseg.compute.choose_compute` takes."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


ScanArgument = Annotated[Path, typer.Argument(metavar="INPUT", help="CT: NIfTI, NRRD, MHA or a DICOM folder.")]
OutputOption = Annotated[
    str, typer.Option("-o", "--output", metavar="OUT", help="OUT.seg.nrrd, OUT.nii.gz, or a folder ending in /.")
]
ModelOption = Annotated[
    Model, typer.Option("--model", help="auto takes VISTA3D, and SegVol for a text that needs it; demo: in the box.")
]
OneModelOption = Annotated[OneModel, typer.Option("--model", help="demo and segvol-demo are the models in the box.")]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto takes a GPU where there is one.")]
PrecisionOption = Annotated[Precision, typer.Option("--precision", help="auto takes bf16 where it is faster.")]
TextOption = Annotated[
    list[str] | None, typer.Option("--text", metavar="NAME", help="What the structure is called, for example liver.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print a report as JSON.")]
