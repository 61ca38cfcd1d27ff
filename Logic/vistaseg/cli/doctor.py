"""`vistaseg doctor`: whether this machine, its software and its weights do what the published ones do."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from vistaseg.cli.console import echo
from vistaseg.cli.options import (
    Device,
    DeviceOption,
    JsonOption,
    ModelOption,
    Precision,
    PrecisionOption,
    named_path,
)
from vistaseg.cli.progress_bar import ProgressBar
from vistaseg.errors import WeightsError
from vistaseg.io import check_file_place, write_bytes
from vistaseg.pipeline.model_choice import AUTO


def doctor_command(
    weights: Annotated[
        bool, typer.Option("--weights", help="Also hash and load the weights, and run one window.")
    ] = False,
    ct: Annotated[
        Path | None,
        typer.Option(
            "--ct",
            metavar="CT",
            parser=named_path,
            help="A CT to segment, ideally spleen_03 of the Medical Segmentation Decathlon.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", metavar="OUT.json", parser=named_path, help="Report file."),
    ] = None,
    model: ModelOption = AUTO,
    device: DeviceOption = Device.AUTO,
    precision: PrecisionOption = Precision.AUTO,
    as_json: JsonOption = False,
) -> None:
    """Check software, device, memory and weights; the report holds no patient data and can be shared."""
    if output is not None:
        check_file_place(output)
    from vistaseg.compute import choose_compute
    from vistaseg.doctor import examine

    keys = None if model == AUTO else [model]
    with ProgressBar() as progress:
        report = examine(choose_compute(device.value, precision.value), keys, weights, ct, progress)
    content = json.dumps(report.as_dict(), indent=1)
    if output is not None:
        write_bytes(output, content.encode() + b"\n")
    echo(*(content if as_json else report.as_text()).split("\n"))
    if report.failed:
        raise WeightsError(f"Not all is well: {', '.join(report.failed)}. The lines above say what to do.")
