from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable

import pytest

from vistaseg.cli.progress_bar import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def open_terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[], Terminal]:
    """To be called within the test: pytest sets standard error anew when the test begins."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")

    def opened() -> Terminal:
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        return screen

    return opened


def drawn(screen: Terminal) -> str:
    """What was written, without colours and movements."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue())


def test_it_shows_the_stage_the_count_and_the_time_left(open_terminal):
    terminal = open_terminal()
    with ProgressBar() as bar:
        for done in range(3):
            bar("windows", done, 4)
        bar._bar.refresh()
        text = drawn(terminal)
    assert "windows" in text and "2/4" in text
    assert re.search(r"\d:\d\d:\d\d", text)


def test_stages_follow_one_another_on_one_line(open_terminal):
    terminal = open_terminal()
    with ProgressBar() as bar:
        for stage in ("reading", "windows"):
            for done in range(3):
                bar(stage, done, 2)
                bar._bar.refresh()
        assert "\n" not in drawn(terminal).strip("\r\n")
    assert "reading" in drawn(terminal) and "windows" in drawn(terminal)


def test_nothing_of_it_remains_after_an_error(open_terminal):
    terminal = open_terminal()
    with pytest.raises(KeyboardInterrupt), ProgressBar() as bar:
        bar("windows", 1, 2)
        raise KeyboardInterrupt
    assert terminal.getvalue().endswith("\x1b[1A\x1b[2K")  # one line up, and erased


@pytest.mark.parametrize("forced", [False, True])
def test_it_is_silent_where_standard_error_is_no_terminal(monkeypatch, capsys, forced):
    if forced:
        monkeypatch.setenv("FORCE_COLOR", "1")
    with ProgressBar() as bar:
        for done in range(5):
            bar("windows", done, 4)
    captured = capsys.readouterr()
    assert captured.err == "" and captured.out == ""


def test_a_window_a_minute_still_gives_a_time_left(open_terminal):
    open_terminal()
    now = [0.0]
    bar = ProgressBar()
    bar._bar.get_time = lambda: now[0]
    for done in range(4):
        bar("windows", done, 10)
        now[0] += 60.0
    remaining = bar._bar.tasks[0].time_remaining
    assert remaining == pytest.approx(7 * 60)
