"""Several networks of one kind and of other seeds as one, whose probability is the mean of theirs.

It stands between the architectures and everybody else: what is trained, stored, exported, mapped with and served is
one network, whose members are trained one after another.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

PROBABILITY = "probability"
"""The last layer of every network."""


def ensemble_of(networks: Sequence[keras.Model]) -> keras.Model:
    """Puts networks together (deep ensemble, Lakshminarayanan et al. 2017): the mean of their probabilities.

    The layers of all of them lie side by side in one network, so that whatever looks at layers (cost, freezing,
    adaptation, export) finds them as in a network alone.

    Args:
        networks: At least two on the same bands, from reflectance (n, rows, cols, bands) to probability
            (n, rows, cols, 1). They are copied, weights included.

    Returns:
        A network of the same input and output. Its layers are called after their member, `member_1_encoder_1_...`.
    """
    image = keras.Input(networks[0].input_shape[1:], name=networks[0].input.name, dtype="float32")
    probabilities = [_member(network, image, number) for number, network in enumerate(networks, start=1)]
    mean = keras.layers.Average(dtype="float32", name=PROBABILITY)(probabilities)
    together = keras.Model(image, mean, name=f"{networks[0].name}_ensemble")
    for number, network in enumerate(networks, start=1):
        for layer in network.layers:
            if layer.weights:
                together.get_layer(_named(number, layer.name)).set_weights(layer.get_weights())
    return together


def members_of(model: keras.Model) -> list[keras.Model]:
    """The networks that a network is the mean of, each to be trained alone; a network alone is its only member.

    They share their layers with it: what is trained in a member is trained in the whole.
    """
    names = {layer.name for layer in model.layers}
    members: list[keras.Model] = []
    while (last := _named(len(members) + 1, PROBABILITY)) in names:
        members.append(keras.Model(model.input, model.get_layer(last).output, name=f"member_{len(members) + 1}"))
    return members or [model]


def _member(network: keras.Model, image: keras.KerasTensor, number: int) -> keras.KerasTensor:
    """The probability of a copy of a network, whose layers are called after the member."""

    def renamed(layer: keras.Layer) -> keras.Layer:
        return type(layer).from_config(layer.get_config() | {"name": _named(number, layer.name)})

    return keras.models.clone_model(network, input_tensors=image, clone_function=renamed).output


def _named(number: int, layer: str) -> str:
    return f"member_{number}_{layer}"
