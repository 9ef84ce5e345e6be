"""What a search may try: lists and ranges of values, for the settings of networks and of their fitting."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, Tag, ValidationError, model_validator

from chronoslide.params.base import Count, Section
from chronoslide.params.models import Architecture, ModelSettings
from chronoslide.params.optimisers import OptimiserSettings


class WholeRange(Section):
    """Whole numbers from `low` to `high`, both included.

    Attributes:
        low: The smallest.
        high: The largest.
        log: Whether each doubling is as likely as the next, instead of each number.
        step: Between neighbours; 1 with `log`.
    """

    low: int
    high: int
    log: bool = False
    step: Count = 1

    @model_validator(mode="after")
    def _ascends(self) -> WholeRange:
        _require_range(self.low, self.high, log=self.log)
        if self.log and self.step != 1:
            raise ValueError("log and a step other than 1 exclude each other; drop one of them")
        return self


class NumberRange(Section):
    """Numbers from `low` to `high`.

    Attributes:
        low: The smallest.
        high: The largest.
        log: Whether each power of ten is as likely as the next, instead of each number.
    """

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _ascends(self) -> NumberRange:
        _require_range(self.low, self.high, log=self.log)
        return self


def shown(value: float | str) -> str:
    """A setting for a reader: numbers in their short form, names as they are."""
    return value if isinstance(value, str) else f"{value:g}"


def _require_range(low: float, high: float, *, log: bool) -> None:
    if not low < high:
        raise ValueError(f"from {low:g} to {high:g} there is nothing to search; put the lower end first")
    if log and low <= 0:
        raise ValueError(f"low is {low:g} and log needs a range above 0; raise low or drop log")


# The names of the tags never reach a message: `one_line` leaves out what is in brackets.
_BY_FORM = Discriminator(lambda value: "[range]" if isinstance(value, dict | Section) else "[list]")
WholeDimension = Annotated[
    Annotated[tuple[int, ...], Tag("[list]")] | Annotated[WholeRange, Tag("[range]")],
    _BY_FORM,
]
NumberDimension = Annotated[
    Annotated[tuple[float, ...], Tag("[list]")] | Annotated[NumberRange, Tag("[range]")],
    _BY_FORM,
]


class SpaceSettings(Section):
    """What is searched: a list of values or a range for each setting of `pretrain` that is named; null is not searched.

    Attributes:
        architecture: Of the network, a list of names.
        filters: Of the network. One value alone fixes it in the search, for example a smaller network than the final.
        dropout: Of the network.
        batch_patches: Of the optimiser, and so are the next three.
        learning_rate: See `OptimiserSettings`.
        false_positive_weight: See `OptimiserSettings`.
        focal_gamma: See `OptimiserSettings`.
    """

    architecture: tuple[Architecture, ...] | None = None
    filters: WholeDimension | None = None
    dropout: NumberDimension | None = None
    batch_patches: WholeDimension | None = None
    learning_rate: NumberDimension | None = None
    false_positive_weight: NumberDimension | None = None
    focal_gamma: NumberDimension | None = None

    def named(self) -> dict[str, tuple[float | str, ...] | WholeRange | NumberRange]:
        """What is searched, by name."""
        held = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: dimension for name, dimension in held.items() if dimension is not None}

    @model_validator(mode="after")
    def _possible(self) -> SpaceSettings:
        for name, dimension in self.named().items():
            ends = dimension if isinstance(dimension, tuple) else (dimension.low, dimension.high)
            if not ends:
                raise ValueError(f"{name}: the list is empty; name values, or null to leave it out")
            if isinstance(dimension, tuple) and len(set(dimension)) < len(dimension):
                raise ValueError(f"{name}: a value stands twice in {list(dimension)}; name each once")
            owner: type[Section] = ModelSettings if name in ModelSettings.model_fields else OptimiserSettings
            for value in ends:
                try:
                    owner.model_validate({name: value})
                except ValidationError as error:
                    reason = error.errors()[0]["msg"]
                    raise ValueError(f"{name}: {shown(value)} is not possible ({reason}); change it") from None
        return self
