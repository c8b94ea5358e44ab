"""From a trained network to few exact terms: beyond the paper.

The network is multiplied out into powers, waves and velocities, pruned on the way: a sine of
``1.02 q1 - 0.97 q2`` counts as one of ``q1 - q2``. What is left names the terms that the network
uses, by how much they matter. A network that is not trained to the end says ``q1 q2 qd1 qd2``
where the truth is ``cos(q1 - q2) qd1 qd2``, so the factors of its terms are combined anew: each
product of velocities with waves of the coordinates that it uses, their sums and differences. The
regression through Euler-Lagrange in float64 then keeps the terms that the data call for.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from jaxsym.datasets import MechanicalData
from jaxsym.expr import UnsupportedError
from jaxsym.syrenets.besides import Options
from jaxsym.syrenets.fitting import (
    EXACT,
    FittedLagrangian,
    evenly,
    fit_lagrangian,
)
from jaxsym.syrenets.fourier import WaveSum, apply_rule, gauge_fixed, real_terms, variable_sum
from jaxsym.syrenets.library import LagrangianTerm, WaveLibrary, is_gauge
from jaxsym.syrenets.network.readout import candidate_values, pruned
from jaxsym.syrenets.network.symbolic import SymbolicNetwork, run_selection

# Of a head's output, below which a candidate is pruned: less than a network of a few hundred steps
# is wrong by, so that what is pruned is not what it learned.
_SHARE = 2e-3
# Terms that a head may consist of: a product of two heads is then multiplied out to 3,600.
_PARTS = 60
# In the regression, whose cost grows with the cube: ten times as many as Lagrangians mostly have.
_MOST_TERMS = 400
_STRAIGHT = 0.5  # share of a sine's argument that must be a sum of coordinates: most of it
_BATCH = 1024  # states that heads are measured on: sizes are then known to three percent


def network_terms(
    network: SymbolicNetwork, params: dict, data: MechanicalData
) -> tuple[WaveLibrary, Float[np.ndarray, " K"]]:
    """The terms that a network consists of, those that matter most first.

    Args:
      network, params: of one seed.
      data: states to select on, and to measure by.

    Returns:
      the terms, and the network's coefficient of each.
    """
    architecture = network.architecture
    some = evenly(data, _BATCH)
    x = np.concatenate([some.q, some.qd], axis=1)
    selected = run_selection(network, params, jnp.asarray(x, jnp.float32))
    weights = np.asarray(selected.weights, np.float64)
    coordinates = data.q.shape[1]
    size = _Sizes(x, coordinates)
    inputs = [variable_sum(place, coordinates) for place in range(2 * coordinates)]
    heads: list[WaveSum] = [{}] * architecture.heads
    values = np.zeros((len(x), architecture.heads))
    for rows in weights:
        table = candidate_values(architecture, np.concatenate([x, values], axis=1))
        rows = pruned(rows, table, _SHARE)
        sums = _candidate_sums(network, [*inputs, *heads], np.any(rows != 0, axis=0))
        heads = [size.largest(_combine(row, sums), _PARTS) for row in rows]
        values = table @ rows.T
    found = gauge_fixed(real_terms(_combine(np.ones(len(heads)), heads)))
    library, numbers = WaveLibrary(tuple(found)), np.array(list(found.values()))
    if not found:
        return library, numbers
    matter = np.abs(numbers) * np.sqrt(np.mean(library.columns(some) ** 2, axis=(0, 1)))
    order = np.argsort(-matter)[:_MOST_TERMS]
    return library.part(order.tolist()), numbers[order]


class Hardened(NamedTuple):
    """What a network became.

    Attributes:
      fit: the Lagrangian.
      own: whether the network itself consists of all its terms; otherwise some of them are its
        factors combined anew.
    """

    fit: FittedLagrangian
    own: bool


def harden(
    network: SymbolicNetwork, params: dict, data: MechanicalData, options: Options
) -> Hardened | None:
    """The exact Lagrangian of the terms that a network consists of.

    Args:
      network, params: of one seed.
      data: motion and torques to fit constants to.
      options: what may act besides.

    Returns:
      None if the network has no terms that a regression could use.
    """
    library, _ = network_terms(network, params, data)
    samples, dims = data.q.shape
    if not len(library):
        return None
    most = min(_MOST_TERMS, samples * dims // 2)
    terms = recombined(library, most)
    libraries = [one for one in dict.fromkeys((_unmixed(terms), terms)) if len(one)]
    fit = _first_exact(libraries, data, options)
    return Hardened(fit, set(fit.library.expressions) <= set(library.expressions))


def _first_exact(
    libraries: Sequence[WaveLibrary], data: MechanicalData, options: Options
) -> FittedLagrangian:
    """Of the first library with an exact Lagrangian, or of the last."""
    for library in libraries:
        fit = fit_lagrangian(library, data, options)
        if fit.error(data) <= EXACT:
            break
    return fit


def _unmixed(library: WaveLibrary) -> WaveLibrary:
    """Without powers times waves of one coordinate.

    Over a narrow range they are nearly sums of other terms, and exact Lagrangians of many terms
    come beside the one of few.
    """
    mixed = [any(e and k for e, k in zip(t.powers, t.waves, strict=True)) for t in library.terms]
    return library.part([place for place, both in enumerate(mixed) if not both])


def recombined(library: WaveLibrary, most: int) -> WaveLibrary:
    """The factors of some terms in all combinations, the terms themselves after them.

    Args:
      library: terms, those that matter most first.
      most: terms in the result; those of the shortest waves come first.

    >>> from jaxsym.syrenets.library import LagrangianTerm
    >>> rough = WaveLibrary((LagrangianTerm((1, 1), (0, 0), False, (1, 1)),))
    >>> "qd1*qd2*cos(q1 - q2)" in map(str, recombined(rough, 100).expressions)
    True
    """
    terms = library.terms
    zero = (0,) * len(terms[0].waves)
    rates = dict.fromkeys(t.rates for t in terms if sum(t.rates) <= 2)
    factors = np.array([(t.waves, t.powers, t.rates) for t in terms]) != 0
    unit = np.eye(len(zero), dtype=int)
    # a coordinate that the potential has moves: its kinetic energy may be too small to be seen yet
    moving = unit[factors.any(axis=(0, 1))]
    speeds = itertools.combinations_with_replacement(moving, 2)
    rates |= dict.fromkeys(tuple((x + y).tolist()) for x, y in speeds)
    # a power of a coordinate may stand for a wave of it
    units = [tuple(row) for row in unit[factors[:, :2].any(axis=(0, 1))].tolist()]
    waves = dict.fromkeys([zero, *units])
    for a, b in itertools.combinations(list(waves), 2):
        waves |= dict.fromkeys(
            _leading(tuple(x + sign * y for x, y in zip(a, b, strict=True))) for sign in (1, -1)
        )
    waves |= dict.fromkeys(t.waves for t in terms)
    ordered = sorted(waves, key=_length)
    anew = [
        LagrangianTerm(zero, k, sine, r) for k in ordered for sine in (False, True) for r in rates
    ]
    useful = [t for t in anew if not is_gauge(t) and (any(t.waves) or not t.sine)]
    return WaveLibrary(tuple(dict.fromkeys([*useful, *terms]))[:most])


def _length(waves: tuple[int, ...]) -> int:
    return sum(map(abs, waves))


def _leading(waves: tuple[int, ...]) -> tuple[int, ...]:
    """Of a wave and its opposite, which are one, the one whose first entry is positive."""
    first = next((k for k in waves if k), 0)
    return tuple(-k for k in waves) if first < 0 else waves


class _Sizes:
    """How large terms are on average over states, by the size of their factors."""

    def __init__(self, x: Float[np.ndarray, "n V"], coordinates: int):
        self._rms = np.sqrt(np.mean(x**2, axis=0)) + 1e-12
        self._coordinates = coordinates

    def largest(self, terms: WaveSum, count: int) -> WaveSum:
        """The largest terms; both waves of a pair are of one size, and stay together."""
        if len(terms) <= count:
            return terms
        sizes = {
            key: abs(value) * float(np.prod(self._rms ** (key[0] + key[2])))
            for key, value in terms.items()
        }
        least = sorted(sizes.values(), reverse=True)[count - 1] * (1 - 1e-9)
        return {key: value for key, value in terms.items() if sizes[key] >= least}


def _candidate_sums(
    network: SymbolicNetwork, inputs: Sequence[WaveSum], used: np.ndarray
) -> list[WaveSum]:
    """Each candidate that is used, as a sum over waves; nothing where there is no such sum."""
    sums: list[WaveSum] = []
    for wanted, (operator, places) in zip(used, network.architecture.candidates.rows, strict=True):
        arguments = [inputs[place] for place in places]
        if operator in ("sin", "cos"):
            arguments = [_whole(argument) for argument in arguments]
        # only sums of nothing and something are something
        empty = not any(arguments) if operator in ("add", "sub") else not all(arguments)
        try:
            sums.append({} if empty or not wanted else apply_rule(operator, arguments))
        except UnsupportedError:
            sums.append({})
    return sums


def _whole(argument: WaveSum) -> WaveSum:
    """The argument of a sine as whole multiples of coordinates, if it is nearly that."""
    linear = {
        key: value
        for key, value in argument.items()
        if sum(key[0]) == 1 and not any(key[1] + key[2])
    }
    size = sum(abs(value) for value in argument.values())
    if sum(abs(value) for value in linear.values()) < _STRAIGHT * size:
        return {}
    rounded = {key: complex(round(value.real)) for key, value in linear.items()}
    return {key: value for key, value in rounded.items() if value}


def _combine(weights: np.ndarray, sums: Sequence[WaveSum]) -> WaveSum:
    total: WaveSum = {}
    for place in np.flatnonzero(weights).tolist():
        for key, value in sums[place].items():
            total[key] = total.get(key, 0.0) + weights[place] * value
    return total
