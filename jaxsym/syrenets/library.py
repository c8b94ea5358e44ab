"""Libraries of Lagrangian terms, and the torques that each term alone would need.

The Euler-Lagrange operator is linear in L: the torques of ``sum_k c_k phi_k`` are the sum of c_k
times those of ``phi_k``, so that a Lagrangian is a linear regression once its terms are there.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsym.datasets import MechanicalData
from jaxsym.expr import Expression, apply, literal, variable
from jaxsym.mechanics import euler_lagrange
from jaxsym.simulate import variable_names

Columns: TypeAlias = Float[np.ndarray, "n D K"]


class LagrangianTerm(NamedTuple):
    """``prod q**powers * cos(waves . q) * prod qd**rates``, or the sine instead of the cosine.

    Products of sines and cosines are sums of such terms, so that ``cos(q1 - q2)`` is one term.
    """

    powers: tuple[int, ...]
    waves: tuple[int, ...]
    sine: bool
    rates: tuple[int, ...]


class Gradients(NamedTuple):
    """Slopes of K terms at n states.

    Attributes:
      by_q: by the coordinates.
      by_qd: by the velocities: momenta.
    """

    by_q: Columns
    by_qd: Columns


@dataclass(frozen=True)
class WaveLibrary:
    """Terms of powers, waves and velocities; columns by closed forms, all terms at once.

    Attributes:
      terms: K of them.

    >>> kinetic = LagrangianTerm((0, 0), (1, -1), False, (1, 1))
    >>> WaveLibrary((kinetic,)).expressions
    [Expression(qd1*qd2*cos(q1 - q2))]
    """

    terms: tuple[LagrangianTerm, ...]

    def __len__(self) -> int:
        return len(self.terms)

    @cached_property
    def expressions(self) -> list[Expression]:
        """The terms in ``q1 .. qD qd1 .. qdD``."""
        return [term_expression(term) for term in self.terms]

    def columns(self, data: MechanicalData) -> Columns:
        """Torques of every term for its own: ``d/dt dphi/dqd_i - dphi/dq_i``.

        With ``phi = f(q) w(qd)`` that is ``f sum_j w_ij qdd_j + w_i (df/dq . qd) - f_i w``, where
        indices are derivatives.
        """
        q, qd, qdd, _ = data
        powers, waves, _, rates = (np.array(part) for part in zip(*self.terms, strict=True))
        f, slopes = self._shapes(q, powers, waves)
        along = np.einsum("nkd,nd->nk", slopes, qd)
        # many terms share their velocities
        distinct, place = np.unique(rates, axis=0, return_inverse=True)
        w, w_first, w_second = _monomials(qd, distinct)
        pushed = np.einsum("nrdj,nj->nrd", w_second, qdd)
        place = place.ravel()
        result = f[..., None] * pushed[:, place] + w_first[:, place] * along[..., None]
        result -= slopes * w[:, place, None]
        return np.swapaxes(result, 1, 2)

    def gradients(self, q: Float[np.ndarray, "n D"], qd: Float[np.ndarray, "n D"]) -> Gradients:
        """Slopes of every term by coordinates and velocities."""
        powers, waves, _, rates = (np.array(part) for part in zip(*self.terms, strict=True))
        f, slopes = self._shapes(q, powers, waves)
        w, w_first, _ = _monomials(qd, rates)
        by_q, by_qd = slopes * w[..., None], f[..., None] * w_first
        return Gradients(np.swapaxes(by_q, 1, 2), np.swapaxes(by_qd, 1, 2))

    def part(self, places: Sequence[int]) -> WaveLibrary:
        """The library of some of the terms."""
        return WaveLibrary(tuple(self.terms[place] for place in places))

    def _shapes(
        self, q: np.ndarray, powers: Int[np.ndarray, "K D"], waves: Int[np.ndarray, "K D"]
    ) -> tuple[Float[np.ndarray, "n K"], Float[np.ndarray, "n K D"]]:
        """f and its slopes."""
        sine = np.array([term.sine for term in self.terms])
        # many terms share a wave
        distinct, place = np.unique(waves, axis=0, return_inverse=True)
        angle = q @ distinct.T
        cos, sin = np.cos(angle)[:, place.ravel()], np.sin(angle)[:, place.ravel()]
        wave, turned = np.where(sine, sin, cos), np.where(sine, cos, -sin)
        monomial, first, _ = _monomials(q, powers)
        slopes = first * wave[..., None] + (monomial * turned)[..., None] * waves
        return monomial * wave, slopes


@dataclass(frozen=True)
class ExpressionLibrary:
    """Any terms; columns by automatic differentiation.

    Attributes:
      expressions: K of them, in ``q1 .. qD qd1 .. qdD``.
    """

    expressions: list[Expression]

    def __len__(self) -> int:
        return len(self.expressions)

    def columns(self, data: MechanicalData) -> Columns:
        """Torques of every term for its own, in float64."""
        values = self._values(data.q.shape[1])

        def torque(weights: Array) -> Array:
            return euler_lagrange(lambda q, qd: weights @ values(q, qd))(*data[:3])

        with jax.enable_x64(True):
            return np.asarray(jax.jit(jax.jacfwd(torque))(jnp.zeros(len(self))))

    def gradients(self, q: Float[np.ndarray, "n D"], qd: Float[np.ndarray, "n D"]) -> Gradients:
        """Slopes of every term by coordinates and velocities, in float64."""
        slopes = jax.vmap(jax.jacrev(self._values(q.shape[1]), argnums=(0, 1)))
        with jax.enable_x64(True):
            by_q, by_qd = (np.asarray(part) for part in jax.jit(slopes)(q, qd))
        return Gradients(np.swapaxes(by_q, 1, 2), np.swapaxes(by_qd, 1, 2))

    def _values(self, dims: int) -> Callable[[Array, Array], Array]:
        """All terms of one state."""
        parts = [expression.jax(variable_names(dims)) for expression in self.expressions]

        def values(q: Array, qd: Array) -> Array:
            point = jnp.concatenate([q, qd])
            return jnp.stack([f(point, constants) for f, constants in parts])

        return values

    def part(self, places: Sequence[int]) -> ExpressionLibrary:
        """The library of some of the terms."""
        return ExpressionLibrary([self.expressions[place] for place in places])


Library: TypeAlias = WaveLibrary | ExpressionLibrary


def term_expression(term: LagrangianTerm) -> Expression:
    """A term in ``q1 .. qD qd1 .. qdD``.

    >>> term_expression(LagrangianTerm((2, 0), (0, 1), True, (0, 1)))
    Expression(qd2*q1**2*sin(q2))
    """
    coordinates = [variable(f"q{i + 1}") for i in range(len(term.powers))]
    velocities = [variable(f"qd{i + 1}") for i in range(len(term.rates))]
    factors = [_power(v, e) for v, e in zip(velocities, term.rates, strict=True) if e]
    factors += [_power(v, e) for v, e in zip(coordinates, term.powers, strict=True) if e]
    angle = _combination(coordinates, term.waves)
    if angle is not None:
        factors.append(apply("sin" if term.sine else "cos", angle))
    return reduce(lambda a, b: a * b, factors) if factors else literal(1)


def _power(base: Expression, exponent: int) -> Expression:
    return base if exponent == 1 else base**exponent


def _combination(coordinates: Sequence[Expression], waves: tuple[int, ...]) -> Expression | None:
    """``waves . q``, the positive parts first."""
    parts = sorted((-k, i) for i, k in enumerate(waves) if k)
    total = None
    for negated, i in parts:
        size = abs(negated)
        part = coordinates[i] if size == 1 else size * coordinates[i]
        if total is None:
            total = part if negated < 0 else -part
        else:
            total = total + part if negated < 0 else total - part
    return total


def _monomials(
    x: Float[np.ndarray, "n D"], exponents: Int[np.ndarray, "K D"]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """``prod x**e`` as ``[n, K]``, its slopes ``[n, K, D]`` and curvatures ``[n, K, D, D]``."""
    dims = x.shape[1]
    lowest = exponents.min(initial=0) - 2
    ladder = np.arange(lowest, exponents.max(initial=0) + 1)
    # powers below zero are asked for only where their factor is not zero
    with np.errstate(divide="ignore"):
        table = np.where(
            (ladder < 0) & (exponents.min(initial=0) >= 0),
            0.0,
            x[..., None] ** ladder.astype(float),
        )

    def product(lowered: np.ndarray) -> np.ndarray:
        parts = [table[:, j, exponents[:, j] - lowered[j] - lowest] for j in range(dims)]
        return reduce(np.multiply, parts)

    unit = np.eye(dims, dtype=int)
    value = product(np.zeros(dims, int))
    first = np.stack([exponents[:, i] * product(unit[i]) for i in range(dims)], axis=-1)
    second = np.empty((*value.shape, dims, dims))
    for i, j in itertools.combinations_with_replacement(range(dims), 2):
        factor = exponents[:, i] * (exponents[:, j] - (i == j))
        second[..., i, j] = second[..., j, i] = factor * product(unit[i] + unit[j])
    return value, first, second


def is_gauge(term: LagrangianTerm) -> bool:
    """Whether a term alone leaves all torques as they are: a constant, or ``f(q_i) qd_i``.

    >>> is_gauge(LagrangianTerm((0, 0), (1, 0), False, (1, 0)))
    True
    >>> is_gauge(LagrangianTerm((0, 0), (0, 1), False, (1, 0)))
    False
    """
    if sum(term.rates) == 0:
        return not any(term.powers) and not any(term.waves)
    used = {i for part in (term.powers, term.waves) for i, e in enumerate(part) if e}
    return sum(term.rates) == 1 and used <= {term.rates.index(1)}
