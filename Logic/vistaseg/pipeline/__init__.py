"""How a scan is segmented, for Python, the command line and cohorts alike: a plan is checked, loaded and run.

Nothing is imported here: the command line asks for the choice of models before anything else is there.
"""
