"""Tiny patch sets as their makers lay them out, made by programs."""

import warnings

import h5py
import numpy as np
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

SIDE = 16


def square_mask(rows=SIDE, cols=SIDE, value=1):
    """A landslide of 4 x 4 pixels at the upper left."""
    mask = np.zeros((rows, cols), np.uint8)
    mask[:4, :4] = value
    return mask


def write_hdf5(path, name, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file[name] = values


def write_png(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def write_npy(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)


def write_tiff(path, values, nodata=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    cube = np.moveaxis(values if values.ndim == 3 else values[..., None], -1, 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(
            path, "w", driver="GTiff", width=cube.shape[2], height=cube.shape[1], count=cube.shape[0],
            dtype=cube.dtype, nodata=nodata,
        ) as target:  # fmt: skip
            target.write(cube)


def landslide4sense(folder, chips=3, fill=None):
    """`TrainData/img/image_N.h5` and `TrainData/mask/mask_N.h5`, and `ValidData/img` without masks, as delivered.

    Values are noise around 1, as they are after each channel was divided by its mean; `fill` puts one value everywhere.
    """
    rng = np.random.default_rng(0)
    for number in range(1, chips + 1):
        values = rng.normal(1.0, 0.2, (SIDE, SIDE, 14)) if fill is None else np.full((SIDE, SIDE, 14), fill)
        write_hdf5(folder / f"TrainData/img/image_{number}.h5", "img", values)
        write_hdf5(folder / f"TrainData/mask/mask_{number}.h5", "mask", square_mask())
    write_hdf5(folder / "ValidData/img/image_1.h5", "img", np.ones((SIDE, SIDE, 14)))
    return folder


def landslide4sense_by_parts(folder, chips=2):
    """The same as `images/train` and `annotations/train`, with all masks, as it is mirrored."""
    for part in ("train", "validation", "test"):
        for number in range(1, chips + 1):
            write_hdf5(folder / f"images/{part}/image_{number}.h5", "img", np.full((SIDE, SIDE, 14), 1.0 + number))
            write_hdf5(folder / f"annotations/{part}/mask_{number}.h5", "mask", square_mask())
    return folder


def hr_gldd(folder, counts=(("train", 5), ("val", 2), ("test", 3))):
    """`trainX.npy` (n, side, side, 4) from 0 to 1 and `trainY.npy` (n, side, side, 1), and so on."""
    rng = np.random.default_rng(0)
    for part, count in counts:
        write_npy(folder / f"{part}X.npy", rng.uniform(0.1, 0.6, (count, SIDE, SIDE, 4)).astype(np.float32))
        masks = np.repeat(square_mask()[None, ..., None], count, axis=0)
        write_npy(folder / f"{part}Y.npy", masks.astype(np.float32))
    return folder


def bijie(folder, sizes=((16, 16), (40, 20), (10, 30))):
    """PNG of any size: `landslide/image` with `landslide/mask`, and `non-landslide/image`."""
    rng = np.random.default_rng(0)
    for number, (rows, cols) in enumerate(sizes):
        image = rng.integers(1, 255, (rows, cols, 3), dtype=np.uint8)
        write_png(folder / f"landslide/image/df{number:03d}.png", image)
        write_png(folder / f"landslide/mask/df{number:03d}.png", square_mask(rows, cols, 255))
        write_png(folder / f"landslide/dem/df{number:03d}.png", image[..., 0])
        write_png(folder / f"non-landslide/image/{number}.png", image)
    return folder


def pairs(folder, suffix, chips=4, bands=3):
    """`images/` and `masks/` of one format: png, tif, npy, npz or h5; reflectance, eight bits in PNG."""
    rng = np.random.default_rng(0)
    for number in range(chips):
        image = rng.integers(500, 4000, (SIDE, SIDE, bands), dtype=np.uint16)
        if suffix == "png":
            image = (image // 16).astype(np.uint8)
        for part, values in (("images", image), ("masks", square_mask())):
            path = folder / part / f"{number}.{suffix}"
            path.parent.mkdir(parents=True, exist_ok=True)
            if suffix == "npz":
                np.savez(path, anything=values)
            elif suffix == "h5":
                write_hdf5(path, "anything", values)
            else:
                {"png": write_png, "tif": write_tiff, "npy": write_npy}[suffix](path, values)
    return folder
