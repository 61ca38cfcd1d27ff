from __future__ import annotations

import subprocess
import sys
import threading
import traceback

import pytest

from vistaseg.errors import CancelledError, InputError
from vistaseg.jobs import JobState


def returns(value):
    return lambda progress: value


def test_results_come_in_the_order_of_the_questions(host):
    for n in range(20):
        host.submit(str(n), returns(n))
    host.settle()
    assert [(name, content) for name, _, content in host.told] == [(str(n), n) for n in range(20)]


def test_work_runs_in_one_other_thread_and_is_heard_of_in_the_one_that_polls(host):
    for name in "ab":
        host.submit(name, lambda progress: progress("s", 0, 1) or threading.get_ident())
    host.settle()
    ran = {content for _, what, content in host.told if what == "done"}
    assert len(ran) == 1 and threading.get_ident() not in ran
    assert host.threads == {threading.get_ident()}


def test_nothing_is_heard_before_the_poll(host, worker, until):
    job = host.submit("a", returns(1))
    until(lambda: job.state is JobState.RUNNING)
    assert not host.told and worker.busy
    host.settle()
    assert job.state is JobState.DONE and not worker.busy


def test_the_state_of_a_job_goes_from_queued_to_running_to_done(host, gate):
    waiting = host.submit("a", returns(1))
    assert waiting.state is JobState.QUEUED
    gate.opened.set()
    host.settle()
    assert waiting.state is JobState.DONE and waiting.note == ""


def test_an_error_arrives_unchanged_with_its_traceback(host):
    cause, error = OSError("disk"), InputError("The scan is damaged.")

    def fails_deep_within(progress):
        raise error from cause

    job = host.submit("a", fails_deep_within)
    host.settle()
    received = host.content("a", "failed")
    assert received is error and received.__cause__ is cause and job.state is JobState.FAILED
    assert "fails_deep_within" in "".join(traceback.format_exception(received))


@pytest.mark.parametrize("error", [MemoryError(), SystemExit(3), RuntimeError("CUDA error")])
def test_the_thread_outlives_every_error(host, error):
    def fails(progress):
        raise error

    host.submit("bad", fails)
    host.submit("good", returns(1))
    host.settle()
    assert host.heard() == [("bad", "failed"), ("good", "done")]
    assert host.content("bad", "failed") is error


def test_an_error_nobody_listens_for_comes_out_of_the_poll(host, worker):
    def fails(progress):
        raise InputError("The scan is damaged.")

    host.submit("bad", fails, on_failed=None)
    host.submit("good", returns(1))
    with pytest.raises(InputError, match="damaged"):
        host.settle()
    host.settle()
    assert host.heard() == [("good", "done")]


def test_progress_says_how_far_the_work_is(host, make_gate, until):
    gate = make_gate()
    job = host.submit("a", gate)
    until(lambda: gate.reports >= 5)
    host.worker.poll()
    (report,) = [content for _, what, content in host.told if what == "progress"]
    assert report.stage == "waiting" and 4 <= report.done <= gate.reports and report.total == 10**6
    assert report.seconds > 0 and report.seconds_left > report.seconds
    gate.opened.set()
    host.settle()
    assert host.heard("progress", "done")[-1] == ("a", "done") and job.state is JobState.DONE


def test_the_last_progress_is_heard_before_the_result(host, worker, until):
    def counts(progress):
        for n in range(4):
            progress("counting", n, 3)

    job = host.submit("a", counts)
    other = host.submit("b", returns(1))
    until(lambda: other.state is JobState.RUNNING)
    host.settle()
    assert host.heard("progress", "done") == [("a", "progress"), ("a", "done"), ("b", "done")]
    assert host.content("a", "progress").done == 3 and job.state is JobState.DONE


def test_a_cancelled_job_stops_at_its_next_report(host, make_gate):
    gate = make_gate()
    job = host.submit("a", gate)
    assert gate.begun.wait(20)
    job.cancel()
    host.submit("b", returns(1))
    host.settle()
    assert job.state is JobState.CANCELLED and host.heard() == [("a", "dropped"), ("b", "done")]
    assert not gate.opened.is_set()


def test_a_job_cancelled_in_the_queue_never_starts(host, gate):
    ran = []
    job = host.submit("a", ran.append)
    job.cancel()
    assert job.state is JobState.CANCELLED
    gate.opened.set()
    host.settle()
    assert not ran and host.heard() == [("a", "dropped"), ("gate", "done")]


def test_a_result_that_was_ready_when_it_was_cancelled_is_not_delivered(host, gate, until):
    job, after = host.submit("a", returns(1)), host.submit("b", returns(2))
    gate.opened.set()
    until(lambda: after.state is JobState.RUNNING)
    job.cancel()
    host.settle()
    assert job.state is JobState.CANCELLED and host.heard() == [("gate", "done"), ("a", "dropped"), ("b", "done")]


def test_work_that_ends_itself_as_cancelled_is_cancelled(host):
    def gives_up(progress):
        raise CancelledError("Enough.")

    job = host.submit("a", gives_up)
    host.settle()
    assert job.state is JobState.CANCELLED and host.heard() == [("a", "dropped")]


def test_cancelling_what_is_over_changes_nothing(host):
    job = host.submit("a", returns(1))
    host.settle()
    job.cancel()
    host.settle()
    assert job.state is JobState.DONE and host.heard() == [("a", "done")]


def test_a_later_question_about_the_same_replaces_one_that_waits(host, gate):
    ran = []
    first, other, second = (host.submit(name, lambda _, name=name: ran.append(name), key=name[0]) for name in
                            ("liver 1", "spleen", "liver 2"))  # fmt: skip
    assert first.state is JobState.SUPERSEDED and "later question" in first.note
    gate.opened.set()
    host.settle()
    assert ran == ["spleen", "liver 2"]
    assert host.heard() == [("liver 1", "dropped"), ("gate", "done"), ("spleen", "done"), ("liver 2", "done")]
    assert host.content("liver 1", "dropped") is first and second.state is other.state is JobState.DONE


def test_a_question_that_runs_is_left_to_finish(host, make_gate):
    gate = make_gate()
    first = host.submit("first", gate, key="liver")
    assert gate.begun.wait(20)
    host.submit("second", returns(1), key="liver")
    gate.opened.set()
    host.settle()
    assert first.state is JobState.DONE and host.heard() == [("first", "done"), ("second", "done")]


def test_work_without_a_key_replaces_nothing(host, gate):
    host.submit("a", returns(1))
    host.submit("b", returns(2))
    gate.opened.set()
    host.settle()
    assert host.heard() == [("gate", "done"), ("a", "done"), ("b", "done")]


def test_idle_work_runs_when_nothing_else_is_queued(host, gate):
    host.submit("ahead", returns(0), idle=True)
    for name in "ab":
        host.submit(name, returns(1))
    gate.opened.set()
    host.settle()
    assert host.heard() == [("gate", "done"), ("a", "done"), ("b", "done"), ("ahead", "done")]


def test_idle_work_gives_way_at_once_and_in_silence(host, make_gate):
    gate = make_gate()
    ahead = host.submit("ahead", gate, idle=True)
    assert gate.begun.wait(20)
    host.submit("question", returns(1))
    host.settle()
    assert host.heard() == [("question", "done")]
    assert ahead.state is JobState.DROPPED and "gave way" in ahead.note and not gate.opened.is_set()


def test_idle_work_does_not_give_way_to_idle_work(host, make_gate):
    gate = make_gate()
    host.submit("first", gate, idle=True)
    assert gate.begun.wait(20)
    host.submit("second", returns(1), idle=True)
    gate.opened.set()
    host.settle()
    assert host.heard() == [("first", "done"), ("second", "done")]


def test_idle_work_that_is_cancelled_is_told_so(host, make_gate):
    gate = make_gate()
    ahead = host.submit("ahead", gate, idle=True)
    assert gate.begun.wait(20)
    ahead.cancel()
    host.settle()
    assert ahead.state is JobState.CANCELLED and host.heard() == [("ahead", "dropped")]


def test_idle_work_that_is_cancelled_while_it_gives_way_is_told_so(host, until):
    begun, go_on = threading.Event(), threading.Event()
    ahead = host.submit("ahead", lambda progress: begun.set() or go_on.wait(20) and progress("s", 0, 1), idle=True)
    assert begun.wait(20)
    host.submit("question", returns(1))
    ahead.cancel()
    go_on.set()
    host.settle()
    assert ahead.state is JobState.CANCELLED and host.heard() == [("ahead", "dropped"), ("question", "done")]


def test_idle_work_replaces_only_idle_work_of_its_key(host, gate):
    names = ("ahead 1", "ahead 2", "question", "ahead 3")
    for name in names:
        host.submit(name, returns(name), key="liver", idle=name.startswith("ahead"))
    gate.opened.set()
    host.settle()
    dropped = [name for name, what in host.heard() if what == "dropped"]
    assert dropped == ["ahead 1", "ahead 2"]
    assert host.heard("done") == [("gate", "done"), ("question", "done"), ("ahead 3", "done")]


def test_a_result_whose_segment_is_gone_is_dropped_with_a_note(host, gate):
    segments = {"liver"}
    late = host.submit("late", returns(1), valid=lambda: "liver" in segments)
    host.submit("good", returns(2), valid=lambda: True)
    segments.clear()
    gate.opened.set()
    host.settle()
    assert host.heard() == [("gate", "done"), ("late", "dropped"), ("good", "done")]
    assert late.state is JobState.DROPPED and "too late" in late.note


def test_an_error_and_the_progress_for_what_is_gone_are_not_told_either(host):
    def fails(progress):
        progress("windows", 0, 1)
        raise InputError("The scan is damaged.")

    job = host.submit("late", fails, valid=lambda: False)
    host.settle()
    assert [what for _, what, _ in host.told] == ["dropped"] and job.state is JobState.DROPPED


def test_validity_is_asked_in_the_thread_that_polls_and_just_before(host, gate, worker):
    asked = []
    host.submit("first", returns(1), on_done=lambda _: asked.append("first done"))
    host.submit("second", returns(2), valid=lambda: asked.append(threading.get_ident()) or True)
    gate.opened.set()
    host.settle()
    assert asked == ["first done", threading.get_ident()]


@pytest.mark.parametrize("where", ["on_done", "valid"])
def test_a_callback_that_raises_costs_no_other_result(host, gate, where):
    def breaks(*_):
        raise ZeroDivisionError(where)

    job = host.submit("bad", returns(1), **{where: breaks})
    host.submit("good", returns(2))
    gate.opened.set()
    with pytest.raises(ZeroDivisionError, match=where):
        host.settle()
    host.settle()
    host.submit("later", returns(3))
    host.settle()
    assert host.heard() == [("gate", "done"), ("good", "done"), ("later", "done")]
    assert job.state is (JobState.DONE if where == "on_done" else JobState.DROPPED)


def test_a_callback_may_submit_and_cancel(host, gate):
    victim = []
    host.submit("a", returns(1), on_done=lambda _: (host.submit("c", returns(3)), victim[0].cancel()))
    victim.append(host.submit("b", returns(2)))
    gate.opened.set()
    host.settle()
    assert host.heard() == [("gate", "done"), ("b", "dropped"), ("c", "done")]


def test_a_poll_from_within_a_callback_does_not_overtake(host, gate, worker):
    """A message box in a callback runs the host's timer."""
    host.submit("a", returns(1), on_done=lambda _: (worker.poll(), host.told.append(("a", "done", 1))))
    host.submit("b", returns(2))
    gate.opened.set()
    host.settle()
    assert host.heard() == [("gate", "done"), ("a", "done"), ("b", "done")]


def test_closing_cancels_everything_and_delivers_nothing_more(host, worker, gate, until):
    waiting = host.submit("a", returns(1))
    assert worker.close(20) and not worker.busy
    worker.poll()
    assert not host.told and waiting.state is JobState.CANCELLED
    with pytest.raises(RuntimeError, match="closed"):
        host.submit("b", returns(2))


def test_a_finished_result_is_not_delivered_after_closing(host, worker, until):
    job, after = host.submit("a", returns(1)), host.submit("b", returns(2))
    until(lambda: after.state is JobState.RUNNING)
    assert worker.close(20) and not worker.busy
    worker.poll()
    assert not host.told and job.state is after.state is JobState.CANCELLED


def test_closing_does_not_wait_longer_than_it_may(host, worker):
    begun, go_on = threading.Event(), threading.Event()
    host.submit("deaf", lambda progress: begun.set() or go_on.wait(20))
    assert begun.wait(20)
    assert not worker.close(0.01)
    go_on.set()
    assert worker.close(20)
    worker.poll()
    assert not host.told


def test_a_callback_may_close_the_worker(host, worker, gate):
    host.submit("a", returns(1), on_done=lambda _: worker.close(20))
    host.submit("b", returns(2))
    gate.opened.set()
    host.settle()
    assert host.heard() == [("gate", "done")]


def test_a_host_that_forgets_to_close_does_not_keep_the_interpreter_alive():
    program = (
        "import sys, time; sys.path.insert(0, 'Logic')\n"
        "from vistaseg.jobs import Worker\n"
        "worker = Worker(); begun = []\n"
        "job = worker.submit(lambda progress: begun.append(1) or time.sleep(600))\n"
        "while not begun: time.sleep(0.001)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
