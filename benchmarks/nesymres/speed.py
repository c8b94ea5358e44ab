"""NeSymReS: how much processor time each part takes, beside the original's figures."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxsym.expr import fit_expressions, parse
from jaxsym.nesymres import CONFIGS, NeSymReS, Pretrained, Prior, StreamConfig, generate_bank, solve
from jaxsym.nesymres.model.bits import to_bits
from jaxsym.nesymres.model.decoding import decode
from jaxsym.nesymres.model.transformer import init_params
from jaxsym.nesymres.pretraining.examples import draw_examples, on_device
from jaxsym.nesymres.pretraining.objective import make_loss, make_optimizer
from jaxsym.nesymres.skeletons.sampling import sample_skeletons
from jaxsym.nesymres.vocabulary import SIZE
from jaxsym.training import init_state, make_step

# The original on one thread of the same machine, in CPU-seconds or per CPU-second; the goal.
REFERENCE = {
    "skeletons per CPU-s": (67.2, 5000.0),
    "examples of 200 points per CPU-s": (120.0, 5000.0),
    "training step, paper, B=150, n=200": (34.4, 24.0),
    "decode, paper, beam 32, 128 points": (22.0, 1.5),
    "constants of a skeleton, 4 restarts": (1.38, 0.02),
    "solve, paper, beam 32, 4 restarts": (66.0, 3.0),
    "solve, small, beam 32, 4 restarts": (66.0, 1.0),
}
SKELETONS = (
    "1.0*x*y",
    "sin(1.0*x) + y",
    "1.0*x + 1.0",
    "1.0*y*exp(1.0*x)",
    "1.0*sin(1.0*x + 1.0) + y",
    "1.0*x**2 + 1.0*y + 1.0",
    "x/(1.0 + y) + 1.0*log(1.0*z)",
)
_CONSTANTS = (1.7, 0.8, 2.3)


def measure(quick: bool, names: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """One row per part: what was measured, the original's figure, and the goal."""
    parts: dict[str, Callable[[bool], float]] = {
        "skeletons per CPU-s": _skeletons,
        "examples of 200 points per CPU-s": _examples,
        "training step, paper, B=150, n=200": _training_step,
        "decode, paper, beam 32, 128 points": _decode,
        "constants of a skeleton, 4 restarts": _constants,
        "solve, paper, beam 32, 4 restarts": lambda quick: _solve("paper", quick),
        "solve, small, beam 32, 4 restarts": lambda quick: _solve("small", quick),
    }
    rows = []
    for name, part in parts.items():
        if not names or any(wanted in name for wanted in names):
            original, goal = REFERENCE[name]
            rows.append({"what": name, "jaxsym": part(quick), "original": original, "goal": goal})
    return rows


def _cpu(call: Callable[[], Any], turns: int) -> float:
    """Least CPU-seconds of some calls, after one that compiles."""
    jax.block_until_ready(call())
    taken = []
    for _ in range(turns):
        begin = time.process_time()
        jax.block_until_ready(call())
        taken.append(time.process_time() - begin)
    return min(taken)


def _skeletons(quick: bool) -> float:
    count = 500 if quick else 20_000
    begin = time.process_time()
    sum(1 for _ in itertools.islice(sample_skeletons(Prior(), 0), count))
    return count / (time.process_time() - begin)


def _examples(quick: bool) -> float:
    bank = on_device(generate_bank(Prior(), 200 if quick else 10_000))
    size = 8 if quick else 512
    config = StreamConfig(points=200)

    @jax.jit
    def draw(key: jax.Array, bank: Any) -> Any:
        batch = draw_examples(key, bank, size, config, 3)
        return batch, to_bits(jnp.concatenate([batch.X, batch.y[..., None]], -1))

    return size / _cpu(lambda: draw(jax.random.key(0), bank), 2 if quick else 5)


def _model(name: str, quick: bool) -> tuple[NeSymReS, Any]:
    config = CONFIGS[name]
    if quick:
        config = replace(config, width=16, heads=2, inducing=2, seeds=2, feedforward=16)
    model = NeSymReS(config)
    return model, init_params(model, jax.random.key(0))


def _training_step(quick: bool) -> float:
    model, params = _model("paper", quick)
    batch, points = (2, 8) if quick else (150, 200)
    bank = on_device(generate_bank(Prior(length=20), 100 if quick else 1000))
    config = StreamConfig(points=points, fewest=points)
    examples = jax.jit(draw_examples, static_argnums=(2, 3, 4))(
        jax.random.key(0), bank, batch, config, 3
    )
    optimizer = make_optimizer(1e-4, 1)
    step = jax.jit(make_step(make_loss(model), optimizer))
    state = init_state(params, optimizer, jax.random.key(0))
    return _cpu(lambda: step(state, examples), 1)


def _table() -> tuple[np.ndarray, np.ndarray]:
    X = np.random.default_rng(0).uniform(1, 5, (128, 3))
    return X, 1.7 * X[:, 0] * np.sin(0.8 * X[:, 1]) + X[:, 2]


def _decode(quick: bool) -> float:
    model, params = _model("paper", quick)
    X, y = _table()
    arguments = (
        jnp.asarray(X[None], jnp.float32),
        jnp.asarray(y[None], jnp.float32),
        jnp.ones((1, 128), bool),
        jnp.ones((1, SIZE), bool),
        jax.random.key(0),
    )
    return _cpu(lambda: decode(model, params, *arguments, beam=4 if quick else 32), 2)


def _constants(quick: bool) -> float:
    X = _table()[0]
    skeletons = [parse(text) for text in SKELETONS[: 2 if quick else None]]
    taken = []
    for skeleton in skeletons:
        truth = skeleton.with_constants(_CONSTANTS[: len(skeleton.constants)])
        y = truth.evaluate(X, ["x", "y", "z"])
        many = [skeleton] * 8
        seconds = _cpu(
            lambda y=y, many=many: (
                fit_expressions(
                    many,
                    ["x", "y", "z"],
                    X,
                    y,
                    key=jax.random.key(0),
                    restarts=4,
                    slots=6,
                    length=64,
                )[1].loss
            ),
            2,
        )
        taken.append(seconds / len(many))
    return float(np.mean(taken))


def _solve(name: str, quick: bool) -> float:
    model, params = _model(name, quick)
    network = Pretrained(model.config, params, {})
    beam = 4 if quick else 32
    return _cpu(
        lambda: [c.loss for c in solve(network, [_table()], key=jax.random.key(0), beam=beam)[0]],
        2,
    )
