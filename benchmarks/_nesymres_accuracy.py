"""NeSymReS: share of equations found, by beam size and number of points.

A1 (Biggio et al. 2021): an equation counts if over 95 % of the values are within 5 % and 1e-3 of
the true ones; A2: if the coefficient of determination is above 0.95. "iid" are fresh points of the
support, "ood" those of one three times as wide.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from jaxsym.expr import Expression
from jaxsym.nesymres import Equation, Pretrained, Prior, best_by_error, load_test_set, solve
from jaxsym.nesymres.skeletons import sample_skeletons
from jaxsym.nesymres.vocabulary import to_expression

_TOGETHER = 8  # tables of one call
_FRESH_SEED = 987_654_321
SETS = ("aif", "nguyen", "soose", "fresh")


def equations(name: str, count: int | None) -> list[Equation]:
    """The first equations of a set; "fresh" are draws of the prior with constants of 1 to 5."""
    if name != "fresh":
        return load_test_set(name)[:count]
    rng = np.random.default_rng(0)
    found = []
    for i, skeleton in enumerate(
        itertools.islice(sample_skeletons(Prior(), _FRESH_SEED), count or 100)
    ):
        names = [f"x_{k + 1}" for k in range(skeleton.columns)]
        expression = to_expression(skeleton.tokens, names)
        values = rng.uniform(1, 5, len(expression.constants))
        support = np.array([[-10.0, 10.0]] * skeleton.columns)
        found.append(Equation(f"fresh-{i}", expression.with_constants(values), support))
    return found


def measure(
    network: Pretrained,
    *,
    sets: Sequence[str] = SETS,
    beams: Sequence[int] = (1, 8, 32),
    points: int = 128,
    count: int | None = None,
) -> list[dict[str, Any]]:
    """One row per set and beam: shares by A1 and A2, their standard errors, CPU-seconds."""
    rows = []
    for name, beam in itertools.product(sets, beams):
        scores: list[dict[str, float]] = []
        begin = time.process_time()
        asked = equations(name, count)
        for start in range(0, len(asked), _TOGETHER):
            scores += _solved(network, asked[start : start + _TOGETHER], beam, points)
        share = {k: float(np.mean([s[k] for s in scores])) for k in scores[0]}
        rows.append(
            {
                "set": name,
                "beam": beam,
                "points": points,
                "equations": len(asked),
                **share,
                "standard_error": {
                    k: float(np.sqrt(p * (1 - p) / len(asked))) for k, p in share.items()
                },
                "cpu_seconds_per_equation": (time.process_time() - begin) / len(asked),
            }
        )
    return rows


def _solved(
    network: Pretrained, asked: Sequence[Equation], beam: int, points: int
) -> list[dict[str, float]]:
    """Whether each equation was found; those that are defined at too few points count as not."""
    rng = np.random.default_rng(0)
    tables = [equation.sample(rng, points) for equation in asked]
    usable = [i for i, (X, _) in enumerate(tables) if len(X) > 1]
    fronts = (
        solve(network, [tables[i] for i in usable], key=jax.random.key(0), beam=beam)
        if usable
        else []
    )
    found = {i: best_by_error(front) for i, front in zip(usable, fronts, strict=True)}
    return [_scores(equation, found.get(i)) for i, equation in enumerate(asked)]


def _scores(equation: Equation, found: Expression | None) -> dict[str, float]:
    rng = np.random.default_rng(1)
    scores = {}
    for where, widened in (("iid", False), ("ood", True)):
        X, y = equation.sample(rng, 1000, widened=widened)
        given = np.full(len(y), np.nan)
        if found is not None:
            given = found.evaluate(X, equation.variables)
        close = np.isclose(given, y, rtol=0.05, atol=1e-3)
        scores[f"A1 {where}"] = float(len(y) > 0 and close.mean() > 0.95)
        residual = np.sum((np.nan_to_num(given, posinf=0, neginf=0) - y) ** 2)
        spread = np.sum((y - y.mean()) ** 2) if len(y) else 0.0
        scores[f"A2 {where}"] = float(spread > 0 and 1 - residual / spread > 0.95)
    return scores
