"""How long the automatic segmentation of a whole volume takes on a CPU: by experience, until then by a rule."""

from __future__ import annotations

import os

import qt
import slicer

from vistaseg.models.registry import spec

# The first windows are slower than those that follow.
FEWEST_WINDOWS = 4


def expectedSeconds(volumeNode, key: str) -> float:
    """Seconds, or 0 where there is nothing to tell."""
    image = volumeNode.GetImageData()
    if image is None:
        return 0.0
    size = [count * spacing for count, spacing in zip(image.GetDimensions(), volumeNode.GetSpacing(), strict=True)]
    return spec(key).expected_windows(size) * _secondsAWindow(key)


def learn(key: str, report) -> None:
    """Take the speed from a report of progress of an automatic segmentation.

    Of a click there is nothing to learn: how many windows it will be followed through is not known, nor the time left.
    """
    if report.stage == "windows" and report.total >= FEWEST_WINDOWS and report.done >= 2 and report.seconds_left:
        qt.QSettings().setValue(_setting(key), report.seconds_left / (report.total - report.done))


def _secondsAWindow(key: str) -> float:
    rule = spec(key).thread_seconds / (os.cpu_count() or 1)
    return slicer.util.settingsValue(_setting(key), rule, converter=float)


def _setting(key: str) -> str:
    return f"VistaSeg/SecondsAWindow/{key}"
