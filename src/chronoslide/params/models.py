"""A network's settings, settled or open to the search; they stand within `pretrain` and `chips`."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field

from chronoslide.params.base import Section

LEVELS: Final = 5
"""Of every network; each has half the rows and columns of the one above."""
SIDE_MULTIPLE: Final = 2 ** (LEVELS - 1)
"""Sides of what a network is given are multiples of it [pixels]: it halves them four times."""

Architecture = Literal["unet", "attention_unet", "res_unet", "convnext_unet"]


class _NetworkSettings(Section):
    """What of a network is never searched; see `ModelSettings`."""

    transposed_widths: Literal["scaled", "fixed"] = "scaled"
    normalisation: Literal["batch", "group"] = "batch"
    normalisation_momentum: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.9
    precision: Literal["float32", "mixed_bfloat16"] = "float32"
    members: Annotated[int, Field(ge=1, le=16)] = 1


class ModelSettings(_NetworkSettings):
    """The network.

    Attributes:
        architecture: The paper's "unet"; "attention_unet", whose decoder chooses what it takes from the encoder;
            "res_unet", of residual blocks; "convnext_unet", residual on the two finest levels and of 7 x 7 depthwise
            kernels with inverted bottlenecks below.
        filters: Width f of the first level; the levels have f x (1, 2, 4, 8, 16).
        transposed_widths: "scaled" with the filters, or "fixed" at 128, 64, 32, 16 as in the published notebook.
        dropout: Share of channels dropped at the bottom of the network while training.
        normalisation: "batch", or "group" (eight groups of channels at most), which knows no moving statistics but
            takes those of the image it sees, so that a map depends on the windows it is made of.
        normalisation_momentum: Of batch normalisation's moving statistics. Keras' own 0.99 needs some hundred steps to
            forget its start, so the validation loss of a short training would say little; 0.9 follows at once.
        precision: "mixed_bfloat16" computes convolutions in bfloat16 (8 bits of precision); weights, statistics, loss
            and probabilities stay float32. Faster on processors with such instructions, slower on others.
        members: Networks that are trained one after another, each with a seed of its own, and whose probabilities are
            averaged. Training, mapping and the stored network grow with their number; a search tries one alone.
    """

    architecture: Architecture = "unet"
    filters: Annotated[int, Field(ge=1, le=128)] = 32
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] = 0.0


class OpenModelSettings(_NetworkSettings):
    """As `ModelSettings`; null leaves a value to the search.

    Attributes:
        architecture: See `ModelSettings`.
        filters: See `ModelSettings`.
        dropout: See `ModelSettings`.
    """

    architecture: Architecture | None = None
    filters: Annotated[int, Field(ge=1, le=128)] | None = None
    dropout: Annotated[float, Field(ge=0.0, lt=1.0)] | None = None
