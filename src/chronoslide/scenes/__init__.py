"""Acquisitions to scenes: deliveries, mosaicking, validity, normalisation."""
