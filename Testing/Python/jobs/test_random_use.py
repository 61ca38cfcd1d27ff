"""A thousand hosts that do anything in any order; what holds for all of them."""

from __future__ import annotations

import random
import threading

import pytest

from vistaseg.errors import CancelledError
from vistaseg.jobs import JobState, Worker

SEQUENCES, STEPS = 1000, 25
ENDINGS = {"done", "failed", "dropped"}
OVER = set(JobState) - {JobState.QUEUED, JobState.RUNNING}


def own_threads():
    return [thread for thread in threading.enumerate() if thread.name == "vistaseg-worker"]


class Sequence:
    """One host, driven by a seed."""

    def __init__(self, seed, make_host):
        self.random = random.Random(seed)
        self.worker = Worker()
        self.host = make_host(self.worker)
        self.jobs = {}
        self.settled_by_host = {}
        self.gone = set()

    def step(self):
        getattr(self, self.random.choices(["submit", "cancel", "poll", "lose"], [6, 2, 3, 1])[0])()

    def submit(self):
        name = str(len(self.jobs))
        kind, steps = self.random.choice(["result", "result", "error"]), self.random.randrange(5)
        key = self.random.choice([None, "liver", "spleen"])
        valid = lambda: name not in self.gone  # noqa: E731
        job = self.host.submit(name, work(name, kind, steps), key, idle=self.random.random() < 0.3, valid=valid)
        self.jobs[name] = job

    def cancel(self):
        if self.jobs:
            name = self.random.choice(list(self.jobs))
            if self.jobs[name].state not in OVER:
                self.settled_by_host[name] = "cancelled"
            self.jobs[name].cancel()

    def lose(self):
        if self.jobs:
            name = self.random.choice(list(self.jobs))
            if self.jobs[name].state not in OVER:
                self.gone.add(name)

    def poll(self):
        self.worker.poll()


def work(name, kind, steps):
    def run(progress):
        for n in range(steps):
            progress("steps", n, steps)
        if kind == "error":
            raise ValueError(name)
        return name

    return run


def check(sequence, closed):
    ended = [name for name, what, _ in sequence.host.told if what in ENDINGS]
    assert len(ended) == len(set(ended)), "told twice"
    assert sequence.host.threads <= {threading.get_ident()}
    assert all(job.state in OVER for job in sequence.jobs.values())
    for name, what, content in sequence.host.told:
        state = sequence.jobs[name].state
        if what == "done":
            assert content == name and state is JobState.DONE
            assert name not in sequence.settled_by_host and name not in sequence.gone
        elif what == "failed":
            assert str(content) == name and state is JobState.FAILED and name not in sequence.gone
            assert not isinstance(content, CancelledError)
        elif what == "dropped":
            assert content is sequence.jobs[name] and content.note
    if not closed:
        silent = [job for name, job in sequence.jobs.items() if name not in ended]
        assert all(job.idle and job.state is JobState.DROPPED for job in silent), "a question was lost"
    check_order(sequence)


def check_order(sequence):
    """Questions that ran were heard of in the order in which they were asked; nothing after the end of a job."""
    ran = [int(name) for name, what, _ in sequence.host.told if what in ("done", "failed")]
    questions = [number for number in ran if not sequence.jobs[str(number)].idle]
    assert questions == sorted(questions)
    over = set()
    for name, what, _ in sequence.host.told:
        assert name not in over
        over |= {name} if what in ENDINGS else set()


@pytest.mark.parametrize("closed", [False, True], ids=["to the end", "closed at once"])
def test_nothing_is_lost_told_twice_or_told_late(make_host, closed):
    threads = own_threads()
    for seed in range(SEQUENCES // 2):
        sequence = Sequence(2 * seed + closed, make_host)
        for _ in range(STEPS):
            sequence.step()
        if not closed:
            sequence.host.settle()
        assert sequence.worker.close(20)
        told = len(sequence.host.told)
        sequence.worker.poll()
        assert len(sequence.host.told) == told
        check(sequence, closed)
    assert own_threads() == threads
