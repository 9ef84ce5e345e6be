"""The trained network on OpenVINO: exported once, at full precision, in bfloat16, or in whole numbers of eight bits.

One of the engines that a scene is sent through. On a CPU it is one to several times as fast as TensorFlow. It is
imported here alone, and only where it is used, because the package is large and can be left out.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import logging
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from chronoslide.mapping.asking import Answer, AsksAhead

if TYPE_CHECKING:
    import keras

Precision = Literal["float32", "bfloat16", "int8"]
"""Of the arithmetic. With "int8", what is not quantised is in bfloat16 where the processor has it, else in float32."""


class Quantisation(NamedTuple):
    """What of a network is in eight bits, and how their ranges are taken from typical images.

    Attributes:
        layers: "decoder" leaves everything before the first transposed convolution as it is.
        ranges: From the least to the greatest activation of an image, "typical" as the mean over the images, "widest"
            over all of them. The former is finer and cuts outliers off, the latter is coarse where there are some.
    """

    layers: Literal["all", "decoder"] = "all"
    ranges: Literal["typical", "widest"] = "typical"


_INPUT: Final = "reflectance"
# A server meets scenes of any shape, and each compiled network holds tens of megabytes.
_MOST_SHAPES: Final = 8
# Beyond this it is asked whether a request failed; a window takes seconds at most.
_PATIENCE_SECONDS: Final = 60.0


def available() -> bool:
    """Whether OpenVINO can be imported."""
    return importlib.util.find_spec("openvino") is not None


def has_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16 itself; elsewhere it is slower than float32."""
    return "BF16" in _openvino().Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def export(model: keras.Model) -> Any:
    """The network as OpenVINO's model (n, rows, cols, bands) -> (n, rows, cols, 1), at full precision."""
    import tensorflow as tf

    openvino = _openvino()
    model = _in_float32(model)
    signature = [tf.TensorSpec((None, None, None, model.input_shape[-1]), tf.float32, name=_INPUT)]
    exported = openvino.convert_model(
        tf.function(lambda reflectance: model(reflectance, training=False), input_signature=signature)
    )
    exported.inputs[0].tensor.set_names({_INPUT})
    return exported


def _in_float32(model: keras.Model) -> keras.Model:
    """The same network without the casts of one that was trained in bfloat16, which OpenVINO cannot compile."""
    import keras

    if all(layer.compute_dtype == "float32" for layer in model.layers):
        return model

    def rebuilt(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config(layer.get_config() | {"dtype": "float32"})

    plain = keras.models.clone_model(model, clone_function=rebuilt)
    plain.set_weights(model.get_weights())
    return plain


def save(network: Any, path: Path) -> None:
    """Writes what `export` or `quantise` gave as `path` (.xml) and a file of weights beside it (.bin), bit by bit."""
    _openvino().save_model(network, path, compress_to_fp16=False)


def read(path: Path) -> Any:
    """Reads what `save` wrote, into memory: the files are no longer needed."""
    return read_bytes(path.read_bytes(), path.with_suffix(".bin").read_bytes())


def read_bytes(form: bytes, weights: bytes) -> Any:
    """The same from the contents of the two files."""
    openvino = _openvino()
    return openvino.Core().read_model(model=form, weights=weights)


def quantise(exported: Any, images: NDArray[np.float32], how: Quantisation) -> Any:
    """The network with weights and activations in eight bits, whose ranges are those that typical images call for.

    Post-training quantisation (Jacob et al. 2018): a scale for each channel of the weights, one for each activation.
    Without NNCF's quick correction of biases: it takes each layer's error for a constant, and what is left over adds up
    to a shift of the last layer, so that hundreds of pixels became landslide and none ceased to be.

    Args:
        exported: What `export` gave; it is left as it is.
        images: (n, rows, cols, bands) reflectance of training patches.
        how: What is quantised.
    """
    _openvino()  # before NNCF imports it
    logging.getLogger("nncf").setLevel(logging.ERROR)
    # NNCF warns of its own future and draws bars across ours.
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        nncf = importlib.import_module("nncf")
        one_by_one = [images[index : index + 1] for index in range(len(images))]  # all activations are held at once
        return nncf.quantize(
            exported.clone(),
            nncf.Dataset(one_by_one),
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(images),
            ignored_scope=nncf.IgnoredScope(names=_encoder(exported)) if how.layers == "decoder" else None,
            advanced_parameters=_ranges_and_biases(nncf, how),
        )


def _ranges_and_biases(nncf: Any, how: Quantisation) -> Any:
    advanced = nncf.AdvancedQuantizationParameters(disable_bias_correction=True)
    if how.ranges == "widest":
        found = importlib.import_module("nncf.quantization.range_estimator")
        advanced.activations_range_estimator_params = found.RangeEstimatorParametersSet.MINMAX
    return advanced


def _encoder(exported: Any) -> list[str]:
    """The names of the convolutions before the first transposed one."""
    operations = exported.get_ordered_ops()
    kinds = [operation.get_type_name() for operation in operations]
    end = kinds.index("ConvolutionBackpropData") if "ConvolutionBackpropData" in kinds else 0
    convolutions = ("Convolution", "GroupConvolution")  # the latter is a depthwise one
    return [one.get_friendly_name() for one in operations[:end] if one.get_type_name() in convolutions]


def predictor(exported: Any, precision: Precision, threads: int | None = None) -> AsksAhead:
    """A function from float32 reflectance (n, rows, cols, bands) to float32 probability (n, rows, cols).

    Each image is a request of its own and as many run at once as there are threads, so an image's result depends
    neither on its company nor on the number of threads. The network is compiled for each shape of image that is met,
    and kept for the last few shapes.

    Args:
        exported: What `export` or `quantise` gave.
        precision: Of the arithmetic.
        threads: Processor threads; by default those that this process may use.

    Returns:
        A function that can be asked ahead: the images of the next call fill the threads that the last ones leave idle.
    """
    return _Network(exported, precision, threads or len(os.sched_getaffinity(0)))


class _Network(AsksAhead):
    """A network on OpenVINO, compiled for the shapes of images that it meets."""

    def __init__(self, exported: Any, precision: Precision, threads: int) -> None:
        self._openvino = _openvino()
        self._core = self._openvino.Core()
        self._exported = exported
        self._threads = threads
        self._hint = "f32" if precision == "float32" or not has_bfloat16() else "bf16"
        self._compiled: dict[tuple[int, ...], Any] = {}

    def ask(self, reflectance: NDArray[np.float32]) -> Answer:
        """Hands the images over one by one, waiting for a free thread for each."""
        probability = np.empty(reflectance.shape[:3], dtype=np.float32)
        finished = threading.Semaphore(0)
        queue = self._queue_for(reflectance.shape)
        # Costs nothing where the caller keeps bands apart already. The network reads them in place, so they stay alive.
        planes = np.ascontiguousarray(np.moveaxis(reflectance, -1, 1), dtype=np.float32)
        for index in range(len(planes)):
            asked = (probability, index, finished, planes)
            queue.start_async({0: planes[index : index + 1]}, asked, share_inputs=True)

        def fetch() -> NDArray[np.float32]:
            for _ in range(len(probability)):
                if not finished.acquire(timeout=_PATIENCE_SECONDS):
                    queue.wait_all()  # raises what a request failed with
                    if not finished.acquire(timeout=_PATIENCE_SECONDS):
                        raise RuntimeError("OpenVINO did not answer a request")
            return probability

        return fetch

    def _queue_for(self, shape: tuple[int, ...]) -> Any:
        n, *image = shape
        streams = min(n, self._threads)
        for known in range(streams, self._threads + 1):  # more streams than images do no harm
            if (known, *image) in self._compiled:
                self._compiled[known, *image] = self._compiled.pop((known, *image))  # now the one used last
                return self._compiled[known, *image]
        if len(self._compiled) == _MOST_SHAPES:
            self._compiled.pop(next(iter(self._compiled)))
        reshaped = self._exported.clone()
        reshaped.reshape([1, *image])
        reshaped = _with_planes(self._openvino, reshaped)
        options = {
            "INFERENCE_PRECISION_HINT": self._hint,
            "INFERENCE_NUM_THREADS": self._threads,
            "NUM_STREAMS": streams,
        }
        queue = self._openvino.AsyncInferQueue(self._core.compile_model(reshaped, "CPU", options), streams)
        queue.set_callback(_take)
        self._compiled[streams, *image] = queue
        return queue


def _with_planes(openvino: Any, network: Any) -> Any:
    """The network for images (n, bands, rows, cols), as its convolutions want them: one change of order less."""
    steps = importlib.import_module("openvino.preprocess").PrePostProcessor(network)
    steps.input().tensor().set_layout(openvino.Layout("NCHW"))
    steps.input().model().set_layout(openvino.Layout("NHWC"))
    return steps.build()


def _take(request: Any, asked: tuple[NDArray[np.float32], int, threading.Semaphore, NDArray[np.float32]]) -> None:
    """In a thread of OpenVINO: puts the answer to an image where it belongs."""
    probability, index, finished, _ = asked
    probability[index] = request.get_output_tensor(0).data[0, ..., 0]
    finished.release()


def version() -> str:
    """Of OpenVINO."""
    return cast("str", _openvino().get_version())


def _openvino() -> Any:
    """Imports OpenVINO without its telemetry, which would call home at the import."""
    sys.modules.setdefault("openvino_telemetry", cast("Any", None))  # an import error, which OpenVINO and NNCF expect
    return importlib.import_module("openvino")
