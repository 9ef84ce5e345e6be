"""Other tools' tiled inference on a U-Net of the same floating-point work (PyTorch), on the same scene and windows.

`python -m benchmarks.peers.map_with_peers SCENE.npy WINDOW OVERLAP FILTERS` prints megapixels a second as JSON. The
scene is an array in memory and no map is written, which favours them. Tools that are not installed are left out.

plain_loop: windows in batches and the mean where they overlap, as one writes it around a model of
segmentation-models-pytorch. terratorch: its `tiled_inference`. torchgeo: its grid sampler and a data loader over the
scene as a raster. Each with batches of four and, as "singly", with one window at a time, which is faster where
activations then fit a processor's cache. Tuned by hand, which nobody gets without asking: channels_last, and that with
bfloat16.
"""

from __future__ import annotations

import importlib
import importlib.util
import itertools
import json
import sys
import time
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

torch: Any = importlib.import_module("torch")
nn: Any = torch.nn

_BATCHES = {"": 4, "_singly": 1}


class _Block(nn.Module):  # type: ignore[misc]
    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        layers = []
        for before in (channels, width):
            layers += [nn.Conv2d(before, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
        self.layers = nn.Sequential(*layers)

    def forward(self, image: Any) -> Any:
        return self.layers(image)


class UNet(nn.Module):  # type: ignore[misc]
    """The network of this project: five levels, two convolutions each, transposed convolutions, one probability."""

    def __init__(self, bands: int, filters: int) -> None:
        super().__init__()
        widths = [filters * 2**level for level in range(5)]
        self.down = nn.ModuleList(
            [_Block(before, width) for before, width in zip([bands, *widths[:-1]], widths, strict=True)]
        )
        self.up = nn.ModuleList([nn.ConvTranspose2d(2 * width, width, 2, 2) for width in reversed(widths[:-1])])
        self.merge = nn.ModuleList([_Block(2 * width, width) for width in reversed(widths[:-1])])
        self.head = nn.Conv2d(filters, 1, 1)

    def forward(self, image: Any) -> Any:
        """(n, bands, rows, cols) to probability (n, 1, rows, cols)."""
        skipped = []
        for level, block in enumerate(self.down):
            image = block(image if level == 0 else nn.functional.max_pool2d(image, 2))
            skipped.append(image)
        for up, merge, skip in zip(self.up, self.merge, reversed(skipped[:-1]), strict=True):
            image = merge(torch.cat([up(image), skip], dim=1))
        return torch.sigmoid(self.head(image))


def plain_loop(scene: Any, predict: Callable[[Any], Any], window: int, overlap: int, together: int) -> Any:
    """The mean of overlapping windows; the scene's sides are whole windows."""
    rows, cols = scene.shape[:2]
    total, count = np.zeros((rows, cols), np.float32), np.zeros((rows, cols), np.float32)
    step = window - overlap
    corners = [(row, col) for row in range(0, rows - overlap, step) for col in range(0, cols - overlap, step)]
    for first in range(0, len(corners), together):
        batch = corners[first : first + together]
        images = np.stack([scene[row : row + window, col : col + window] for row, col in batch])
        answer = predict(torch.from_numpy(images).permute(0, 3, 1, 2))
        for (row, col), probability in zip(batch, answer.float().numpy()[:, 0], strict=True):
            total[row : row + window, col : col + window] += probability
            count[row : row + window, col : col + window] += 1.0
    return total / count


def with_terratorch(scene: Any, model: Any, window: int, overlap: int, together: int) -> None:
    """Its own tiles, weights and loop."""
    tiled = importlib.import_module("terratorch.tasks.tiled_inference")
    image = torch.from_numpy(np.ascontiguousarray(np.moveaxis(scene, -1, 0)))[None]
    tiled.tiled_inference(
        model, image, out_channels=1, h_crop=window, w_crop=window, h_stride=window - overlap,
        w_stride=window - overlap, batch_size=together, average_patches=True, verbose=False,
    )  # fmt: skip


def with_torchgeo(raster: Path, model: Any, window: int, overlap: int, together: int) -> None:
    """Its grid sampler and a data loader without workers; the answers are put at their places."""
    datasets = importlib.import_module("torchgeo.datasets")
    samplers = importlib.import_module("torchgeo.samplers")

    class Scene(datasets.RasterDataset):  # type: ignore[misc, name-defined]
        filename_glob = raster.name
        is_image = True

    dataset = Scene(str(raster.parent))
    sampler = samplers.GridGeoSampler(dataset, size=window, stride=window - overlap, units=samplers.Units.PIXELS)
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=together, sampler=sampler, collate_fn=datasets.stack_samples
    )
    for batch in loader:
        model(batch["image"] / 10_000)


def import_torchvision() -> None:
    """Needed by all of them; a build for CUDA cannot register its own operations beside a PyTorch for CPUs."""
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        sys.modules["torchvision._meta_registrations"] = types.ModuleType("_meta_registrations")
        importlib.import_module("torchvision")


def main() -> int:
    """Measures each tool once, after a first window, and prints the rates."""
    path = Path(sys.argv[1])
    window, overlap, filters = (int(word) for word in sys.argv[2:5])
    scene = np.load(path)
    pixels = scene.shape[0] * scene.shape[1] / 1e6
    model = UNet(scene.shape[2], filters).eval()
    fast = UNet(scene.shape[2], filters).eval().to(memory_format=torch.channels_last)

    def channels_last(images: Any) -> Any:
        return fast(images.contiguous(memory_format=torch.channels_last))

    def channels_last_bf16(images: Any) -> Any:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            return channels_last(images)

    ways: dict[str, Callable[[int], object]] = {
        "plain_loop": lambda together: plain_loop(scene, model, window, overlap, together),
        "tuned_channels_last": lambda together: plain_loop(scene, channels_last, window, overlap, together),
        "tuned_channels_last_bf16": lambda together: plain_loop(scene, channels_last_bf16, window, overlap, together),
    }
    import_torchvision()
    if importlib.util.find_spec("terratorch"):
        importlib.import_module("terratorch.tasks.tiled_inference")  # not in the time that it takes
        ways["terratorch"] = lambda together: with_terratorch(scene, model, window, overlap, together)
    if importlib.util.find_spec("torchgeo"):
        importlib.import_module("torchgeo.samplers")
        raster = path.with_suffix(".tif")
        ways["torchgeo"] = lambda together: with_torchgeo(raster, model, window, overlap, together)
    rates = {}
    with torch.inference_mode():
        model(torch.zeros(1, scene.shape[2], window, window))
        for (tool, way), (suffix, together) in itertools.product(ways.items(), _BATCHES.items()):
            name = tool + suffix
            begin, spent = time.perf_counter(), time.process_time()
            try:
                way(together)
            except Exception as error:  # a tool that does not run here is left out, not all of them
                print(f"{name}: {type(error).__name__}: {error}", file=sys.stderr)
                continue
            rates[name] = pixels / (time.perf_counter() - begin)
            print(f"{name}: {time.process_time() - spent:.2f} s of processor time", file=sys.stderr)
    print(json.dumps(rates))
    return 0


if __name__ == "__main__":
    sys.exit(main())
