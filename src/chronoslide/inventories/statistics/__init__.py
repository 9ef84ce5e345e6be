"""What an inventory says of its ground: counts, densities, size distributions, magnitude, volume."""
