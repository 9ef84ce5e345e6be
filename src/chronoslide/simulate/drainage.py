"""D8 drainage: where water goes from each cell, and how much ground drains through it.

Rivers, gullies and the tracks of landslides all follow it. Pits are left by the lowest pass out of them, along which
the flow is turned round (carving in the manner of Cordonnier et al. 2019), so that every cell drains
out of the terrain.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order, minimum_spanning_tree

from chronoslide.simulate.fields import FloatArray

IntArray = NDArray[np.int64]
_NEIGHBOURS = ((-1, 0), (1, 0), (0, -1), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1))


def flow_receivers(elevation: FloatArray) -> IntArray:
    """The cell that each cell drains to: its steepest lower neighbour of eight (O'Callaghan & Mark 1984).

    Args:
        elevation: (rows, cols).

    Returns:
        (rows * cols,), flat indices; an outlet, always on the border, is its own receiver.
    """
    rows, cols = elevation.shape
    padded = np.pad(elevation, 1, constant_values=np.inf)
    index = np.arange(rows * cols).reshape(rows, cols)
    steepest = np.zeros((rows, cols))
    receiver = index.copy()
    for down, right in _NEIGHBOURS:
        neighbour = padded[1 + down : 1 + down + rows, 1 + right : 1 + right + cols]
        drop = (elevation - neighbour) / (np.sqrt(2.0) if down and right else 1.0)
        better = drop > steepest
        steepest[better] = drop[better]
        receiver[better] = index[better] + down * cols + right
    flat = receiver.ravel()
    _carve_pits(elevation, flat)
    return flat


def accumulate(receiver: IntArray, weight: FloatArray) -> FloatArray:
    """Sums `weight` down the drainage.

    Args:
        receiver: From `flow_receivers`.
        weight: (rows, cols), what each cell adds, for example its area [m2].

    Returns:
        (rows, cols), each cell's own weight and that of every cell above it.
    """
    total = weight.astype(np.float64).ravel().copy()
    for cells in reversed(_levels(receiver)[1:]):
        np.add.at(total, receiver[cells], total[cells])
    return total.reshape(weight.shape)


def incise(elevation: FloatArray, erodibility: float, weight: FloatArray) -> FloatArray:
    """Lets rivers cut down for one step of the stream-power law, dz/dt = -K A^0.45 S.

    The implicit scheme of Braun & Willett (2013): from the outlets upwards each cell is pulled towards its receiver.

    Args:
        elevation: (rows, cols) [m].
        erodibility: K times the time step, per side of a cell.
        weight: (rows, cols), the area of each cell and what flows in from outside [m2].
    """
    receiver = flow_receivers(elevation)
    pull = erodibility * accumulate(receiver, weight).ravel() ** 0.45
    height = elevation.ravel().copy()
    for cells in _levels(receiver)[1:]:
        below = np.minimum(height[receiver[cells]], height[cells])
        height[cells] = (height[cells] + pull[cells] * below) / (1.0 + pull[cells])
    return height.reshape(elevation.shape)


def follow(receiver: IntArray, start: int, most: int) -> IntArray:
    """The cells that water passes from `start` on, at most `most` of them."""
    cells = [start]
    while len(cells) < most:
        after = int(receiver[cells[-1]])
        if after == cells[-1]:
            break
        cells.append(after)
    return np.array(cells, dtype=np.int64)


def _levels(receiver: IntArray) -> list[IntArray]:
    """The cells by their number of steps to an outlet: a cell's receiver stands one level before it."""
    depth = _steps_to_outlet(receiver).astype(np.int32)
    order = np.argsort(depth, kind="stable")
    return np.split(order, np.cumsum(np.bincount(depth))[:-1])


def _steps_to_outlet(receiver: IntArray) -> IntArray:
    steps: IntArray = (receiver != np.arange(receiver.size)).astype(np.int64)
    jump = receiver.copy()
    while True:
        more = steps[jump]
        if not more.any():
            return steps
        steps += more
        jump = jump[jump]


def _outlets(receiver: IntArray) -> IntArray:
    outlet: IntArray = receiver.copy()
    while True:
        further = outlet[outlet]
        if np.array_equal(further, outlet):
            return outlet
        outlet = further


def _carve_pits(elevation: FloatArray, receiver: IntArray) -> None:
    """Turns the flow round, in place, between each inner pit and the lowest pass out of its basin."""
    rows, cols = elevation.shape
    height = elevation.ravel()
    outlet = _outlets(receiver)
    row, col = np.divmod(outlet, cols)
    at_border = (row == 0) | (row == rows - 1) | (col == 0) | (col == cols - 1)
    pits = np.unique(outlet[~at_border])
    if not pits.size:
        return
    basin = np.where(at_border, 0, np.searchsorted(pits, outlet) + 1).reshape(rows, cols)
    index = np.arange(rows * cols).reshape(rows, cols)
    here, there = [], []
    for first, second in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    ):
        crossing = basin[first] != basin[second]
        here.append(index[first][crossing])
        there.append(index[second][crossing])
    one, other = np.concatenate(here), np.concatenate(there)
    basins = basin.ravel()
    swap = basins[one] > basins[other]
    one, other = np.where(swap, other, one), np.where(swap, one, other)
    low, high = basins[one], basins[other]
    pass_height = np.maximum(height[one], height[other])
    order = np.lexsort((other, one, pass_height, high, low))
    first_of_pair = np.ones(order.size, dtype=bool)
    first_of_pair[1:] = (np.diff(low[order]) != 0) | (np.diff(high[order]) != 0)
    best = order[first_of_pair]
    # Ranks instead of heights: without ties the tree does not depend on how a library sorts.
    rank = np.empty(best.size)
    rank[np.lexsort((one[best], pass_height[best]))] = np.arange(1, best.size + 1)
    graph = coo_array((rank, (low[best], high[best])), shape=(pits.size + 1, pits.size + 1)).tocsr()
    tree = minimum_spanning_tree(graph)
    visited, before = breadth_first_order(tree, 0, directed=False)
    passes = {
        (int(a), int(b)): (int(x), int(y))
        for a, b, x, y in zip(low[best], high[best], one[best], other[best], strict=True)
    }
    for node in visited[1:]:
        parent = int(before[node])
        in_low, in_high = passes[min(int(node), parent), max(int(node), parent)]
        inside, outside = (in_high, in_low) if parent < node else (in_low, in_high)
        cell, towards = inside, outside
        while True:
            after = int(receiver[cell])
            receiver[cell] = towards
            if after == cell:
                break
            cell, towards = after, cell
