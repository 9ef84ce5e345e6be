"""Networks of segmentation-models-pytorch on chips that were parted before, for as many seconds as we were given.

`python -m benchmarks.peers.train_on_chips CHIPS.npz SECONDS SEED PRECISION` prints a line of JSON for each network:
F1 and IoU of the test chips, seconds of training, epochs, megapixels a second. `benchmarks.bench_chips` writes the
chips. Random weights, the eight symmetries of a square, Dice loss, Adam from 0.001 down along a cosine, batches of
16, channels last, and bfloat16 (autocast) where ours takes it; the epoch of the lowest validation loss is kept, the
threshold is the best on the validation chips. Test chips are looked at once.
"""

from __future__ import annotations

import copy
import importlib
import json
import math
import sys
import time
from typing import Any

import numpy as np

from benchmarks.peers.map_with_peers import import_torchvision

torch: Any = importlib.import_module("torch")
import_torchvision()  # which the next one needs
smp: Any = importlib.import_module("segmentation_models_pytorch")

_BATCH = 16
_LEARNING_RATE, _LOWEST_RATE = 1e-3, 1e-5
_THRESHOLDS = np.arange(1, 100) / 100
_MAPPED_SIDE, _MAPPED_WINDOWS = 512, 4
_NETWORKS: dict[str, Any] = {
    "smp U-Net, ResNet-34": lambda bands: smp.Unet("resnet34", encoder_weights=None, in_channels=bands, classes=1),
    "smp DeepLabV3+, ResNet-34": lambda bands: smp.DeepLabV3Plus(
        "resnet34", encoder_weights=None, in_channels=bands, classes=1
    ),
}


def train(model: Any, chips: dict[str, Any], seconds: float, seed: int, *, bfloat16: bool) -> tuple[Any, int, float]:
    """Trains until the time is over; the best network by validation loss, its epochs and its seconds.

    The time on the validation chips counts, as it does in ours.
    """
    rng = np.random.default_rng(seed)
    loss_of = smp.losses.DiceLoss(mode="binary")
    optimiser = torch.optim.Adam(model.parameters(), lr=_LEARNING_RATE)
    images, labels = chips["train_images"], chips["train_labels"]
    model.to(memory_format=torch.channels_last)
    best, lowest, epochs, begun = copy.deepcopy(model.state_dict()), math.inf, 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        model.train()
        order = rng.permutation(len(images))
        for chosen in np.array_split(order, math.ceil(len(order) / _BATCH)):
            spent = time.perf_counter() - begun
            if spent >= seconds:
                break
            rate = _LOWEST_RATE + (_LEARNING_RATE - _LOWEST_RATE) * (1 + math.cos(math.pi * spent / seconds)) / 2
            optimiser.param_groups[0]["lr"] = rate
            seen, truth = _turned(images[chosen], labels[chosen], rng)
            optimiser.zero_grad()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
                answer = model(seen)
            loss = loss_of(answer.float(), truth)
            loss.backward()
            optimiser.step()
        else:
            epochs += 1
        judged = _dice(predict(model, chips["validation_images"]), chips["validation_labels"])
        if judged < lowest:
            best, lowest = copy.deepcopy(model.state_dict()), judged
    model.load_state_dict(best)
    return model, epochs, time.perf_counter() - begun


def predict(model: Any, images: Any) -> Any:
    """Probability (n, rows, cols) of images (n, rows, cols, bands)."""
    model.eval()
    with torch.inference_mode():
        parts = [
            torch.sigmoid(model(_as_tensor(images[first : first + _BATCH])))[:, 0].numpy()
            for first in range(0, len(images), _BATCH)
        ]
    return np.concatenate(parts)


def megapixels_a_second(model: Any, bands: int) -> float:
    """Of the network alone, on windows of 512 pixels one after the other; the best of three rounds."""
    model.eval()
    model.to(memory_format=torch.channels_last)
    window = torch.rand(1, bands, _MAPPED_SIDE, _MAPPED_SIDE).contiguous(memory_format=torch.channels_last)
    taken = []
    with torch.inference_mode():
        model(window)
        for _ in range(3):
            begun = time.perf_counter()
            for _ in range(_MAPPED_WINDOWS):
                model(window)
            taken.append(time.perf_counter() - begun)
    return _MAPPED_WINDOWS * _MAPPED_SIDE**2 / 1e6 / min(taken)


def _turned(images: Any, labels: Any, rng: np.random.Generator) -> tuple[Any, Any]:
    """Each chip in one of its eight orientations."""
    turned_images, turned_labels = np.empty_like(images), np.empty_like(labels)
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        turns, flipped = int(rng.integers(4)), bool(rng.integers(2))
        image, label = np.rot90(image, turns), np.rot90(label, turns)
        turned_images[place] = image[:, ::-1] if flipped else image
        turned_labels[place] = label[:, ::-1] if flipped else label
    truth = torch.from_numpy(turned_labels.astype(np.float32))[:, None]
    return _as_tensor(turned_images), truth


def _as_tensor(images: Any) -> Any:
    channels_first = torch.from_numpy(np.moveaxis(images, -1, 1))
    return channels_first.contiguous(memory_format=torch.channels_last)


def _counts(mapped: Any, truth: Any) -> tuple[float, float, float]:
    return float((mapped & truth).sum()), float((mapped & ~truth).sum()), float((~mapped & truth).sum())


def _f1(mapped: Any, truth: Any) -> float:
    tp, fp, fn = _counts(mapped, truth)
    return 2 * tp / max(2 * tp + fp + fn, 1.0)


def _dice(probability: Any, labels: Any) -> float:
    """1 - soft Dice of all pixels together."""
    inside = float(probability[labels == 1].sum(dtype=np.float64))
    return 1 - 2 * inside / (float(probability.sum(dtype=np.float64)) + float((labels == 1).sum()))


def main() -> int:
    """Trains and tests each network and prints what came of it."""
    with np.load(sys.argv[1]) as file:
        chips = {name: file[name] for name in file.files}
    seconds, seed, bfloat16 = float(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "mixed_bfloat16"
    truth = {subset: chips[f"{subset}_labels"] == 1 for subset in ("validation", "test")}
    bands = chips["train_images"].shape[-1]
    # What the networks see, standardised as ours are: by the training chips' mean and deviation.
    mean, deviation = (getattr(chips["train_images"], name)(axis=(0, 1, 2)) for name in ("mean", "std"))
    for name in [name for name in chips if name.endswith("_images")]:
        chips[name] = ((chips[name] - mean) / deviation).astype(np.float32)
    for name, build in _NETWORKS.items():
        torch.manual_seed(seed)
        model, epochs, spent = train(build(bands), chips, seconds, seed, bfloat16=bfloat16)
        probability = predict(model, chips["validation_images"])
        threshold = max(_THRESHOLDS, key=lambda one: _f1(probability >= one, truth["validation"]))
        mapped = predict(model, chips["test_images"]) >= threshold
        tp, fp, fn = _counts(mapped, truth["test"])
        found = {
            "network": name,
            "parameters": sum(weights.numel() for weights in model.parameters()),
            "validation_f1": round(_f1(probability >= threshold, truth["validation"]), 4),
            "f1": round(_f1(mapped, truth["test"]), 4),
            "iou": round(tp / max(tp + fp + fn, 1.0), 4),
            "seconds": round(spent, 1),
            "epochs": epochs,
            "megapixels_a_second": round(megapixels_a_second(model, bands), 2),
        }
        print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
