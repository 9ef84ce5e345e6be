"""The simulated site: terrain, land cover, landslides, sensor and mapper.

RapidEye scenes are licensed, so the repository's own data set is simulated. This room makes it as a provider and a
mapper would deliver it; everything after it, from `scenes` on, cannot tell the difference and never reads its truth.
"""
