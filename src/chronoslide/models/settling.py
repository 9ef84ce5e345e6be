"""Which settings `pretrain` uses in fact: `params.yaml`'s own, what the search found, or the default.

It stands between the search, which writes `best_params.json`, and the training that follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from chronoslide.errors import SettingsError
from chronoslide.params import ModelSettings, OptimiserSettings, PretrainSettings, one_line, shown

EXPLICIT, SEARCHED, DEFAULT = "params.yaml", "the search", "the default"


@dataclass(frozen=True, slots=True)
class Settled:
    """Settings without open places.

    Attributes:
        model: The network.
        optimiser: How its weights are fitted.
        sources: For each setting that can be searched, where its value comes from.
    """

    model: ModelSettings
    optimiser: OptimiserSettings
    sources: Mapping[str, str]

    @property
    def values(self) -> dict[str, Any]:
        """The value of each setting that can be searched."""
        everything = {**self.model.model_dump(), **self.optimiser.model_dump()}
        return {name: everything[name] for name in self.sources}

    def sentence(self) -> str:
        """Says what was taken from where."""
        values = self.values
        parts = []
        for source in (EXPLICIT, SEARCHED, DEFAULT):
            names = [f"{name} {shown(values[name])}" for name, origin in self.sources.items() if origin == source]
            if names:
                parts.append(f"{', '.join(names)} from {source}")
        return "; ".join(parts)


def settle(section: PretrainSettings, best: Mapping[str, Any]) -> Settled:
    """Fills the open places: what `params.yaml` says wins, then the search's best, then the default.

    Args:
        section: As it stands in `params.yaml`.
        best: The search's best parameters by name; empty where there was no search.

    Raises:
        SettingsError: The search's best is not possible for the network, so the file was not written by the search.
    """
    sources: dict[str, str] = {}
    filled: list[dict[str, Any]] = []
    for part, defaults in ((section.model, ModelSettings), (section.optimiser, OptimiserSettings)):
        values = part.model_dump()
        for name in [name for name in defaults.__annotations__ if name in values]:  # only what can be searched
            sources[name] = EXPLICIT
            if values[name] is None:
                sources[name] = SEARCHED if name in best else DEFAULT
                values[name] = best.get(name, defaults.model_fields[name].default)
        filled.append(values)
    try:
        return Settled(ModelSettings.model_validate(filled[0]), OptimiserSettings.model_validate(filled[1]), sources)
    except ValidationError as error:
        raise SettingsError(
            f"best_params.json: {one_line(error, OptimiserSettings)}; repeat the search (`chronoslide tune`)"
        ) from error
