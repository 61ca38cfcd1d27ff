"""Options that several commands share."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from vistaseg.errors import UsageError
from vistaseg.models.registry import BUILT_IN, spec
from vistaseg.pipeline.model_choice import AUTO


class Device(str, Enum):
    """Names that `vistaseg.compute.choose_compute` takes."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


class ResultForm(str, Enum):
    """Forms of the results of a cohort, which differ in their names' endings."""

    SEG_NRRD = "seg.nrrd"
    NIFTI = "nii.gz"
    DICOM = "dcm"


class Precision(str, Enum):
    """Names that `vistaseg.compute.choose_compute` takes."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


SPACES = "in RAS mm, or lps:… in LPS mm, or ijk:… in voxels"
"""How places are typed, see `vistaseg.cli.places`."""


def named_path(text: str) -> Path:
    """The path of an argument, which would be the current folder if it were empty.

    Raises:
        typer.BadParameter: it is empty, such as a variable of the shell that is not set.
    """
    if not text:
        raise typer.BadParameter("No file was named. The current folder is a point (.).")
    return Path(text)


def model_key(text: str) -> str:
    """The key of a model, or `AUTO`.

    Raises:
        typer.BadParameter: the model is unknown.
    """
    if text == AUTO:
        return text
    try:
        return spec(text).key
    except UsageError as error:
        raise typer.BadParameter(str(error)) from error


def one_model_key(text: str) -> str:
    """The key of a model.

    Raises:
        typer.BadParameter: the model is unknown.
    """
    if text == AUTO:
        raise typer.BadParameter("Choose one model.")
    return model_key(text)


ScanArgument = Annotated[
    Path, typer.Argument(metavar="INPUT", parser=named_path, help="CT: NIfTI, NRRD, MHA or a DICOM folder.")
]
OptionalScanArgument = Annotated[
    Path | None, typer.Argument(metavar="[CT]", parser=named_path, help="CT: NIfTI, NRRD, MHA or a DICOM folder.")
]
SeriesOption = Annotated[
    str | None,
    typer.Option(metavar="UID", help="DICOM series to read: its UID, or its number in `vistaseg dicom list`."),
]
OutputOption = Annotated[
    str,
    typer.Option("-o", "--output", metavar="OUT", help="OUT.seg.nrrd, OUT.nii.gz, OUT.dcm, or a folder ending in /."),
]
_KEYS = "|".join(each.key for each in BUILT_IN)
ModelOption = Annotated[
    str,
    typer.Option(
        "--model",
        parser=model_key,
        metavar=f"{AUTO}|{_KEYS}",
        help="auto: VISTA3D, and SegVol for texts without a class; demo: the bundled models.",
    ),
]
OneModelOption = Annotated[
    str,
    typer.Option("--model", parser=one_model_key, metavar=_KEYS, help="demo and segvol-demo are the bundled models."),
]
DeviceOption = Annotated[Device, typer.Option("--device", help="auto: a GPU if available.")]
PrecisionOption = Annotated[Precision, typer.Option("--precision", help="auto: bf16 where it is faster.")]
ClassesOption = Annotated[
    str | None, typer.Option("--classes", metavar="NAMES", help='Structures, for example "liver, left kidney".')
]
PresetOption = Annotated[str | None, typer.Option("--preset", metavar="NAME", help="A preset, see `vistaseg classes`.")]
MemoryOption = Annotated[
    float | None,
    typer.Option(
        "--memory",
        metavar="GB",
        min=0.01,
        max=100_000,
        help="Limit for VISTA3D's working memory; smaller windows if it is short.",
    ),
]
MaskOption = Annotated[
    Path | None, typer.Option("--mask", metavar="IN", parser=named_path, help="Existing segmentation of the scan.")
]
TextOption = Annotated[
    list[str] | None,
    typer.Option("--text", metavar="NAME", help="Name of the structure, for example liver; may be repeated."),
]
DeflateOption = Annotated[
    bool,
    typer.Option(
        "--deflate", help="Compress the DICOM segmentation (deflate): much smaller, but not every program reads it."
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the report as JSON.")]
