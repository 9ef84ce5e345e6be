"""Multi-temporal landslide inventories from satellite scenes."""

__version__ = "0.1.0"
