"""What a worker must not keep: threads, results, and hosts that forgot it."""

from __future__ import annotations

import gc
import threading
import weakref

import pytest

from vistaseg.errors import InputError
from vistaseg.jobs import Worker


class Mask:
    """Something large."""


class Panel:
    """A host that never closes its worker, and whose callbacks refer to it."""

    def __init__(self):
        self.worker = Worker()

    def ask(self):
        self.worker.submit(lambda progress: Mask(), on_done=self.hear)

    def hear(self, mask):
        raise AssertionError("never polled")


def own_threads():
    return [thread for thread in threading.enumerate() if thread.name == "vistaseg-worker"]


def test_a_forgotten_worker_ends_its_thread(until):
    before = len(own_threads())
    panel = Panel()
    panel.ask()
    forgotten = weakref.ref(panel)
    del panel
    until(lambda: gc.collect() is not None and forgotten() is None and len(own_threads()) == before)


def test_results_and_errors_are_let_go_once_they_are_delivered(host):
    kept = []

    def fails(progress):
        mask = Mask()
        kept.append(weakref.ref(mask))
        raise InputError("The scan is damaged.")

    def succeeds(progress):
        mask = Mask()
        kept.append(weakref.ref(mask))
        return mask

    jobs = [host.submit("a", fails), host.submit("b", succeeds)]
    host.settle()
    host.told.clear()
    gc.collect()
    assert [mask() for mask in kept] == [None, None] and jobs


def test_work_is_let_go_of_by_a_job_that_is_kept(host, gate):
    mask = Mask()
    kept = weakref.ref(mask)
    jobs = [host.submit(name, lambda progress, mask=mask: None) for name in ("runs", "never runs")]
    jobs[1].cancel()
    gate.opened.set()
    host.settle()
    del mask
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("delivered", [True, False])
def test_callbacks_are_let_go_after_delivery_or_closing(host, worker, delivered):
    mask = Mask()
    kept = weakref.ref(mask)
    job = host.submit("a", lambda progress: 1, on_done=lambda _, mask=mask: None)
    if delivered:
        host.settle()
    else:
        worker.close(20)
    del mask
    gc.collect()
    assert kept() is None and job


def test_a_hundred_workers_leave_no_thread():
    before = len(own_threads())
    for _ in range(100):
        worker = Worker()
        worker.submit(lambda progress: 1)
        assert worker.close(20)
    assert len(own_threads()) == before
