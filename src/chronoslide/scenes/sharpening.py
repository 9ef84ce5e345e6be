"""Optional sharpening of a scene by an unsharp mask.

The last step of a scene. It stands in for pan-sharpening, which RapidEye, without a panchromatic band, does not offer.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from scipy.ndimage import gaussian_filter

from chronoslide.scenes.scene import Scene

# About the point spread of a push-broom sensor; wider blurs make halos rather than edges.
_SIGMA_PIXELS: Final = 1.0


def sharpen(scene: Scene, weight: float) -> Scene:
    """Adds a share of what a Gaussian blur (1 pixel) takes away.

    The blur averages valid pixels only, so that NoData cannot bleed into its neighbours.

    Args:
        scene: The scene.
        weight: 0 leaves the scene as it is; 1 adds the detail once.

    Returns:
        The sharpened scene; reflectance below 0 becomes 0.
    """
    if weight == 0.0:
        return scene
    share = gaussian_filter(scene.valid.astype(np.float32), _SIGMA_PIXELS, mode="constant")
    reflectance = np.zeros_like(scene.reflectance)
    for band in range(len(scene.bands)):
        values = np.where(scene.valid, scene.reflectance[..., band], np.float32(0.0))
        blurred = gaussian_filter(values, _SIGMA_PIXELS, mode="constant")[scene.valid] / share[scene.valid]
        sharp = values[scene.valid] + np.float32(weight) * (values[scene.valid] - blurred)
        reflectance[scene.valid, band] = np.maximum(sharp, 0.0)
    return Scene(reflectance, scene.valid, scene.grid, scene.bands)
