"""What providers deliver -> tiles on a site's lattice: a module a provider, and the reading that all of them share."""

from chronoslide.scenes.deliveries.reading import Tile, crs_of, read_area, read_tile

__all__ = ["Tile", "crs_of", "read_area", "read_tile"]
