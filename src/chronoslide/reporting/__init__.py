"""Figures, tables and pages from the results."""
