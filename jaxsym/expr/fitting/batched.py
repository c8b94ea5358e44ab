"""Constants by batched multi-start Levenberg-Marquardt, in float64.

Every start is a small least-squares problem of its own, run until it is done, so that none waits
for another; all of them share one compiled function.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, ArrayLike, Bool, Float, Key

from jaxsym._check import finite, require
from jaxsym._programs import bounded_jit
from jaxsym._random import generator
from jaxsym.expr.expression import Expression
from jaxsym.expr.fitting.levenberg_marquardt import Point, State, first_state, minimize
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
_SHAPES = 24  # programs that are kept: a search fits batches of two sizes, of several lengths
_BATCHES = (8, 64)  # programs per dispatch, so that any number of them meets a compiled function


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
    require(points.ndim in (2, 3), f"X has shape {points.shape}; expected [n, V] or [P, n, V]")
    count, samples = program.opcode.shape[0], points.shape[-2]
    weight = np.ones(samples) if weights is None else np.asarray(weights, np.float64)
    _check(program, points, target, weight)
    starts = _draw_starts(program, key, restarts, scale)
    added = _bucket(samples) - samples
    points = _pad(points, *[0] * (points.ndim - 2), added, mode="edge")
    target = _pad(np.broadcast_to(target, (count, samples)), 0, added)
    weight = _pad(np.broadcast_to(weight, (count, samples)), 0, added)
    size = min(n for n in _BATCHES if n >= min(count, _BATCHES[-1]))
    fits = []
    with jax.enable_x64(True):
        for start in range(0, count, size):

            def part(array: Numbers, start: int = start) -> np.ndarray:
                rows = np.asarray(array)[start : start + size]
                return _pad(rows, size - len(rows))

            fit = _fit(
                jax.tree.map(part, program),
                part(points) if points.ndim == 3 else points,
                part(target),
                part(weight),
                part(starts),
                restarts=restarts,
                steps=steps,
            )
            fits.append(jax.tree.map(np.asarray, fit))
    return jax.tree.map(lambda *parts: np.concatenate(parts)[:count], *fits)


def fit_expressions(
    expressions: Sequence[Expression],
    variables: Sequence[str],
    X: Float[ArrayLike, "n V"],
    y: Float[ArrayLike, " n"],
    *,
    operators: Mapping[str, Operator] = OPERATORS,
    length: int | None = None,
    slots: int | None = None,
    **options: Any,
) -> tuple[list[Expression], Fit]:
    """`fit_constants` from expressions to expressions.

    Args:
      expressions: P expressions, their constants the first start.
      variables: names of the columns of `X`.
      X, y: the data, as for `fit_constants`.
      operators, length, slots: as for `compile_programs`.
      options: `key`, `weights`, `restarts`, `steps`, `scale`, as for `fit_constants`.

    Returns:
      the expressions with fitted constants (their old ones where no start was finite), and the fit.

    >>> from jaxsym.expr import parse
    >>> x = np.linspace(1.0, 3.0, 50)[:, None]
    >>> y, key = 3 / x[:, 0], jax.random.key(0)
    >>> fitted, fit = fit_expressions([parse("1.0*x**1.0")], ["x"], x, y, key=key)
    >>> [round(c, 9) for c in fitted[0].constants]
    [3.0, -1.0]
    """
    program = compile_programs(
        expressions, variables, length=length, slots=slots, operators=operators
    )
    fit = fit_constants(program, X, y, **options)
    fitted = [
        e.with_constants(c[: len(e.constants)]) if np.isfinite(loss) else e
        for e, c, loss in zip(expressions, fit.program.constants, fit.loss, strict=True)
    ]
    return fitted, fit


def _check(program: Program, X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> None:
    count, samples, columns = len(program.length), X.shape[-2], program.variables
    expected = {
        "X": ((samples, columns), (count, samples, columns)),
        "y": ((samples,), (count, samples)),
        "weights": ((samples,), (count, samples)),
    }
    for (name, shapes), values in zip(expected.items(), (X, y, weights), strict=True):
        require(
            values.shape in shapes, f"{name} has shape {values.shape}; expected one of {shapes}"
        )
        finite(name, values)
    require(bool(np.all(weights >= 0)), "weights has a negative value; expected none")
    require(bool(np.all(weights.sum(-1) > 0)), "weights are all zero; expected a positive one")


def _bucket(size: int) -> int:
    """The next of few sizes, four to every power of two, so that shapes repeat."""
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
    rng = generator(key)
    count, slots = program.constants.shape
    shape = (count, _SCREENED * (restarts - 1), slots)
    drawn = rng.normal(size=shape)
    half = drawn[:, ::2]
    half[...] = np.sign(half) * 10 ** rng.uniform(-2, 2, half.shape)
    return np.concatenate([np.asarray(program.constants)[:, None], scale * drawn], axis=1)


@bounded_jit(static_argnames="restarts", shapes=_SHAPES)
def _fit(
    program: Program, X: Array, y: Array, weights: Array, starts: Array, steps: Array, restarts: int
) -> Fit:
    columns = jnp.swapaxes(X, -1, -2)
    own = columns if X.ndim == 3 else None
    total = weights.sum(-1, keepdims=True)
    weights = weights / jnp.where(total > 0, total, 1)

    def fit_one(inputs: tuple) -> State:
        row, points, y, weights, starts = inputs
        points = columns if points is None else points

        def evaluator(tangents: int) -> Callable[[Array], Array]:
            registers = make_registers(row, points.shape[-1], points.dtype, tangents)
            registers = with_literals(row, with_variables(row, registers, points))
            return lambda constants: execute(replace(row, constants=constants), registers)[1]

        values, values_and_slopes = evaluator(0), evaluator(starts.shape[-1])

        def linearize(constants: Array) -> Point:
            rows = values_and_slopes(constants)
            residual, slopes = rows[0] - y, rows[1:]
            weighted = slopes * weights[None]
            loss = _finite_or_inf(jnp.sum(weights * residual**2))
            return Point(constants, loss, weighted @ slopes.T, weighted @ residual)

        if restarts > 1:
            misfits = lax.map(lambda c: _misfit(values(c)[0], y, weights), starts)
            misfits = misfits.at[0].set(-jnp.inf)  # the own constants go first
            starts = starts[jnp.argsort(misfits)[:restarts]]
        exact = _EXACT * jnp.sum(weights * y**2)

        def attempt(carried: tuple[Array, State]) -> tuple[Array, State]:
            index, best = carried
            found = minimize(linearize, starts[index], steps)
            better = found.best.loss < best.best.loss
            return index + 1, jax.tree.map(lambda a, b: jnp.where(better, a, b), found, best)

        def going(carried: tuple[Array, State]) -> Array:
            return (carried[0] < restarts) & (carried[1].best.loss > exact)

        return lax.while_loop(going, attempt, (jnp.zeros((), int), first_state(starts[0])))[1]

    found = lax.map(fit_one, (program, own, y, weights, starts))
    best = found.best
    return Fit(replace(program, constants=best.constants), best.loss, found.done, best.curvature)


def _misfit(value: Array, y: Array, weights: Array) -> Array:
    """Loss left by the best scale and offset (the easy part of a fit), up to a constant."""
    deviation = value - weights @ value
    variance = weights @ deviation**2
    explained = (weights @ (deviation * y)) ** 2 / jnp.where(variance > 0, variance, 1)
    return jnp.where(jnp.isfinite(variance), -explained, jnp.inf)


def _finite_or_inf(loss: Array) -> Array:
    return jnp.where(jnp.isfinite(loss), loss, jnp.inf)
