"""A law's function of distance as the data have it, without a formula.

What a network says is a few parts in a thousand off; the data it was trained on are not. Once a law
says how masses and charges enter, what is left is one function of one number, which least squares
reads from the data as far as their precision goes.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
from jaxtyping import Float
from scipy.interpolate import BSpline

from jaxsym._settings import implicit_broadcasting
from jaxsym.distill.refitting import Refit, error_scale, in_double
from jaxsym.expr import Expression, literal, variable
from jaxsym.graphs import Snapshots, Topology
from jaxsym.laws.pairs import VARIABLES, pair_inputs
from jaxsym.laws.particle_law import OWN_VARIABLES

# Cubic pieces in the logarithm of distance. Their error falls with the fourth power of their width
# (de Boor 1978): a hundred over two decades are each a twentieth of a power of e wide, so that of a
# power law they leave less than single precision does.
_PIECES, _DEGREE = 100, 3
# Share of pairs at either end that are too few to tell anything: one piece has twice as many.
_OUTERMOST = 0.005
_POINTS = 300  # at which the profile is told: three a piece, as its four numbers need
_SAMPLES = 500  # pairs at which exponents are taken: shares of them are good to a few percent
# Exponents agree if this share of the samples is that close to a whole number: another exponent is
# off at all of them, a threshold or a rounded constant at some.
_CLOSE, _ALIKE = 0.1, 0.75
_RIDGE = 1e-13  # of the curvature, above its rounding: pieces with hardly a pair stay finite


class RadialProfile(NamedTuple):
    """``a(1 by 2) = factor f(r) d / r``.

    Attributes:
      factor: product of powers of masses and charges.
      distance: r.
      size: f at these.
      sigma: standard errors of f.
      error: root mean square of the relative residuals, see `error_scale`.
    """

    factor: Expression
    distance: Float[np.ndarray, " K"]
    size: Float[np.ndarray, " K"]
    sigma: Float[np.ndarray, " K"]
    error: float


@implicit_broadcasting()
def radial_profile(fit: Refit, data: Snapshots, edges: Topology) -> RadialProfile | None:
    """The function of distance that fits the data best, masses and charges entering as in a law.

    Friction and a shared field are fitted again where the law has them. None where the law is no
    product of powers of masses and charges with a function of distance.

    Args:
      fit: the law, with masses where these are unknown.
      data: snapshots.
      edges: of one snapshot; each pair counts in both directions.

    >>> import jax
    >>> from jaxsym.distill import ParticleLaw
    >>> from jaxsym.expr import parse
    >>> from jaxsym.graphs import snapshots, topology
    >>> from jaxsym.simulate import particles
    >>> spring = particles("spring", bodies=2, dims=2, softening=0.0)
    >>> data = snapshots(spring.simulate(jax.random.key(0), trajectories=40, steps=50))
    >>> wrong = Refit(ParticleLaw(parse("1.5*r"), True, 2), None, 1.0, np.zeros(1), 1)
    >>> found = radial_profile(wrong, data, topology(2))
    >>> str(found.factor), bool(np.allclose(found.size, 2 * (found.distance - 1), atol=1e-3))
    ('1/m1', True)
    """
    senders, receivers = _both_ways(edges)
    d, inputs = _pairs(fit, data, senders, receivers)
    factor = _factor(fit, inputs.reshape(-1, len(VARIABLES)))
    if factor is None:
        return None
    r = inputs[..., 0]
    least, most = np.quantile(r, [_OUTERMOST, 1.0 - _OUTERMOST])
    if not 0 < least < most:
        return None
    spline = _Spline(r)
    weight = factor.evaluate(inputs.reshape(-1, len(VARIABLES)), VARIABLES).reshape(r.shape) / r
    design, target = _equations(spline, r, weight[..., None] * d, receivers, fit, data)
    outside = (r < least) | (r > most)
    beyond = [outside[:, receivers == body].any(axis=1) for body in range(edges.nodes)]
    rows = np.tile(~np.stack(beyond, axis=1).ravel(), d.shape[-1])
    if rows.sum() < 2 * design.shape[1]:
        return None
    return _solved(factor, design[rows], target[rows], r, spline)


class _Spline:
    """Pieces in the logarithm of distance, with as many pairs in each."""

    def __init__(self, r: np.ndarray):
        shares = np.linspace(_OUTERMOST, 1.0 - _OUTERMOST, _PIECES + 1)
        self._inner = np.quantile(np.log(r), shares)
        self._knots = np.pad(self._inner, _DEGREE, mode="edge")

    def pieces(self, r: np.ndarray) -> scipy.sparse.csr_array:
        """`[n, P]` at distances, of which those beyond the ends are moved there."""
        inside = np.clip(np.log(r), *self._inner[[0, -1]])
        return BSpline.design_matrix(inside, self._knots, _DEGREE)


def _equations(
    spline: _Spline,
    r: np.ndarray,
    arms: np.ndarray,
    receivers: np.ndarray,
    fit: Refit,
    data: Snapshots,
) -> tuple[np.ndarray, np.ndarray]:
    """Linear equations, weighted, one for each coordinate, snapshot and body in this order.

    Args:
      spline: the pieces whose sizes are unknown.
      r: `[S, E]`.
      arms: `[S, E, D]` accelerations where f is 1.
      receivers: `[E]`.
      fit: the law, whose friction and field are fitted again.
      data: with the accelerations.
    """
    snapshots, nodes, dims = data.acceleration.shape
    body = (np.arange(snapshots)[:, None] * nodes + receivers).ravel()
    ends = (body, np.arange(body.size))
    onto = scipy.sparse.csr_array((np.ones(body.size), ends), shape=(snapshots * nodes, body.size))
    pieces, own = spline.pieces(r.ravel()), _own_columns(fit, data)
    scale = error_scale(data).ravel()
    design, target = [], []
    for axis in range(dims):
        pull = onto @ pieces.multiply(arms[..., axis].reshape(-1, 1)).tocsr()
        design.append(np.hstack([pull.toarray(), own[:, axis]]) / scale[:, None])
        target.append(data.acceleration[..., axis].ravel() / scale)
    return np.concatenate(design), np.concatenate(target)


def _solved(factor, design, target, r, spline: _Spline) -> RadialProfile:
    """Least squares, and the profile at quantiles of distance."""
    size = np.sqrt(np.sum(design**2, axis=0))
    size[size == 0] = 1.0
    design = design / size
    inverse = np.linalg.inv(design.T @ design + _RIDGE * np.eye(design.shape[1]))
    found = inverse @ (design.T @ target)
    variance = np.mean((design @ found - target) ** 2)
    distance = np.quantile(r, np.linspace(_OUTERMOST, 1.0 - _OUTERMOST, _POINTS))
    pieces = spline.pieces(distance).toarray()
    own = slice(pieces.shape[1])
    pieces = pieces / size[own]
    spread = np.einsum("kp,pq,kq->k", pieces, inverse[own, own], pieces)
    sigma = np.sqrt(variance * np.maximum(spread, np.finfo(float).eps))
    return RadialProfile(factor, distance, pieces @ found[own], sigma, float(np.sqrt(variance)))


def _both_ways(edges: Topology) -> tuple[np.ndarray, np.ndarray]:
    """Senders and receivers with each pair in both directions."""
    ends = np.stack([edges.senders, edges.receivers])
    both = np.unique(np.concatenate([ends, ends[::-1]], axis=1), axis=1)
    return both[0], both[1]


def _pairs(fit, data, senders, receivers) -> tuple[np.ndarray, np.ndarray]:
    """Displacements `[S, E, D]` and the columns of `VARIABLES` `[S, E, V]`."""
    with jax.enable_x64(True):
        bodies = in_double(data.bodies)
        if fit.log_mass is not None:
            bodies = bodies._replace(mass=jnp.exp(fit.log_mass)[bodies.label])
        receiver = jax.tree.map(lambda a: a[:, receivers], bodies)
        sender = jax.tree.map(lambda a: a[:, senders], bodies)
        displacement, inputs = pair_inputs(receiver, sender)
        return np.asarray(displacement), np.asarray(inputs)


def _factor(fit: Refit, table: np.ndarray) -> Expression | None:
    """How the acceleration grows with masses and charges, if as a product of their powers."""
    pull = fit.law.as_acceleration().coefficient
    table = table[:: max(1, len(table) // _SAMPLES)]
    factor = literal(1)
    with np.errstate(all="ignore"):
        before = pull.evaluate(table, VARIABLES)
        for column, name in enumerate(VARIABLES[1:], 1):
            if name not in pull.variables:
                continue
            twice = table.copy()
            twice[:, column] *= 2.0
            exponent = np.log2(pull.evaluate(twice, VARIABLES) / before)
            power = np.nan_to_num(np.nanmedian(exponent)).round()
            if np.mean(np.abs(exponent - power) < _CLOSE) < _ALIKE:
                return None
            factor = factor * variable(name) ** literal(int(power))
    return factor.canonical()


def _own_columns(fit: Refit, data: Snapshots) -> np.ndarray:
    """`[S N, D, P]`: what friction and field of unit strength add, where the law has them."""
    mass, charge = (
        np.asarray(x, np.float64).ravel() for x in (data.bodies.mass, data.bodies.charge)
    )
    velocity = np.asarray(data.bodies.velocity, np.float64)
    velocity = velocity.reshape(len(mass), -1)
    columns = []
    if fit.law.drag is not None:
        drag = fit.law.drag.evaluate(np.stack([mass, charge], axis=1), OWN_VARIABLES)
        columns.append(drag[:, None, None] * velocity[..., None])
    if fit.law.field:
        columns.append(
            np.broadcast_to(np.eye(velocity.shape[1]), (len(mass),) + (velocity.shape[1],) * 2)
        )
    return np.concatenate(columns, axis=-1) if columns else np.zeros((*velocity.shape, 0))
