"""A network whose units are single terms of a Lagrangian: trained, and read as it is.

Beyond the paper (Valle & Haddadin 2021, arXiv 2105.14396), whose mixtures of candidates come near a
Lagrangian and never reach it. A unit draws a product of velocities, a whole frequency for each
coordinate, and cosine or sine, each from a distribution of its own; its value is the expectation,
which factorizes: of ``exp(i k . q)`` it is the product of those of ``exp(i k_j q_j)``. Coefficients
follow from the units by least squares within the loss (variable projection: Golub & Pereyra 1973),
since the Euler-Lagrange operator is linear in L. Noise on the logits (Gumbel 1954) that fades, and
an entropy that costs more and more, make each distribution a choice. What each unit has chosen is a
term; no library is searched, and no term is added.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import lru_cache, partial
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym.datasets import MechanicalData
from jaxsym.syrenets.besides import Options, besides
from jaxsym.syrenets.fitting import FittedLagrangian, fit_lagrangian
from jaxsym.syrenets.library import LagrangianTerm, WaveLibrary, is_gauge

Logits: TypeAlias = dict[str, Array]

_REACH = 2  # of the frequencies: joints of a chain have 1, double angles 2
_BATCH = 256  # states of a step
_RATE = 0.05  # of Adam, down to a tenth by a cosine
_ENTROPY = 3.0  # its price at the end, in logarithms of the error
_FLOOR = 1e-5  # share of the torques' variance: less of an error is worth nothing to a mixture
_RIDGE = 1e-5  # of the least squares: units that have chosen the same term


class TermNetworkFit(NamedTuple):
    """The best of several trained networks, read out.

    Attributes:
      fit: the Lagrangian: the units' terms with constants by regression, those dropped that explain
        nothing.
      errors: of every restart on the states kept apart, by `FittedLagrangian.error`; infinite where
        its terms explain nothing.
    """

    fit: FittedLagrangian
    errors: tuple[float, ...]


def train_term_network(
    data: MechanicalData,
    kept_apart: MechanicalData,
    options: Options,
    *,
    seed: int = 0,
    units: int = 16,
    restarts: int = 6,
    steps: int = 1000,
) -> TermNetworkFit:
    """Train networks of single terms, harden each, and take the one that errs least.

    Args:
      data: motion and torques to learn from; coordinates are angles.
      kept_apart: others, to choose between restarts.
      options: what acts besides; it is projected out in the loss as well.
      seed: of starts, noise and batches.
      units: terms that a network may have.
      restarts: networks, trained in one program.
      steps: of Adam; 0 for networks that were never trained.

    Raises:
      ValueError: counts that are not positive, or no restart with a term that explains anything.
    """
    require(
        units > 0 and restarts > 0 and steps >= 0,
        f"units is {units}, restarts {restarts}, steps {steps}; expected positive numbers",
    )
    dims = data.q.shape[1]
    beside = besides(data, options)
    scale = np.maximum(beside.target.std(axis=0), 1e-6 * beside.target.std())
    states = tuple(
        jnp.asarray(values, jnp.float32)
        for values in (*data[:3], beside.target / scale, beside.columns / scale[:, None])
    )
    keys = jax.random.split(jax.random.key(seed), restarts)
    logits = _program(dims, units, steps)(keys, jnp.asarray(1 / scale, jnp.float32), states)
    best, errors = None, []
    for place in range(restarts):
        terms = _terms({name: np.asarray(part[place]) for name, part in logits.items()})
        fit = fit_lagrangian(WaveLibrary(terms), data, options) if terms else None
        useful = fit is not None and len(fit.library) > 0
        errors.append(fit.error(kept_apart) if fit is not None and useful else np.inf)
        if useful and errors[-1] == min(errors):
            best = fit
    if best is None:
        raise ValueError("no network has a term that explains the torques; expected more units")
    return TermNetworkFit(best, tuple(errors))


def _terms(logits: dict[str, np.ndarray]) -> tuple[LagrangianTerm, ...]:
    """What each unit has chosen, once; without what changes no torque."""
    chosen = {name: np.argmax(part, axis=-1) for name, part in logits.items()}
    rates, found = _rates(logits["waves"].shape[1]), []
    for rate, wave, sine in zip(*(chosen[name] for name in _PARTS), strict=True):
        waves = tuple(int(k) - _REACH for k in wave)
        leading = next((k for k in waves if k), 0)
        waves = tuple(-k for k in waves) if leading < 0 else waves
        term = LagrangianTerm((0,) * len(waves), waves, bool(sine), rates[int(rate)])
        if not is_gauge(term) and (any(waves) or not sine):
            found.append(term)
    return tuple(dict.fromkeys(found))


_PARTS = ("rates", "waves", "sines")


def _rates(dims: int) -> list[tuple[int, ...]]:
    """Exponents of the velocities: none, or two in all."""
    pairs = itertools.combinations_with_replacement(range(dims), 2)
    squares = [tuple(int(j == a) + int(j == b) for j in range(dims)) for a, b in pairs]
    return [(0,) * dims, *squares]


@lru_cache(maxsize=8)
def _program(dims: int, units: int, steps: int):
    """Training of all restarts: ``(keys, 1 / scale, states) -> logits``."""
    shapes = {
        "rates": (units, len(_rates(dims))),
        "waves": (units, dims, 2 * _REACH + 1),
        "sines": (units, 2),
    }
    optimizer = optax.adam(optax.cosine_decay_schedule(_RATE, max(steps, 1), 0.1))

    @jax.jit
    @partial(jax.vmap, in_axes=(0, None, None))
    @implicit_broadcasting()
    def run(key: Array, weights: Array, states: tuple[Array, ...]) -> Logits:
        start = {
            name: jax.random.normal(jax.random.fold_in(key, place), shapes[name])
            for place, name in enumerate(_PARTS)
        }

        def step(carry, number):
            logits, moments = carry
            done, own = number / max(steps, 1), jax.random.fold_in(key, number + len(_PARTS))
            rows = jax.random.randint(own, (_BATCH,), 0, len(states[0]))
            batch = tuple(values[rows] for values in states)
            slopes = jax.grad(_loss)(logits, own, done, weights, batch)
            updates, moments = optimizer.update(slopes, moments)
            return (optax.apply_updates(logits, updates), moments), None

        (logits, _), _ = jax.lax.scan(step, (start, optimizer.init(start)), jnp.arange(steps))
        return logits

    return run


def _loss(
    logits: Logits, key: Array, done: Array, weights: Array, batch: Sequence[Array]
) -> Float[Array, ""]:
    """Logarithm of the share of the torques that no coefficients explain, and the entropy."""
    q, qd, qdd, target, beside = batch
    keys = jax.random.split(key, len(_PARTS))
    drawn = {
        name: jax.nn.softmax(logits[name] + (1 - done) * jax.random.gumbel(k, logits[name].shape))
        for name, k in zip(_PARTS, keys, strict=True)
    }
    own = jax.vmap(partial(_torques, drawn))(q, qd, qdd) * weights[:, None]
    table = jnp.concatenate([own, beside], axis=-1).reshape(target.size, -1)
    table = table / jnp.sqrt(jnp.mean(table**2, axis=0) + 1e-8)
    wanted = target.ravel()
    gram = table.T @ table / target.size + _RIDGE * jnp.eye(table.shape[1])
    # the slope by the coefficients is zero at their best
    best = jax.lax.stop_gradient(jnp.linalg.solve(gram, table.T @ wanted / target.size))
    left = jnp.mean((wanted - table @ best) ** 2) + _RIDGE * jnp.sum(best**2)
    chances = [jax.nn.softmax(part) for part in logits.values()]
    entropy = sum(jnp.sum(jax.scipy.special.entr(p)) for p in chances) / len(logits["rates"])
    return jnp.log(left + _FLOOR) + _ENTROPY * done * entropy


def _torques(drawn: Logits, q: Array, qd: Array, qdd: Array) -> Float[Array, "D H"]:
    """What each unit alone would need: Euler-Lagrange of its expectation."""
    momenta = jax.jacfwd(partial(_units, drawn), 1)
    _, rates = jax.jvp(momenta, (q, qd), (qd, qdd))
    return (rates - jax.jacfwd(partial(_units, drawn), 0)(q, qd)).T


def _units(drawn: Logits, q: Array, qd: Array) -> Float[Array, " H"]:
    """The expectation of each unit's term."""
    monomials = jnp.stack(
        [jnp.prod(jnp.stack([v**e for v, e in zip(qd, r, strict=True)])) for r in _rates(len(q))]
    )
    angles = q[:, None] * jnp.arange(-_REACH, _REACH + 1)
    real, imaginary = (jnp.sum(drawn["waves"] * f(angles), axis=-1) for f in (jnp.cos, jnp.sin))
    cosine, sine = real[:, 0], imaginary[:, 0]
    for place in range(1, len(q)):
        a, b = real[:, place], imaginary[:, place]
        cosine, sine = cosine * a - sine * b, cosine * b + sine * a
    wave = drawn["sines"][:, 0] * cosine + drawn["sines"][:, 1] * sine
    return (drawn["rates"] @ monomials) * wave
