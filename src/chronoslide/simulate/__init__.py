"""The simulated site: terrain, land cover, landslides, sensor and mapper."""
