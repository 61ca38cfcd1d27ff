"""A session: one volume before one model or several, the prompts of each segment in order, and the results."""

from vistaseg.session.history import Answer
from vistaseg.session.identifying import Identification
from vistaseg.session.session import Session

__all__ = ["Answer", "Identification", "Session"]
