"""Comparisons beside the pipeline: each a script, its parameters and its table in `reports/`."""
