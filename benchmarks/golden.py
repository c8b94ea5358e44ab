"""Fronts and laws of fixed seeds and budgets of work: whether a change leaves answers as they are.

    python -m benchmarks.golden --json FILE      # before a change: keep what is found
    python -m benchmarks.golden --against FILE   # after it: tell what is found differently

Nothing has a time limit, so the same code gives the same bits on the same machine. A change that
only moves code leaves all answers; one that changes the search is judged by its development set.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np

from benchmarks.common import arguments, machine, write
from benchmarks.search.development import laws
from jaxsym.distill import RefitData, Selector, extract_pair_forces, learn, task_for
from jaxsym.graphs import record_messages, snapshots
from jaxsym.laws.neighborhood import neighbors
from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.search import NativeEngine, ParetoFront
from jaxsym.search.native.budget import SearchBudget
from jaxsym.simulate import mechanical
from jaxsym.syrenets import discover_lagrangian

_TABLES, _ROWS = 40, 200
_LAWS = ("spring", "r1", "r2", "charge", "damped", "discontinuous")
_SYSTEMS = ("double-pendulum", "cart-pole", "chain")
_STEPS = 150  # of training: what is searched matters here, not how well it is learned
_BUDGET = SearchBudget(
    library=1500,
    points=128,
    rows=256,
    pairs=30,
    refined=20,
    small=600,
    terms=800,
    beams=12,
    generations=6,
)


Answers: TypeAlias = dict[str, list[list[object]]]  # rows of an answer by the name of its problem


def fronts(count: int) -> Answers:
    """What the native search finds for every third formula of its development set."""
    found = {}
    for law in laws()[::2][:count]:
        X, y = law.table(_ROWS, np.random.default_rng(0))
        engine = NativeEngine(_BUDGET)
        found[law.name] = _rows(engine.search(X, y, variables=list(law.ranges), key=_key()))
    return found


def particle_laws(count: int) -> Answers:
    """What is found from the messages of briefly trained networks, and put back."""
    return {name: _particle_law(name) for name in _LAWS[:count]}


def _particle_law(name: str) -> list[list[object]]:
    task = task_for(name, key=_key(), bodies=4, dims=2)
    learned = learn(task.train, "bottleneck", key=_key(), steps=_STEPS)
    sample = record_messages(
        learned.model, learned.params, learned.data, learned.edges, key=_key(), count=500
    )
    reading = extract_pair_forces(learned.model, learned.params, sample, error=0.1)
    names = ("r", "m1", "m2", "q1", "q2")
    front = NativeEngine(_BUDGET).search(
        reading.inputs, reading.coefficient, variables=names, key=_key(), weights=reading.weights
    )
    some = jax.tree.map(lambda a: np.asarray(a)[:64], snapshots(task.train))
    selector = Selector(RefitData(some, learned.edges, None))
    for row in list(front)[:4]:
        selector.offer(ParticleLaw(row.expression, reading.force, task.train.dims))
    best = selector.best
    assert best is not None
    for law in list(neighbors(best.law, 1.0))[:4]:
        selector.offer(law)
    selector.snap()
    fits = sorted(selector.fits, key=selector.cost)
    return [[str(fit.law.coefficient), fit.error] for fit in fits]


def lagrangians(count: int) -> Answers:
    """What the direct route finds from exact motion and torques."""
    found = {}
    for name in _SYSTEMS[:count]:
        data = mechanical(name).sample(_key(), 500)
        discovery = discover_lagrangian(*data, route="direct")
        found[name] = [[str(discovery.lagrangian), discovery.torque_mse_relative]]
    return found


def differences(now: Answers, before: Answers) -> list[str]:
    """Names whose answers differ in any bit, or that only one side has.

    >>> differences({"a": [["x", 0.1]], "b": []}, {"a": [["x", 0.1]], "b": [["y", 0.2]]})
    ['b']
    """
    return sorted(name for name in {*now, *before} if now.get(name) != before.get(name))


def _rows(front: ParetoFront) -> list[list[object]]:
    return [[c.complexity, c.loss, str(c.expression)] for c in front]


def _key() -> jax.Array:
    return jax.random.key(0)


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Find everything, and tell which answers differ from those of ``--against``."""
    parser = arguments(__doc__)
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with these answers")
    options = parser.parse_args(argv)
    parts: dict[str, tuple[Callable[[int], Answers], int]] = {
        "fronts": (fronts, 2 if options.quick else _TABLES),
        "laws": (particle_laws, 1 if options.quick else len(_LAWS)),
        "lagrangians": (lagrangians, 1 if options.quick else len(_SYSTEMS)),
    }
    found = {name: call(count) for name, (call, count) in parts.items()}
    result = {"benchmark": "golden"} | machine() | found
    write(result, options.json)
    before = json.loads(options.against.read_text()) if options.against else {}
    for name in parts:
        told = f"{name}: {len(found[name])} found"
        if before:
            changed = differences(found[name], before[name])
            told += f", {len(changed)} differ{': ' * bool(changed)}{', '.join(changed)}"
            result.setdefault("changed", []).extend(changed)
        print(told, flush=True)
    return result


if __name__ == "__main__":
    sys.exit(1 if main().get("changed") else 0)
