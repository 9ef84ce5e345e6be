"""Probability to landslides: polygons, tracking through time, comparison, densities, size statistics."""
