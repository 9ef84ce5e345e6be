"""Scene to probability: windows, inference, blending."""
