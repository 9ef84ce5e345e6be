"""Scenes and labels to samples: splitting by place, sampling, scaling, augmentation."""
