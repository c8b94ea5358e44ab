"""Constants by batched multi-start Levenberg-Marquardt, in float64.

Every start is a small least-squares problem of its own, run until it is done, so that none waits
for another; all of them share one compiled function. Method: Levenberg (1944), Marquardt (1963),
with the damping rule of H. B. Nielsen, "Damping parameter in Marquardt's method" (1999).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Bool, Float, Int, Key

from jaxsym._check import finite, require
from jaxsym.expr.expression import Expression
from jaxsym.expr.operators import OPERATORS, Operator
from jaxsym.expr.program import (
    Numbers,
    Program,
    compile_programs,
    execute,
    make_registers,
    with_literals,
    with_variables,
)

_EXACT = 1e-24  # a loss below this share of mean(y**2) is rounding: further starts cannot better it
_SCREENED = 32  # starts drawn per start that is run
_SETTLED = 1e-14  # an improvement below this share of the loss ends a start


class Fit(NamedTuple):
    """Fitted constants.

    Attributes:
      program: the program given, with the best constants found.
      loss: `[P]` weighted mean squared error; infinite where no start gave finite values.
      converged: `[P]` whether the best start ended by its own tolerance, not by `steps`.
      curvature: `[P, K, K]` weighted mean of the products of derivatives; `loss / n` times its
        inverse is the covariance of the constants if the residuals are independent.
    """

    program: Program
    loss: Float[Numbers, " P"]
    converged: Bool[Numbers, " P"]
    curvature: Float[Numbers, "P K K"]


def fit_constants(
    program: Program,
    X: Float[ArrayLike, "n V"],
    y: Float[ArrayLike, " n"],
    *,
    key: Key[Array, ""],
    weights: Float[ArrayLike, " n"] | None = None,
    restarts: int = 8,
    steps: int = 100,
    scale: float = 1.0,
) -> Fit:
    """Minimize `sum(w * (f(X; c) - y)**2) / sum(w)` over the constants c of every program.

    The first start is the constants that the program holds. The others are the best of a larger
    draw, half from `scale * N(0, 1)`, half of random sign and a magnitude log-uniform within
    `scale / 100` and `scale * 100`; the best are those whose values are closest to y up to a scale
    and an offset. A program fitted exactly skips its other starts. Runs in float64 whatever the
    dtype of the input.

    Args:
      program: P expressions with K constant slots.
      X: `[n, V]` points, or `[P, n, V]` for points of each program's own.
      y: `[n]` targets, or `[P, n]`.
      key: PRNG key of the starts.
      weights: `[n]` or `[P, n]`, not negative; equal by default.
      restarts: R, starts that are run per program, the program's own constants included.
      steps: most evaluations per start.
      scale: size of the constants expected.

    Raises:
      ValueError: shapes that do not match, non-finite data, negative weights, or no restarts.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.expr.program import compile_programs
    >>> x = np.linspace(1.0, 3.0, 50)[:, None]
    >>> program = compile_programs([parse("1.0*x**1.0")], ["x"])
    >>> fit = fit_constants(program, x, 2.5 * x[:, 0]**1.5, key=jax.random.key(0))
    >>> np.round(fit.program.constants, 9).tolist()
    [[2.5, 1.5]]
    """
    require(restarts > 0, f"restarts={restarts}; expected at least 1")
    points, target = np.asarray(X, np.float64), np.asarray(y, np.float64)
    count, samples = program.opcode.shape[0], points.shape[-2]
    weight = np.ones(samples) if weights is None else np.asarray(weights, np.float64)
    _check(points, target, weight, count, samples)
    starts = _draw_starts(program, key, restarts, scale)
    rows, columns = _bucket(count) - count, _bucket(samples) - samples
    with jax.enable_x64(True):
        fit = _fit(
            jax.tree.map(lambda a: _pad(a, rows), program),
            _pad(points, *[rows] * (points.ndim == 3), columns, mode="edge"),
            _pad(np.broadcast_to(target, (count, samples)), rows, columns),
            _pad(np.broadcast_to(weight, (count, samples)), rows, columns),
            _pad(starts, rows),
            restarts=restarts,
            steps=steps,
        )
        return jax.tree.map(lambda a: np.asarray(a)[:count], fit)


def fit_expressions(
    expressions: Sequence[Expression],
    variables: Sequence[str],
    X: Float[ArrayLike, "n V"],
    y: Float[ArrayLike, " n"],
    *,
    operators: Mapping[str, Operator] = OPERATORS,
    slots: int | None = None,
    **options: Any,
) -> tuple[list[Expression], Fit]:
    """`fit_constants` from expressions to expressions.

    Args:
      expressions: P expressions, their constants the first start.
      variables: names of the columns of `X`.
      X, y: the data, as for `fit_constants`.
      operators, slots: as for `compile_programs`.
      options: `key`, `weights`, `restarts`, `steps`, `scale`, as for `fit_constants`.

    Returns:
      the expressions with fitted constants (their old ones where no start was finite), and the fit.

    >>> from jaxsym.expr import parse
    >>> x = np.linspace(1.0, 3.0, 50)[:, None]
    >>> y, key = 3 / x[:, 0], jax.random.key(0)
    >>> fitted, fit = fit_expressions([parse("1.0/x")], ["x"], x, y, key=key)
    >>> round(fitted[0].constants[0], 9)
    3.0
    """
    program = compile_programs(expressions, variables, slots=slots, operators=operators)
    fit = fit_constants(program, X, y, **options)
    fitted = [
        e.with_constants(c[: len(e.constants)]) if np.isfinite(loss) else e
        for e, c, loss in zip(expressions, fit.program.constants, fit.loss, strict=True)
    ]
    return fitted, fit


def _check(X: np.ndarray, y: np.ndarray, weights: np.ndarray, count: int, samples: int) -> None:
    for name, values in (("X", X), ("y", y), ("weights", weights)):
        finite(name, values)
    for name, values in (("y", y), ("weights", weights)):
        shapes = ((samples,), (count, samples))
        require(
            values.shape in shapes, f"{name} has shape {values.shape}; expected one of {shapes}"
        )
    require(bool(np.all(weights >= 0)), "weights has a negative value; expected none")
    require(bool(np.all(weights.sum(-1) > 0)), "weights are all zero; expected a positive one")


def _bucket(size: int) -> int:
    """The next size of few: a quarter of a power of two apart, so that shapes repeat."""
    step = max(8, 1 << max(0, (size - 1).bit_length() - 3))
    return -(-size // step) * step


def _pad(array: Numbers, *added: int, mode: Literal["constant", "edge"] = "constant") -> np.ndarray:
    """Lengthen the leading axes by zeros (no weight, no instructions), or by the last entry."""
    rest = [0] * (np.ndim(array) - len(added))
    return np.pad(np.asarray(array), [(0, n) for n in (*added, *rest)], mode=mode)


def _draw_starts(program: Program, key: Array, restarts: int, scale: float) -> np.ndarray:
    """`[P, 1 + D, K]`: the program's own constants, then the draw.

    Drawn by numpy, since compiling the generator would take longer than the fit.
    """
    rng = np.random.default_rng(np.asarray(jax.random.key_data(key)).ravel())
    count, slots = program.constants.shape
    shape = (count, _SCREENED * (restarts - 1), slots)
    drawn = rng.normal(size=shape)
    half = drawn[:, ::2]
    half[...] = np.sign(half) * 10 ** rng.uniform(-2, 2, half.shape)
    return np.concatenate([np.asarray(program.constants)[:, None], scale * drawn], axis=1)


class _Point(NamedTuple):
    """Constants with the least-squares problem linearized there."""

    constants: Float[Array, " K"]
    loss: Float[Array, ""]
    curvature: Float[Array, "K K"]
    gradient: Float[Array, " K"]


class _State(NamedTuple):
    """One start of Levenberg-Marquardt between two evaluations."""

    best: _Point
    trial: Float[Array, " K"]
    promised: Float[Array, ""]  # what the local quadratic model expects `trial` to gain
    damping: Float[Array, ""]
    growth: Float[Array, ""]
    step: Int[Array, ""]
    done: Bool[Array, ""]


@functools.partial(jax.jit, static_argnames="restarts")
def _fit(
    program: Program, X: Array, y: Array, weights: Array, starts: Array, steps: Array, restarts: int
) -> Fit:
    columns = jnp.swapaxes(X, -1, -2)
    shared = columns if X.ndim == 2 else None
    total = weights.sum(-1, keepdims=True)
    weights = weights / jnp.where(total > 0, total, 1)

    def fit_one(inputs: tuple) -> tuple[_Point, Array]:
        row, own, y, weights, starts = inputs
        columns = own if shared is None else shared

        def evaluator(tangents: int) -> Callable[[Array], Array]:
            registers = make_registers(row, columns.shape[-1], columns.dtype, tangents)
            registers = with_literals(row, with_variables(row, registers, columns))
            return lambda constants: execute(replace(row, constants=constants), registers)[1]

        values, values_and_slopes = evaluator(0), evaluator(starts.shape[-1])

        def linearize(constants: Array) -> _Point:
            rows = values_and_slopes(constants)
            residual, slopes = rows[0] - y, rows[1:]
            weighted = slopes * weights
            loss = _finite_or_inf(jnp.sum(weights * residual**2))
            return _Point(constants, loss, weighted @ slopes.T, weighted @ residual)

        if restarts > 1:
            misfits = lax.map(lambda c: _misfit(values(c)[0], y, weights), starts)
            misfits = misfits.at[0].set(-jnp.inf)  # the own constants go first
            starts = starts[jnp.argsort(misfits)[:restarts]]
        exact = _EXACT * jnp.sum(weights * y**2)

        def attempt(index: Array, best: _State) -> _State:
            def run() -> _State:
                found = _minimize(linearize, starts[index], steps)
                better = found.best.loss < best.best.loss
                return jax.tree.map(lambda a, b: jnp.where(better, a, b), found, best)

            return lax.cond(best.best.loss <= exact, lambda: best, run)

        found = lax.fori_loop(0, restarts, attempt, _first_state(starts[0]))
        return found.best, found.done

    best, done = lax.map(fit_one, (program, None if X.ndim == 2 else columns, y, weights, starts))
    return Fit(replace(program, constants=best.constants), best.loss, done, best.curvature)


def _misfit(value: Array, y: Array, weights: Array) -> Array:
    """Loss left by the best scale and offset (the easy part of a fit), up to a constant."""
    deviation = value - weights @ value
    variance = weights @ deviation**2
    explained = (weights @ (deviation * y)) ** 2 / jnp.where(variance > 0, variance, 1)
    return jnp.where(jnp.isfinite(variance), -explained, jnp.inf)


def _finite_or_inf(loss: Array) -> Array:
    return jnp.where(jnp.isfinite(loss), loss, jnp.inf)


def _minimize(linearize: Callable[[Array], _Point], start: Array, steps: Array) -> _State:
    """Levenberg-Marquardt from one start."""

    def advance(state: _State) -> _State:
        new, old = linearize(state.trial), state.best
        better = new.loss < old.loss
        best = jax.tree.map(lambda a, b: jnp.where(better, a, b), new, old)
        gain = (old.loss - new.loss) / state.promised
        shrink = jnp.maximum(1 / 3, 1 - (2 * gain - 1) ** 3)
        damping = state.damping * jnp.where(better, shrink, state.growth)
        scale = jnp.diag(best.curvature)
        scale = jnp.maximum(scale, 1e-14 * scale.max())
        scale = jnp.where(scale > 0, scale, 1)  # a slot that is not in use
        matrix = best.curvature + damping * jnp.diag(scale)
        move = -jax.scipy.linalg.solve(matrix, best.gradient, assume_a="pos")
        settled = better & (old.loss - new.loss <= _SETTLED * new.loss)
        still = jnp.max(jnp.abs(move)) <= 1e-15 * jnp.max(jnp.abs(best.constants))
        return _State(
            best=best,
            trial=best.constants + move,
            promised=move @ (damping * scale * move - best.gradient),
            damping=damping,
            growth=jnp.where(better, 2.0, 2 * state.growth),
            step=state.step + 1,
            done=settled | still | (damping > 1e20) | ~jnp.isfinite(best.loss),
        )

    return lax.while_loop(lambda s: ~s.done & (s.step < steps), advance, _first_state(start))


def _first_state(start: Array) -> _State:
    """Before the first evaluation: nothing known, `start` on trial."""
    one, matrix = jnp.ones((), start.dtype), jnp.zeros((len(start), len(start)), start.dtype)
    nowhere = _Point(start, jnp.inf * one, matrix, jnp.zeros_like(start))
    return _State(nowhere, start, one, 3e-3 * one, 2 * one, jnp.zeros((), int), jnp.asarray(False))
