"""The project's own errors: what happened, what to do next, and the exit code a command line returns for it."""

from __future__ import annotations


class VistaSegError(Exception):
    """Base of every error that is meant for a user: its text is one clear message."""

    exit_code = 1


class UsageError(VistaSegError):
    """The request itself cannot be right: unknown class, contradicting options, an output that cannot be written."""

    exit_code = 2


class InputError(VistaSegError):
    """A file or volume that was given cannot be used."""

    exit_code = 3


class WeightsError(VistaSegError):
    """Model weights are missing, not accepted, damaged or of another model."""

    exit_code = 4


class MemoryLimitError(VistaSegError):
    """The work does not fit in the memory there is, or in the budget that was given."""

    exit_code = 5


class PeerError(VistaSegError):
    """A PACS cannot be reached, or does not take what it was sent."""

    exit_code = 6


class CancelledError(VistaSegError):
    """The user stopped the work; nothing was changed."""

    exit_code = 130
