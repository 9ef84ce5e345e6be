"""Mapping large scenes at f = 32: rate, memory, share of the time that is spent in the network, and other tools beside.

`python -m benchmarks mapping` needs the demo's results (`make demo`): its scene of 2016 is mirrored to the sizes, and
its transferred network is widened to 32 filters without changing what it computes, so that the gate on accuracy means
something without an hour of training. Each
figure is of a process of its own: `python -m benchmarks.bench_mapping SCENE ENGINE PRECISION` maps one scene and prints
what it took. Making an engine is counted apart, since it is done once for all scenes; the scene is mapped twice and the
second time counts, since a process gets its memory page by page while it maps the first of many scenes. The peers are
measured in the same run if their environment was made (`make bench-peers`), in one process, which is warm, too; they
get the same windows, four at once and one by one, and the scene as an array in memory, and need not write a map.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.windows import Window

from benchmarks.measure import ROOT, Measure
from chronoslide.mapping.asking import Answer, AsksAhead, Predict, ask
from chronoslide.mapping.windows import axis
from chronoslide.params import MapSettings

RESULTS = ROOT / "results"
WORK = RESULTS / "benchmarks"
PEERS = ROOT / ".venv-peers/bin/python"
FILTERS = 32
# Of whole windows with an overlap of 64 pixels, which the others' loops need: 4 of 624, 7 and 14 of 768 (512 before).
SIDES = {5: 2304, 25: 4992, 100: 9920}
QUICK_SIDES = {5: 960, 25: 1408, 100: 2304}
SETTINGS = MapSettings(window_pixels=768, overlap_pixels=64, batch_windows=2)
_ROUNDS = 3
_COMMAND = "python -m benchmarks mapping"


def mapping(*, quick: bool = False) -> list[Measure]:
    """Ours on 5, 25 and 100 megapixels; TensorFlow and the peers on 5, in turns with ours.

    Quick: scenes of 1, 2 and 5 megapixels under the same names and one turn, to see that everything runs.
    """
    if not (RESULTS / "patches/investigation/train").is_dir():
        print("no results/: mapping is measured on the demo's scenes; run `make demo` first")
        return []
    _network()
    scenes = {size: _scene(side) for size, side in (QUICK_SIDES if quick else SIDES).items()}
    small = scenes[5]
    ours, tensorflow, peers = [], [], dict[str, list[float]]()
    for _ in range(1 if quick else _ROUNDS):
        ours.append(_run(small, "openvino", "auto"))
        tensorflow.append(_run(small, "tensorflow", "float32"))
        for name, rate in _peers(small).items():
            peers.setdefault(name, []).append(rate)
    middle, large = _run(scenes[25], "openvino", "auto"), _run(scenes[100], "openvino", "auto")
    rates = [one["mpx_per_s"] for one in ours]

    def measure(name: str, unit: str, *values: float) -> Measure:
        return Measure(name, values, unit, _COMMAND)

    measures = [
        measure("map_5mpx_rate", "Mpx/s", *rates),
        measure("map_5mpx_wall_s", "s", *[one["wall_s"] for one in ours]),
        measure("map_5mpx_first_wall_s", "s", *[one["first_wall_s"] for one in ours]),
        measure("map_25mpx_rate", "Mpx/s", middle["mpx_per_s"]),
        measure("map_100mpx_rate", "Mpx/s", large["mpx_per_s"]),
        measure("map_25mpx_wall_s", "s", middle["wall_s"]),
        measure("map_100mpx_wall_s", "s", large["wall_s"]),
        measure("map_25mpx_peak_rss_gb", "GB", middle["peak_rss_gb"]),
        measure("map_100mpx_peak_rss_gb", "GB", large["peak_rss_gb"]),
        measure("map_engine_peak_rss_gb", "GB", large["engine_peak_rss_gb"]),
        measure("map_model_time_share", "1", large["model_share"]),
        measure("map_matmul_share", "1", large["flop_per_s"] / _matmul_rate()),
        measure("map_engine_s", "s", *[one["engine_s"] for one in ours]),
        measure("map_flipped_share", "1", large["flipped_share"]),
        measure("map_f1_change", "1", large["f1_change"]),
        measure("map_tensorflow_rate", "Mpx/s", *[one["mpx_per_s"] for one in tensorflow]),
        measure(
            "map_speedup_vs_tensorflow",
            "1",
            *[mine["mpx_per_s"] / other["mpx_per_s"] for mine, other in zip(ours, tensorflow, strict=True)],
        ),
    ]
    measures += [measure(f"map_peer_{name}_rate", "Mpx/s", *values) for name, values in peers.items()]
    kinds: dict[str, Callable[[str], bool]] = {
        "best_peer": lambda peer: not peer.startswith("tuned"),
        "best_peer_in_batches": lambda peer: not peer.startswith("tuned") and not peer.endswith("singly"),
        "tuned_pytorch": lambda peer: peer.startswith("tuned"),
    }
    for name, wanted in kinds.items():
        if chosen := [values for peer, values in peers.items() if wanted(peer)]:
            best = [max(values) for values in zip(*chosen, strict=True)]
            ratios = [mine / other for mine, other in zip(rates, best, strict=True)]
            measures.append(measure(f"map_speedup_vs_{name}", "1", *ratios))
    print(f"engine: {large['engine']} {large['precision']}")
    return measures


def _run(scene: Path, engine: str, precision: str) -> dict[str, Any]:
    words = [sys.executable, "-m", "benchmarks.bench_mapping", str(scene), engine, precision]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(scene.name, json.dumps(found), flush=True)
    return found


def _peers(scene: Path) -> dict[str, float]:
    """Megapixels a second of the other tools, by name."""
    if not PEERS.exists():
        print("no .venv-peers: other tools are not measured; `make bench-peers` makes it")
        return {}
    array = WORK / f"{scene.stem}.npy"
    with rasterio.open(scene) as source:
        side = axis(source.height, SETTINGS.window_pixels, SETTINGS.overlap_pixels).side
        if not array.exists():
            np.save(array, np.moveaxis(source.read(), 0, -1).astype(np.float32) / 10_000)
    words = [str(PEERS), "-m", "benchmarks.peers.map_with_peers", str(array), str(side)]
    words += [str(SETTINGS.overlap_pixels), str(FILTERS)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    words = [sys.executable, "-m", "benchmarks.peers.one_patch_at_a_time", str(array), str(WORK / "model")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=True)
    found |= json.loads(done.stdout.splitlines()[-1])
    print(json.dumps(found), flush=True)
    return found


def _network() -> None:
    """Widens the demo's transferred network to 32 filters, once, without changing what it computes."""
    folder = WORK / "model"
    if (folder / "model.json").exists():
        return
    from chronoslide.models.storage import load_model, save_model
    from chronoslide.models.unet import build_unet

    narrow, card = load_model(RESULTS / "models/transferred")
    settings = card.settings.model_copy(update={"filters": FILTERS})
    wide = build_unet(len(card.bands), settings, card.statistics, seed=1)
    widen(narrow, wide, card.settings.filters)
    save_model(folder, wide, card.model_copy(update={"settings": settings}))


def widen(narrow: Any, wide: Any, filters: int) -> None:
    """Gives a wider network the function of a narrow one: Net2WiderNet (Chen et al. 2016).

    Every channel of the wide network repeats one of the narrow network's; what a layer takes from repeated channels is
    divided by how often they are repeated. So all channels carry what a trained network's do.
    """
    bands = narrow.input_shape[-1]
    for layer in narrow.layers:
        values = [np.asarray(value) for value in layer.get_weights()]
        if not values:
            continue
        target = wide.get_layer(layer.name)
        if len(values) == 4:  # batch normalisation
            target.set_weights([value[_repeated(len(value), filters)] for value in values])
            continue
        kernel, bias = values
        transposed = "transposed" in layer.name
        outputs, inputs = (2, 3) if transposed else (3, 2)
        joined = layer.name.startswith("decoder") and layer.name.endswith("_convolution_1")
        places = _channels(kernel.shape[inputs], 2 if joined else 1, bands, filters)
        kept = _repeated(kernel.shape[outputs], filters)
        share = 1.0 / np.bincount(places)[places]
        kernel = np.take(np.take(kernel, places, axis=inputs), kept, axis=outputs)
        kernel *= share[:, np.newaxis] if inputs == 2 else share
        target.set_weights([kernel, bias[kept]])


def _channels(count: int, parts: int, bands: int, filters: int) -> NDArray[np.intp]:
    """Which of a narrow layer's input channels each one of the wide layer's repeats; `parts` were concatenated."""
    if count == bands:
        return np.arange(count)
    each = count // parts
    return np.concatenate([_repeated(each, filters) + part * each for part in range(parts)])


def _repeated(count: int, filters: int) -> NDArray[np.intp]:
    """The narrow layer's channels in the order in which the wide layer repeats them; the one probability stays one."""
    return np.arange(count) if count == 1 else np.arange(count * FILTERS // filters) % count


def _scene(side: int) -> Path:
    """The demo's scene of 2016, mirrored at its edges until it is large enough; made once, block row by block row."""
    path = WORK / f"scene_{side}.tif"
    if path.exists():
        return path
    WORK.mkdir(parents=True, exist_ok=True)
    with rasterio.open(RESULTS / "scenes/investigation/2016.tif") as source:
        values, mask, bands, profile = source.read(), source.dataset_mask(), source.descriptions, source.profile
    cols = _mirrored(values.shape[2], side)
    rows = _mirrored(values.shape[1], side)
    profile = {
        "driver": "GTiff", "dtype": "uint16", "count": len(bands), "height": side, "width": side, "tiled": True,
        "blockxsize": 256, "blockysize": 256, "compress": "DEFLATE", "predictor": 2, "interleave": "pixel",
        "crs": profile["crs"], "transform": profile["transform"], "bigtiff": "if_safer",
    }  # fmt: skip
    temporary = path.with_suffix(".part.tif")
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(temporary, "w", **profile) as target:
        target.descriptions = bands
        for first in range(0, side, 256):
            part = rows[first : first + 256]
            window = Window(0, first, side, len(part))
            target.write(values[:, part][:, :, cols], window=window)
            target.write_mask(mask[part][:, cols], window=window)
    temporary.rename(path)
    return path


def _mirrored(length: int, wanted: int) -> NDArray[np.intp]:
    there_and_back = np.concatenate([np.arange(length), np.arange(length)[::-1]])
    return np.resize(there_and_back, wanted)


def _matmul_rate() -> float:
    """Floating-point operations a second of a large product of single-precision matrices."""
    side = 4096
    matrix = np.random.default_rng(0).random((side, side), dtype=np.float32)
    walls = []
    for _ in range(4):
        begin = time.perf_counter()
        matrix @ matrix
        walls.append(time.perf_counter() - begin)
    return float(2.0 * side**3 / min(walls))


class _Timed(AsksAhead):
    """A network that notes when it was busy; its calls may overlap, since the next is asked before the last answered.

    Attributes:
        pixels: That it was given.
    """

    def __init__(self, predict: Predict) -> None:
        self._predict = predict
        self._waiting = ThreadPoolExecutor(1)  # so that the end is noted when the answer is there, not when it is taken
        self._busy: list[tuple[float, float]] = []
        self.pixels = 0

    def ask(self, reflectance: NDArray[np.float32]) -> Answer:
        begin = time.perf_counter()
        answer = ask(self._predict, reflectance)
        self.pixels += reflectance[..., 0].size

        def wait() -> NDArray[np.float32]:
            probability = answer()
            self._busy.append((begin, time.perf_counter()))
            return probability

        return self._waiting.submit(wait).result

    def seconds(self) -> float:
        """How long at least one call was under way."""
        total, until = 0.0, 0.0
        for begin, end in sorted(self._busy):
            total += max(end - max(begin, until), 0.0)
            until = max(until, end)
        return total


def _peak_gb(name: str) -> float:
    """Resident memory [GB] of this process as Linux counts it: VmRSS now, VmHWM at its highest."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e9 for line in lines if line.startswith(name))


def _operations_per_pixel(model: Any) -> float:
    """Floating-point operations of the convolutions for a pixel of input."""
    total, scale = 0.0, 1.0
    for layer in model.layers:
        kind = type(layer).__name__
        if kind == "MaxPooling2D":
            scale /= 4.0
        elif kind == "Conv2DTranspose":
            total += 2.0 * float(np.prod(layer.kernel.shape)) * scale
            scale *= 4.0
        elif kind == "Conv2D":
            total += 2.0 * float(np.prod(layer.kernel.shape)) * scale
    return total


def main() -> int:
    """Maps one scene and prints what it took as JSON."""
    import os

    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    from chronoslide.mapping.engine_process import choose_engines_apart
    from chronoslide.mapping.map_writer import write_map
    from chronoslide.models.card import read_card
    from chronoslide.scenes.scene import open_scene

    path, engine_name, precision = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    settings = MapSettings.model_validate(SETTINGS.model_dump() | {"engine": engine_name, "precision": precision})
    card = read_card(WORK / "model")
    begin = time.perf_counter()
    engine = next(choose_engines_apart([WORK / "model"], settings, RESULTS / "patches/investigation"))
    engine_seconds = time.perf_counter() - begin
    with tempfile.TemporaryDirectory(dir=WORK) as folder, open_scene(path, settings.window_pixels) as scene:
        pixels = scene.grid.rows * scene.grid.cols

        def map_it(predict: Predict) -> float:
            begin = time.perf_counter()
            write_map(Path(folder) / "map.tif", scene, predict, card.statistics, settings, key="benchmark", tags={})
            return time.perf_counter() - begin

        first_wall = map_it(engine.predict)
        timed = _Timed(engine.predict)
        before = resource.getrusage(resource.RUSAGE_SELF)
        engine_peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e9
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
        wall = map_it(timed)
    in_model = timed.seconds()
    after = resource.getrusage(resource.RUSAGE_SELF)
    peak = _peak_gb("VmHWM")
    last = engine.tried[-1].agreement
    from chronoslide.models.storage import load_model

    found = {
        "engine": engine.name,
        "precision": engine.precision,
        "quantised": engine.tried[-1].quantised,
        "engine_s": round(engine_seconds, 2),
        "wall_s": round(wall, 3),
        "first_wall_s": round(first_wall, 3),
        "mpx_per_s": round(pixels / 1e6 / wall, 4),
        "model_share": round(in_model / wall, 4),
        "model_mpx_per_s": round(timed.pixels / 1e6 / in_model, 4),
        "flop_per_s": timed.pixels * _operations_per_pixel(load_model(WORK / "model")[0]) / in_model,
        "cpu_s": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2),
        "peak_rss_gb": round(peak, 3),
        "engine_peak_rss_gb": round(engine_peak, 3),
        "flipped_share": last.flipped_share if last else 0.0,
        "f1": last.f1 if last else None,
        "f1_change": last.f1 - last.f1_trained if last else 0.0,
        "load": round(os.getloadavg()[0], 1),
    }
    print(json.dumps(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
