"""Single components on the accelerator: seconds of a call, compiled before and waited for."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.ode import odeint

from benchmarks import common
from benchmarks.accelerator import part
from benchmarks.graphs import large
from jaxsym.expr import Expression, compile_programs, evaluate, fit_expressions, parse
from jaxsym.nesymres import load_pretrained
from jaxsym.nesymres.model.decoding import decode
from jaxsym.nesymres.model.transformer import NeSymReS, compute_dtype
from jaxsym.nesymres.vocabulary import SIZE
from jaxsym.simulate import particles
from jaxsym.simulate.cosmology import simulate_matter

_TURNS = 5
_FORMULAS = ("1.0*x*y", "sin(1.0*x) + y", "1.0*y*exp(1.0*x)", "x/(1.0 + y) + 1.0*log(1.0*z)")


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    given = part.arguments(__doc__).parse_args(argv)
    parts: dict[str, Callable[[bool], Any]] = {
        "programs": programs,
        "constants": constants,
        "springs": springs,
        "beam_search": beam_search,
        "matter": matter,
        "large_graph": large_graph,
    }
    calls = {name: partial(measure, given.quick) for name, measure in parts.items()}
    return part.pieces(calls, given.json)


def springs(quick: bool) -> dict[str, Any]:
    """Systems of 4 bodies on springs, 1000 states of each, as `benchmarks.simulation`."""
    count, steps, dt = (20, 50, 0.01) if quick else (1000, 1000, 0.01)
    system = particles("spring", bodies=4, dims=2)
    found = {}
    for systems in (count, 20 * count):
        state = system.initial(jax.random.key(0), systems)
        run = partial(system.rollout, state, steps=steps, dt=dt)
        found[f"{systems} systems"] = _clocked(run, {"states": systems * steps})
    state = system.initial(jax.random.key(0), count)

    def derivative(y: Any, t: jax.Array, mass: jax.Array) -> Any:
        return y[1], system.acceleration(y[0], y[1], mass, jnp.zeros_like(mass))

    grid = dt * jnp.arange(steps)
    solve = jax.jit(jax.vmap(lambda x, v, m: odeint(derivative, (x, v), grid, m, mxstep=2000)))
    call = partial(solve, state.position, state.velocity, state.mass)
    found[f"{count} systems, odeint vmapped"] = _clocked(call, {"states": count * steps}, turns=1)
    return found


def matter(quick: bool) -> dict[str, Any]:
    """A box of dark matter from its beginning to today."""
    side = 16 if quick else 128
    run = partial(simulate_matter, jax.random.key(0), particles=side, box=2.0 * side)
    return _clocked(jax.jit(run), {"particles": side**3, "boxes": 1}, turns=2)


def constants(quick: bool) -> dict[str, Any]:
    """Constants of many formulas, 4 starts each, by Levenberg-Marquardt in double precision."""
    count, rows = (8, 64) if quick else (2048, 256)
    X = np.random.default_rng(0).uniform(1, 5, (rows, 3))
    y = 1.7 * X[:, 0] * np.sin(0.8 * X[:, 1]) + X[:, 2]
    skeletons = [parse(_FORMULAS[k % len(_FORMULAS)]) for k in range(count)]
    names = ["x", "y", "z"]
    key = jax.random.key(0)

    def fit() -> Any:
        return fit_expressions(skeletons, names, X, y, key=key, restarts=4, slots=6, length=32)[1]

    return _clocked(lambda: fit().loss, {"fits": 4 * count}, turns=2)


def programs(quick: bool) -> dict[str, Any]:
    """Formulas as data, evaluated and compared with a target, all in one program."""
    count, rows = (8, 64) if quick else (4096, 16_384)
    formulas: list[Expression] = [parse(_FORMULAS[k % len(_FORMULAS)]) for k in range(count)]
    program = compile_programs(formulas, ["x", "y", "z"], length=32, slots=6)
    X = jax.random.uniform(jax.random.key(0), (rows, 3), minval=1.0, maxval=5.0)
    score = jax.jit(lambda p, X: jnp.mean((evaluate(p, X) - X[:, 0]) ** 2, axis=-1))
    return _clocked(partial(score, program, X), {"values": count * rows})


def beam_search(quick: bool) -> dict[str, Any]:
    """Equations of many tables of 128 points by beam 32, with the weights of the package."""
    tables, beam = (2, 4) if quick else (64, 32)
    network = load_pretrained("small")
    model = NeSymReS(network.config, compute_dtype())
    X = jax.random.uniform(jax.random.key(0), (tables, 128, 3), minval=1.0, maxval=5.0)
    y, mask = X[..., 0] * jnp.sin(X[..., 1]) + X[..., 2], jnp.ones((tables, 128), bool)
    allowed = jnp.ones((tables, SIZE), bool)
    params = jax.tree.map(jnp.asarray, network.params)
    run = partial(decode, model, params, X, y, mask, allowed, jax.random.key(0), beam=beam)
    return _clocked(run, {"tables": tables})


def large_graph(quick: bool) -> dict[str, Any]:
    """A training step on 100,000 nodes with 1.5 million edges."""
    found = large.measure(nodes=1000, repeats=2) if quick else large.measure(repeats=3)
    return {
        name: found[name] for name in ("nodes", "edges", "neighbor_list", "step", "program_gib")
    }


def _clocked(call: Callable[[], Any], work: dict[str, int], turns: int = _TURNS) -> dict[str, Any]:
    """Seconds with their spread, those of compiling apart, and work done per second."""
    begun = time.perf_counter()
    jax.block_until_ready(call())
    first = time.perf_counter() - begun
    seconds = []
    for _ in range(turns):
        begun = time.perf_counter()
        jax.block_until_ready(call())
        seconds.append(time.perf_counter() - begun)
    spread = common.spread(seconds)
    return {"seconds": spread, "compile_seconds": max(0.0, first - spread["median"])} | {
        f"{name} per second": amount / spread["median"] for name, amount in work.items()
    }


if __name__ == "__main__":
    main()
