"""The Python packages that the models need, installed when the user asks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from subprocess import CalledProcessError
from tempfile import TemporaryDirectory

from slicer.i18n import tr as _

from vistaseg.errors import VistaSegError

TORCH = ">=2.4"
# Module that shows that it is there: requirement. What Slicer brings itself is not listed.
REQUIREMENTS = {
    "monai": "monai>=1.5",
    "einops": "einops>=0.7",
    "huggingface_hub": "huggingface_hub>=1.0",
    "platformdirs": "platformdirs>=4",
    "psutil": "psutil>=5.9",
    "safetensors": "safetensors>=0.4.3",
}
EXPORT_REQUIREMENTS = {
    "highdicom": "highdicom>=0.27",
    "pylibjpeg": "pylibjpeg>=2.0",
    "openjpeg": "pylibjpeg-openjpeg>=2.3",
}


class InstallationError(VistaSegError):
    """Packages could not be installed."""


@lru_cache
def missingPackages() -> tuple[str, ...]:
    """Names of the modules without which no model can be loaded."""
    needed = ["torch", *REQUIREMENTS]
    return tuple(name for name in needed if find_spec(name) is None)


def missingExportPackages() -> list[str]:
    """Names of the modules without which nothing can be exported as DICOM."""
    return [name for name in EXPORT_REQUIREMENTS if find_spec(name) is None]


def install() -> None:
    """Install what is missing; asks the user, and keeps the application waiting while it does.

    Raises:
        InstallationError: with what to do.
    """
    _installTorch()
    _ensure(REQUIREMENTS.values())


def installForExport() -> None:
    """Install what DICOM export needs; asks the user, and keeps the application waiting while it does.

    Raises:
        InstallationError: with what to do.
    """
    _ensure(EXPORT_REQUIREMENTS.values())


@contextmanager
def constraintsOfInstalled() -> Iterator[Path]:
    """A file of constraints for pip, by which every installed package keeps its version; gone afterwards."""
    with TemporaryDirectory(prefix="VistaSeg-") as folder:
        path = Path(folder) / "installed.txt"
        path.write_text("".join(f"{name}=={version}\n" for name, version in _installed().items()), encoding="utf-8")
        yield path


def _ensure(requirements: Iterable[str]) -> None:
    import slicer.packaging
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in requirements]
    _requireNoOther(wanted)
    try:
        with constraintsOfInstalled() as constraints:
            slicer.packaging.pip_ensure(wanted, constraints=constraints, requester="VistaSeg")
    except CalledProcessError as error:
        raise InstallationError(
            _(
                "The packages could not be installed. Check the connection to the internet, then try again. Slicer's "
                "log says more; where it names a conflict: VistaSeg changes no package that is installed."
            )
        ) from error
    except RuntimeError as error:
        raise InstallationError(_("Nothing was installed: {reason}").format(reason=error)) from error


def _requireNoOther(requirements: Iterable) -> None:
    """What is installed is not replaced: other extensions, and Slicer itself, may need it as it is.

    Raises:
        InstallationError: a package is there in a version that does not do.
    """
    installed = _installed()
    for one in requirements:
        version = installed.get(_normalized(one.name))
        applies = one.marker is None or one.marker.evaluate()
        if version is not None and applies and not one.specifier.contains(version, prereleases=True):
            raise InstallationError(
                _(
                    "{name} {version} is installed, and VistaSeg needs {requirement}. VistaSeg replaces no package: if "
                    "nothing else needs this version, remove it in the Python console with "
                    'slicer.packaging.pip_uninstall("{name}"), restart Slicer, then press Install again.'
                ).format(name=one.name, version=version, requirement=f"{one.name}{one.specifier}")
            )


def _installed() -> dict[str, str]:
    """Version of each package that is installed; of several copies, the one that is imported."""
    found: dict[str, str] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"]
        if name and distribution.version:
            found.setdefault(_normalized(name), distribution.version)
    return found


def _normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _installTorch() -> None:
    """By the PyTorch extension, which knows the build that fits the graphics card."""
    if find_spec("torch") is not None:
        return
    try:
        import PyTorchUtils
    except ImportError as error:
        raise InstallationError(
            _("Install the extension PyTorch with the Extensions Manager, restart Slicer, then press Install again.")
        ) from error
    if PyTorchUtils.PyTorchUtilsLogic().installTorch(askConfirmation=True, torchVersionRequirement=TORCH) is None:
        raise InstallationError(_("PyTorch was not installed. Press Install again when you want it."))
