"""Evaluation of equations put back in a model: `Expression.jax` against `sympy.lambdify`.

Both compiled by `jax.jit`, in turns on the same float32 numbers, as values and as values with the
gradient by every variable; from one table ``[n, V]``, which is how `Expression.jax` takes them, and
from one array a variable, which is how `sympy.lambdify` does. Our constants are arguments, since
they are fitted in place; lambdify writes them into the program.

    python -m benchmarks.symbolic_evaluation [--quick] [--json FILE]
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import sympy

from benchmarks import common
from jaxsym.expr import Expression, parse

OURS, THEIRS = "jaxsym", "sympy.lambdify"
FORMULAS = {
    "spring": "2.0*(r - 0.99)*dx/r",
    "softened gravity": "1.5*m1*m2*dx/(r**2 + 0.01)**(3/2)",
    "charge": "-1.0*q1*q2*dx/r**3",
    "Lennard-Jones": "24.0*(2*(s/r)**12 - (s/r)**6)*dx/r**2",
    "mixed": "0.5*exp(-x/2.0)*log(y) + sqrt(x*y) + x**1.7",
}
TARGET = 1.0
_POINTS_IN_A_TURN = 1_000_000  # small arrays are evaluated many times over

Evaluate = Callable[[Any, jax.Array], Any]


def measure(
    *,
    formulas: Sequence[str] = tuple(FORMULAS),
    points: Sequence[int] = (1000, 1_000_000),
    repeats: int = 15,
) -> dict[str, Any]:
    """Time both in turns.

    Args:
      formulas: names in `FORMULAS`.
      points: n, numbers of points.
      repeats: number of turns.
    """
    cases = [
        _case(name, count, layout, gradient, repeats)
        for name in formulas
        for count in points
        for layout in ("table", "columns")
        for gradient in (False, True)
    ]
    return {
        "benchmark": "symbolic_evaluation",
        "formulas": {name: FORMULAS[name] for name in formulas},
        "precision": "float32",
        "seed": 0,
        "turns": repeats,
        "cases": cases,
        "target_ratio": TARGET,
        "summary": _summary(cases),
    } | common.machine()


def _summary(cases: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """How many times less CPU time ours takes, over the formulas."""
    groups: dict[tuple[str, str, int], list[float]] = {}
    for case in cases:
        group = case["result"], case["layout"], case["points"]
        groups.setdefault(group, []).append(case["times_faster"]["cpu_seconds"]["median"])
    return [
        {"result": result, "layout": layout, "points": points} | common.spread(times)
        for (result, layout, points), times in groups.items()
    ]


def _case(name: str, points: int, layout: str, gradient: bool, repeats: int) -> dict[str, Any]:
    """One formula at one size, in one layout."""
    expression = parse(FORMULAS[name])
    rng = np.random.default_rng(0)
    table = jnp.asarray(rng.uniform(0.5, 2.0, (points, len(expression.variables))), jnp.float32)
    inputs = table if layout == "table" else tuple(jnp.array(column) for column in table.T)
    functions = {OURS: _ours(expression, layout), THEIRS: _theirs(expression, layout)}
    if gradient:
        functions = {engine: _with_gradient(f) for engine, f in functions.items()}
    constants = jnp.asarray(expression.constants, jnp.float32)
    calls = {engine: partial(jax.jit(f), inputs, constants) for engine, f in functions.items()}
    _check_same(name, *(call() for call in calls.values()))
    count = max(1, _POINTS_IN_A_TURN // points) if repeats > 2 else 1
    clocks = {engine: partial(_clock, call, count) for engine, call in calls.items()}
    turns = common.interleave(clocks, repeats)
    return {
        "formula": name,
        "points": points,
        "layout": layout,
        "result": "value, gradient" if gradient else "value",
        "cpu_nanoseconds_per_point": {
            engine: 1e9
            * statistics.median(turn[engine]["cpu_seconds"] for turn in turns)
            / (count * points)
            for engine in calls
        },
        "times_faster": common.times_faster(turns, OURS, THEIRS),
    }


def _ours(expression: Expression, layout: str) -> Evaluate:
    f, _ = expression.jax()
    if layout == "table":
        return f
    return lambda columns, constants: f(jnp.stack(columns, axis=-1), constants)


def _theirs(expression: Expression, layout: str) -> Evaluate:
    symbols = [sympy.Symbol(name) for name in expression.variables]
    f = sympy.lambdify(symbols, expression.sympy(), modules="jax")
    if layout == "table":
        return lambda table, constants: f(*(table[..., k] for k in range(len(symbols))))
    return lambda columns, constants: f(*columns)


def _with_gradient(call: Evaluate) -> Evaluate:
    def total(inputs: Any, constants: jax.Array) -> tuple[jax.Array, jax.Array]:
        values = call(inputs, constants)
        return jnp.sum(values), values

    return jax.grad(total, has_aux=True)


def _clock(call: Callable[[], Any], count: int) -> dict[str, float]:
    return common.clock(lambda: jax.block_until_ready([call() for _ in range(count)][-1]))


def _check_same(name: str, ours: Any, theirs: Any) -> None:
    for first, second in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-4, err_msg=name)


def report(result: dict[str, Any]) -> None:
    """Print all cases, and how many times less CPU time ours takes."""
    header = ["formula", "points", "inputs", "result", f"{OURS} CPU-ns", f"{THEIRS} CPU-ns"]
    rows = []
    for case in result["cases"]:
        times, taken = case["times_faster"], case["cpu_nanoseconds_per_point"]
        row = [case[key] for key in ("formula", "points", "layout", "result")]
        row += [f"{taken[engine]:.3g}" for engine in (OURS, THEIRS)]
        rows.append(row + [f"{times[clock]['median']:.2f}" for clock in ("cpu_seconds", "seconds")])
    common.show([*header, "times less", "by the wall clock"], rows)
    print()
    rows = [
        [group["result"], group["layout"], group["points"]]
        + [f"{group[key]:.2f}" for key in ("median", "least", "most")]
        for group in result["summary"]
    ]
    common.show(["times less CPU time", "inputs", "points", "median", "least", "most"], rows)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    options = common.arguments(__doc__).parse_args(argv)
    if options.quick:
        result = measure(formulas=["spring"], points=[1000], repeats=2)
    else:
        result = measure()
    common.write(result, options.json)
    report(result)
    return result
