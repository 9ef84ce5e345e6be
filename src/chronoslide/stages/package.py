"""`chronoslide package`: the transferred model and the settings it maps with, as the model `chronoslide-mapper`."""

from __future__ import annotations

import json
from pathlib import Path

from chronoslide.errors import DataError
from chronoslide.mapping.engines import DECISION
from chronoslide.models.card import WEIGHTS, read_card
from chronoslide.params import MapSettings, read_settings
from chronoslide.serving import pyfunc
from chronoslide.serving.storage import write_package
from chronoslide.tracking import register_code, stage_run

MODEL, NAME = "transferred", "chronoslide-mapper"
# What the served code imports; the registry pins them and all that they need.
REQUIREMENTS = (
    "geopandas", "keras", "mlflow", "numpy", "openvino", "pandas", "pydantic", "pyogrio", "pyyaml", "rasterio",
    "scikit-learn", "scipy", "shapely", "tensorflow",
)  # fmt: skip


def run(root: Path) -> None:
    """Writes `results/mapper` and registers `chronoslide-mapper`; `evaluate` makes it champion with its network.

    Raises:
        DataError: The maps were not made yet.
        ModelError: The transferred network is missing or broken, or has no threshold where the settings want its own.
    """
    settings = read_settings(root / "params.yaml")
    model, folder = root / "results/models" / MODEL, root / "results/mapper"
    with stage_run(root, "package", settings) as run:
        write_package(
            folder, model, _settled(settings.map, root / "results/maps" / MODEL / DECISION), settings.inventory
        )
        card = read_card(model)
        network = card.settings
        register_code(
            run,
            Path(pyfunc.__file__).with_name("pyfunc_script.py"),
            NAME,
            signature=pyfunc.signature(),
            artefact=(pyfunc.ARTIFACT, folder),
            bands=card.bands,
            description="Takes scenes as GeoTIFF (base64), gives landslides as GeoJSON; landslide from "
            f"{card.threshold_in_use(settings.inventory.threshold)}. U-Net (f = {network.filters}) trained on "
            f"{card.trained_on}.",
            weights=model / WEIGHTS,
            requirements=REQUIREMENTS,
        )


def _settled(section: MapSettings, decision: Path) -> MapSettings:
    """The settings with the engine that maps were made on; a scene alone has no years to look for bare ground in."""
    try:
        made = json.loads(decision.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{decision}: cannot be read ({error}); repeat `chronoslide map`") from error
    used = {"engine": made["engine"], "precision": made["precision"], "bare_ground": None}
    return section.model_copy(update=used)
