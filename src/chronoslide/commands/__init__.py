"""Verbs of the command that are no stage of the pipeline: for settings, and for data made by others."""
