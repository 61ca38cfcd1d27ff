"""The one worker thread: work goes in from the host's thread, and comes back to it when the host polls."""

from vistaseg.jobs.job import Job, JobState
from vistaseg.jobs.timing import ProgressReport
from vistaseg.jobs.worker import Worker

__all__ = ["Job", "JobState", "ProgressReport", "Worker"]
