"""A predicted inventory held against a manual one, landslide by landslide."""
