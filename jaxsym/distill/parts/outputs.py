"""What a part says, free of what its outputs may choose: how many they are, and along what.

The layers after a part can undo any linear mix and offset of its outputs, and a network that may
give sixteen numbers spreads two over them. So the outputs that count are told by the model's loss,
and the equations of a few stand for all. Several that are one function times a linear image of some
inputs, as the components of a force along a displacement are, are told by that function.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.linalg import qr

from jaxsym.distill.parts.recording import Samples

_WORSE = 1.1  # times the model's error, at most, with some of its outputs' directions left out
_LEAST = 1e-4  # of the error without the part: less is nothing
_VECTORS = (2, 3)  # dimensions of space
_LEAKS = 0.1  # of the error without the part, at most, outside of a vector
_ACROSS = 0.02  # of a vector's squared size, at most, that lies across its direction
_ROWS = 1000  # that directions are told from
_COLUMNS = 12  # inputs among which they are looked for, at most
_BENT = 20.0  # condition of a linear image, at most: beyond it one of its components is nothing
_PLAIN = 0.03  # within this of a diagonal of equal numbers an image is the inputs themselves


class Target(NamedTuple):
    """A number of each row, which one equation is to explain.

    Attributes:
      values: the numbers.
      slopes: their derivatives by the inputs.
      scale: how much a change of the number changes the part's outputs.
      direction: see `PartLaw`.
      along: inputs that the direction is a linear image of; () for a constant one.
    """

    values: Float[np.ndarray, " n"]
    slopes: Float[np.ndarray, "n V"]
    scale: Float[np.ndarray, " n"]
    direction: Float[np.ndarray, "k 1+V"]
    along: tuple[str, ...] = ()


class Outputs(NamedTuple):
    """The targets of a part, and what is added to them.

    Attributes:
      targets: whose sum along their directions the part gives.
      offset: see `PartLaw`.
      live: how many directions of the outputs count.
      chosen: outputs that stand for all.
    """

    targets: list[Target]
    offset: Float[np.ndarray, " k"]
    live: int
    chosen: tuple[int, ...]


def read_outputs(
    samples: Samples,
    uses: Float[np.ndarray, "k k"],
    error: Callable[[np.ndarray, np.ndarray], float],
    neural: float,
) -> Outputs:
    """What is to be explained.

    Args:
      samples: of the part.
      uses: how the prediction depends on the outputs, see `InPlace.uses`.
      error: of the model with outputs projected about an offset, relative.
      neural: of the model as it is, relative.
    """
    mean = samples.outputs.mean(axis=0)
    projections = _projections(samples.outputs, uses)
    enough = _WORSE * neural + _LEAST
    live = next(
        (d for d, onto in enumerate(projections[:-1], 1) if error(mean, onto) <= enough),
        len(projections),
    )
    live = next(
        (d for d in _VECTORS if d < live and _a_vector(samples, projections, d, error)), live
    )
    width = samples.outputs.shape[1]
    if live == width:
        chosen, mix, offset = tuple(range(width)), np.eye(width), np.zeros(width)
    else:
        chosen, mix = _representatives(projections[live - 1], samples.outputs)
        offset = mean - mix @ mean[list(chosen)]
    picked = samples.outputs[:, chosen]
    slopes = samples.slopes[:, chosen]
    image = direction_along(samples.inputs, picked) if live > 1 else None
    if image is not None:
        target = _along(samples, picked, slopes, mix, *image)
        return Outputs([target], offset, live, chosen)
    targets = [
        Target(
            picked[:, i],
            slopes[:, i],
            np.full(len(picked), float(np.linalg.norm(mix[:, i]))),
            _constant(mix[:, i], samples.inputs.shape[1]),
        )
        for i in range(live)
    ]
    return Outputs(targets, offset, live, chosen)


def _a_vector(
    samples: Samples,
    projections: list[np.ndarray],
    live: int,
    error: Callable[[np.ndarray, np.ndarray], float],
) -> bool:
    """Whether few directions are a vector along inputs, and all but little of what counts.

    A penalty leaves leaks in further directions, which equations of the vector make good.
    """
    if error(samples.outputs.mean(axis=0), projections[live - 1]) > _LEAKS:
        return False
    chosen, _ = _representatives(projections[live - 1], samples.outputs)
    return direction_along(samples.inputs, samples.outputs[:, chosen]) is not None


def _projections(outputs: np.ndarray, uses: np.ndarray) -> list[np.ndarray]:
    """Onto the one, two, ... directions that move the prediction most."""
    covariance = np.atleast_2d(np.cov(outputs.T))
    values, vectors = np.linalg.eigh(covariance)
    kept = values > 1e-12 * values.max()
    root = vectors[:, kept] * np.sqrt(values[kept])
    inverse = vectors[:, kept] / np.sqrt(values[kept])
    weight = root.T @ uses @ root
    directions = np.linalg.eigh(weight)[1][:, ::-1]
    return [
        root @ directions[:, :d] @ directions[:, :d].T @ inverse.T
        for d in range(1, directions.shape[1] + 1)
    ]


def _representatives(
    onto: np.ndarray, outputs: np.ndarray
) -> tuple[tuple[int, ...], Float[np.ndarray, "k d"]]:
    """Outputs that tell all live ones, and the mix that gives all from them."""
    centered = (outputs - outputs.mean(axis=0)) @ onto.T
    rank = int(np.linalg.matrix_rank(onto, tol=1e-6))
    _, _, order = qr(centered, mode="economic", pivoting=True)
    chosen = tuple(sorted(int(k) for k in order[:rank]))
    mix = np.linalg.lstsq(centered[:, chosen], centered, rcond=None)[0].T
    return chosen, mix


def direction_along(
    inputs: Float[np.ndarray, "n V"], outputs: Float[np.ndarray, "n d"]
) -> tuple[tuple[int, ...], Float[np.ndarray, "d d"]] | None:
    """Inputs, and a linear image of them, that vectors point along; None if there are none.

    Vectors z along ``M x`` obey ``z_a (M x)_b = z_b (M x)_a``, which is linear in M: its singular
    vector of least value tells it, and what is left across tells whether it holds.

    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(200, 3))
    >>> columns, image = direction_along(x, np.exp(x[:, 2:]) * x[:, :2])
    >>> columns, image.round(6).tolist()
    ((0, 1), [[1.0, 0.0], [0.0, 1.0]])
    """
    width = outputs.shape[1]
    x, z = inputs[:_ROWS], outputs[:_ROWS]
    varying = [k for k in range(x.shape[1]) if np.ptp(x[:, k]) > 0][:_COLUMNS]
    best: tuple[float, tuple[int, ...], np.ndarray] | None = None
    for columns in itertools.combinations(varying, width):
        image = _image(x[:, columns], z)
        along = x[:, columns] @ image.T
        size = np.sum(along**2, axis=1)
        factor = np.sum(z * along, axis=1) / np.maximum(size, 1e-300)
        across = float(np.sum((z - factor[:, None] * along) ** 2) / np.sum(z**2))
        usable = across < _ACROSS and np.linalg.cond(image) < _BENT
        if usable and (best is None or across < best[0]):
            best = across, columns, image
    return None if best is None else (best[1], _plain(best[2]))


def _image(x: Float[np.ndarray, "n d"], z: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "d d"]:
    width = x.shape[1]
    rows = []
    for a, b in itertools.combinations(range(width), 2):
        row = np.zeros((len(x), width, width))
        row[:, b] = z[:, a, None] * x
        row[:, a] = -z[:, b, None] * x
        rows.append(row.reshape(len(x), -1))
    stacked = np.concatenate(rows)
    stacked /= np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-300)
    image = np.linalg.svd(stacked, full_matrices=False)[2][-1].reshape(width, width)
    image *= np.sqrt(width) / np.linalg.norm(image)
    largest = np.argmax(np.abs(image))
    return image * np.sign(image.flat[largest])


def _plain(image: np.ndarray) -> np.ndarray:
    """The identity where the image is nearly that."""
    unit = np.eye(len(image))
    factor = np.trace(image) / len(image)
    return unit if np.abs(image - factor * unit).max() < _PLAIN * abs(factor) else image


def _along(
    samples: Samples,
    picked: np.ndarray,
    slopes: np.ndarray,
    mix: np.ndarray,
    columns: Sequence[int],
    image: np.ndarray,
) -> Target:
    """The coefficient of vectors along a linear image of inputs."""
    places = list(columns)
    vector = samples.inputs[:, places] @ image.T
    square = np.maximum(np.sum(vector**2, axis=1), 1e-300)
    values = np.sum(picked * vector, axis=1) / square
    change = np.zeros((image.shape[0], samples.inputs.shape[1]))
    change[:, places] = image
    slope = np.einsum("nd,ndv->nv", vector, slopes) + picked @ change
    slope -= 2.0 * values[:, None] * (vector @ change)
    direction = np.zeros((mix.shape[0], 1 + samples.inputs.shape[1]))
    direction[:, 1:] = mix @ change
    scale = np.linalg.norm(vector @ mix.T, axis=1)
    names = tuple(samples.names[k] for k in places)
    return Target(values, slope / square[:, None], scale, direction, names)


def _constant(vector: np.ndarray, inputs: int) -> Float[np.ndarray, "k 1+V"]:
    direction = np.zeros((len(vector), 1 + inputs))
    direction[:, 0] = vector
    return direction
