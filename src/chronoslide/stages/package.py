"""`chronoslide package`: the transferred model and the settings it maps with, as the model `chronoslide-mapper`."""

from __future__ import annotations

from pathlib import Path

from chronoslide.models.card import WEIGHTS, read_card
from chronoslide.params import read_settings
from chronoslide.serving import pyfunc
from chronoslide.serving.storage import write_package
from chronoslide.tracking import stage_run

MODEL, NAME = "transferred", "chronoslide-mapper"
# What the served code imports; the registry pins them and all that they need.
REQUIREMENTS = (
    "geopandas", "keras", "mlflow", "numpy", "openvino", "pandas", "pydantic", "pyogrio", "pyyaml", "rasterio",
    "scikit-learn", "scipy", "shapely", "tensorflow",
)  # fmt: skip


def run(root: Path) -> None:
    """Writes `results/mapper` and registers `chronoslide-mapper`; `evaluate` makes it champion with its network.

    Raises:
        ModelError: The transferred network is missing or broken, or has no threshold where the settings want its own.
    """
    settings = read_settings(root / "params.yaml")
    model, folder = root / "results/models" / MODEL, root / "results/mapper"
    with stage_run(root, "package", settings) as run:
        write_package(folder, model, settings.map, settings.inventory)
        card = read_card(model)
        network = card.settings
        run.register_code(
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
