"""Probability -> landslide polygons: threshold, gaps, minimum mapping unit, fragments, uncertainty, topography."""
