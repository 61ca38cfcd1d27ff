from __future__ import annotations

import pytest

from vistaseg.jobs.timing import Timing


def test_the_time_left_follows_from_the_speed_so_far():
    timing = Timing(100.0)
    assert timing.report("windows", 0, 10, 101.0).seconds_left is None
    report = timing.report("windows", 4, 10, 109.0)
    assert (report.seconds, report.seconds_left) == (9.0, pytest.approx(12.0))
    assert timing.report("windows", 10, 10, 121.0).seconds_left == 0


def test_a_stage_is_not_estimated_from_the_one_before():
    timing = Timing(0.0)
    timing.report("windows", 0, 10, 0.0)
    timing.report("windows", 10, 10, 100.0)
    assert timing.report("labels", 0, 5, 100.0).seconds_left is None
    assert timing.report("labels", 1, 5, 101.0).seconds_left == pytest.approx(4.0)


def test_the_same_stage_begun_again_is_timed_anew():
    timing = Timing(0.0)
    timing.report("windows", 0, 10, 0.0)
    timing.report("windows", 9, 10, 90.0)
    timing.report("windows", 0, 10, 100.0)
    assert timing.report("windows", 5, 10, 105.0).seconds_left == pytest.approx(5.0)


def test_steps_that_were_done_before_the_first_report_do_not_count_as_fast():
    timing = Timing(0.0)
    timing.report("windows", 8, 10, 1.0)
    assert timing.report("windows", 9, 10, 4.0).seconds_left == pytest.approx(3.0)
