"""A small client of the served models, with nothing but Python's standard library.

Who asks needs neither TensorFlow nor GDAL: a GeoTIFF's bytes go out, GeoJSON comes back.
"""

from __future__ import annotations

import base64
import http.client
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from chronoslide.errors import RequestError

ADDRESS = "http://127.0.0.1:5001"
_SECONDS = 90.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What the mapper says of one scene.

    Attributes:
        landslides: A GeoJSON FeatureCollection.
        count: The number of its features.
        probability: The probability raster as the bytes of a GeoTIFF, if it was asked for.
    """

    landslides: dict[str, Any]
    count: int
    probability: bytes | None


def map_scene(
    image: Path | bytes,
    address: str = ADDRESS,
    *,
    elevation: Path | bytes | None = None,
    threshold: float | None = None,
    minimum_area_m2: float | None = None,
    simplify_metres: float = 0.0,
    crs: Literal["scene", "wgs84"] = "scene",
    probability: bool = False,
    timeout_seconds: float = _SECONDS,
) -> Answer:
    """Asks a served `chronoslide-mapper` for the landslides of a scene.

    Args:
        image: A GeoTIFF file or its bytes: the model's bands, reflectance as float32 or 10,000 x reflectance as uint16.
        address: Of the server.
        elevation: An elevation model of the same ground, if there is one.
        threshold: Probability from which a pixel is landslide; the model's own by default.
        minimum_area_m2: The minimum mapping unit [m2]; the model's own by default.
        simplify_metres: How far simplified outlines may lie from the mapped ones.
        crs: The coordinates' reference system: the "scene"'s or "wgs84".
        probability: Whether the probability raster is wanted, too.
        timeout_seconds: How long to wait.

    Raises:
        RequestError: The server refuses the request, with its sentence, or does not answer.
    """
    row: dict[str, Any] = {"image": _text(image), "simplify_metres": simplify_metres, "crs": crs}
    row["probability"] = probability
    if elevation is not None:
        row["elevation"] = _text(elevation)
    if threshold is not None:
        row["threshold"] = float(threshold)
    if minimum_area_m2 is not None:
        row["minimum_area_m2"] = float(minimum_area_m2)
    answer = _predictions(address, {"dataframe_records": [row]}, timeout_seconds)[0]
    raster = answer["probability"]
    return Answer(answer["landslides"], answer["count"], None if raster is None else base64.b64decode(raster))


def probabilities(reflectance: Any, address: str = ADDRESS, timeout_seconds: float = _SECONDS) -> Any:
    """Asks a served network (`chronoslide-transferred`) for the probabilities of patches.

    Args:
        reflectance: (n, rows, cols, bands), nested lists or a NumPy array.
        address: Of the server.
        timeout_seconds: How long to wait.

    Returns:
        (n, rows, cols, 1), nested lists.

    Raises:
        RequestError: The server refuses the request, with its sentence, or does not answer.
    """
    values = reflectance.tolist() if hasattr(reflectance, "tolist") else reflectance
    return _predictions(address, {"inputs": values}, timeout_seconds)


def is_ready(address: str = ADDRESS) -> bool:
    """Whether a server answers there and has its model."""
    try:
        with _open(urllib.request.Request(f"{address}/ping"), 5.0) as response:  # noqa: S310
            return bool(response.status == 200)
    except (OSError, http.client.HTTPException):
        return False


def _text(content: Path | bytes) -> str:
    if isinstance(content, bytes):
        return base64.b64encode(content).decode("ascii")
    try:
        return base64.b64encode(Path(content).read_bytes()).decode("ascii")
    except OSError as error:
        raise RequestError(f"{content}: cannot be read ({error.strerror}); check the name") from error


def _predictions(address: str, content: dict[str, Any], timeout_seconds: float) -> Any:
    body = json.dumps(content).encode()
    request = urllib.request.Request(  # noqa: S310
        f"{address}/invocations", body, {"Content-Type": "application/json"}
    )
    try:
        with _open(request, timeout_seconds) as response:
            return json.load(response)["predictions"]
    except urllib.error.HTTPError as error:
        raise RequestError(f"{address}: {_sentence(error)}") from error
    except (OSError, http.client.HTTPException, ValueError, KeyError) as error:
        reason = getattr(error, "reason", None) or error
        raise RequestError(f"{address}: no answer ({reason}); is the model served there?") from error


def _open(request: urllib.request.Request, timeout_seconds: float) -> Any:
    return urllib.request.urlopen(request, timeout=timeout_seconds)  # noqa: S310 - the user names the server


def _sentence(error: urllib.error.HTTPError) -> str:
    text = error.read().decode("utf-8", "replace")
    try:
        message = str(json.loads(text)["message"])
    except (ValueError, KeyError, TypeError):
        return f"{error.code} {text[:200]}"
    if message.startswith("Failed to predict"):  # MLflow repeats the data before it says what is wrong
        message = message.rpartition("Error: ")[2]
    return " ".join(message.split())
