"""The command line: a thin client of `vistaseg.session.Session`."""
