"""The training step of the same network in PyTorch: channels-last, in float32 and in bfloat16 (autocast).

`python -m benchmarks.peers.train_with_pytorch FILTERS BATCH SIDE BANDS STEPS` prints patches a second as JSON. The
batch is in memory already and no augmentation is made, which favours it.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

from benchmarks.peers.map_with_peers import UNet, torch


def _loss(probability: Any, truth: Any) -> Any:
    """Tversky's with beta 0.6, as ours."""
    hits = (probability * truth).sum()
    return 1.0 - hits / (hits + 0.6 * (probability * (1 - truth)).sum() + 0.4 * ((1 - probability) * truth).sum())


def rate(filters: int, batch: int, side: int, bands: int, steps: int, *, bfloat16: bool) -> float:
    """Patches a second, the first step left out."""
    torch.manual_seed(0)
    model = UNet(bands, filters).to(memory_format=torch.channels_last).train()
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3)
    images = torch.rand(batch, bands, side, side).contiguous(memory_format=torch.channels_last)
    truth = (torch.rand(batch, 1, side, side) > 0.9).float()
    begin = 0.0
    for step in range(steps + 1):
        if step == 1:
            begin = time.perf_counter()
        optimiser.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=bfloat16):
            probability = model(images)
        loss = _loss(probability.float(), truth)
        loss.backward()
        optimiser.step()
        float(loss)
    return batch * steps / (time.perf_counter() - begin)


def main() -> int:
    """Prints both rates."""
    filters, batch, side, bands, steps = (int(word) for word in sys.argv[1:6])
    found = {
        name: rate(filters, batch, side, bands, steps, bfloat16=name == "bfloat16") for name in ("float32", "bfloat16")
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
