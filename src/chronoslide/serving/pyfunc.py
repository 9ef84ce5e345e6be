"""The registered model `chronoslide-mapper`: GeoTIFF in, GeoJSON out, in the form that MLflow serves.

It carries words only: rows to scenes (`request`), scenes to landslides (`scene_mapper`), landslides to GeoJSON
(`answer`). MLflow loads it as code (`pyfunc_script.py`), not as a pickle.
"""

from __future__ import annotations

import base64
import json
import logging
import os
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.models import ModelSignature
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from mlflow.pyfunc.model import PythonModel, PythonModelContext
from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema

from chronoslide.errors import ChronoslideError, ModelError
from chronoslide.serving import guard
from chronoslide.serving.answer import feature_collection
from chronoslide.serving.request import Limits, read_row
from chronoslide.serving.scene_mapper import SceneMapper
from chronoslide.serving.storage import read_package, weights_md5

ARTIFACT = "mapper"
# MLflow sets it in the process that serves, and in no other.
_SERVED = "__pyfunc_model_path__"
_WARM_UP_SIDE = 128

_OPTIONS = {
    "threshold": DataType.double,
    "minimum_area_m2": DataType.double,
    "simplify_metres": DataType.double,
    "crs": DataType.string,
    "probability": DataType.boolean,
    "as_text": DataType.boolean,
}


def signature() -> ModelSignature:
    """Columns of a row, the answer's columns, and the options as parameters of a whole request."""
    optional = {"elevation": DataType.string, **_OPTIONS}
    return ModelSignature(
        inputs=Schema(
            [
                ColSpec(DataType.string, "image"),
                *(ColSpec(kind, name, required=False) for name, kind in optional.items()),
            ]
        ),
        params=ParamSchema([ParamSpec(name, kind, None) for name, kind in _OPTIONS.items()]),
    )


class LandslideMapper(PythonModel):
    """MLflow's view of the mapper: rows of a table in, rows out."""

    # The signature says what comes in; without this MLflow warns that the annotations of `predict` do not. It would
    # take them for a signature of their own, so there are none.
    _skip_type_hint_validation = True

    def load_context(self, context: PythonModelContext) -> None:
        """Reads network and settings, and maps an empty patch, so that the first request need not wait.

        Raises:
            ModelError: The weights are not those that the model was registered with.
        """
        packaged = read_package(Path(context.artifacts[ARTIFACT]))
        config = context.model_config or {}
        found = weights_md5(packaged.folder)
        # Models that were registered by earlier versions tell the first eight digits only.
        registered = str(config.get("weights_md5") or config.get("model_version") or found)
        if not found.startswith(registered):
            raise ModelError(
                f"{ARTIFACT}: the weights are of version {packaged.version}, the model was registered with version "
                f"{registered[:8]}; register it again"
            )
        self.limits = Limits.from_environment()
        self.served = _SERVED in os.environ
        self._one_at_a_time = threading.Lock()
        self.mapper = SceneMapper(packaged)
        self.mapper.warm_up(_WARM_UP_SIDE)
        if self.served:
            _log_to_stderr()
            guard.install(self.limits)

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def] # noqa: ARG002
        """One answer a row: `landslides` (GeoJSON), `count`, and `probability` (base64 GeoTIFF, or None).

        Args:
            context: MLflow's.
            model_input: A table with the column `image` and any of the options.
            params: Options for all rows; a row's own win.

        Raises:
            MlflowException: A row cannot be mapped; the sentence says why. MLflow answers 400.
        """
        rows = pd.DataFrame(model_input).to_dict("records")
        answers: list[dict[str, Any]] = []
        pixels = 0
        for number, row in enumerate(rows):
            try:
                # One scene at a time: memory stays that of one scene, and the network uses all cores anyway.
                with self._one_at_a_time:
                    answer, used = self._answer({**(params or {}), **_given(row)}, pixels if self.served else 0)
            except ChronoslideError as error:
                where = f"row {number}: " if len(rows) > 1 else ""
                raise MlflowException(f"{where}{error}", INVALID_PARAMETER_VALUE) from None
            answers.append(answer)
            pixels += used
        return pd.DataFrame(answers, columns=["landslides", "count", "probability"])

    def _answer(self, row: Mapping[str, Any], already: int) -> tuple[dict[str, Any], int]:
        begin = time.perf_counter()
        request = read_row(row, self.mapper.bands, self.limits, already)
        options = request.options
        mapped = self.mapper.map(request.scene, options, request.elevation)
        guard.LOGGER.info(
            "mapped image_bytes=%d pixels=%d milliseconds=%.0f landslides=%d",
            request.image_bytes, request.scene.valid.size, 1000 * (time.perf_counter() - begin), len(mapped.landslides),
        )  # fmt: skip
        collection: Any = feature_collection(mapped, options.crs, options.simplify_metres)
        return {
            "landslides": json.dumps(collection, allow_nan=False) if options.as_text else collection,
            "count": len(mapped.landslides),
            "probability": _base64(mapped.probability_bytes()) if options.probability else None,
        }, request.pixels


def _given(row: Mapping[Any, Any]) -> dict[str, Any]:
    """A row without what its table has no value for, and with Python's own numbers."""
    plain = {str(name): value.item() if isinstance(value, np.generic) else value for name, value in row.items()}
    return {name: value for name, value in plain.items() if value is not None and value is not pd.NA and value == value}


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _log_to_stderr() -> None:
    if not guard.LOGGER.handlers:
        handler = logging.StreamHandler()
        handler.setFormatter(logging.Formatter("%(asctime)s %(name)s %(message)s"))
        guard.LOGGER.addHandler(handler)
        guard.LOGGER.setLevel(logging.INFO)
        guard.LOGGER.propagate = False
