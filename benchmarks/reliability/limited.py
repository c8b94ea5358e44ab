"""In a process of its own: one kind of work under time limits, as often as it is asked.

python -m benchmarks.reliability.limited JOB
"""

from __future__ import annotations

import dataclasses
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.common import clock
from benchmarks.common.processes import serve
from jaxsym import SymbolicRegressor, discover
from jaxsym._compiling import compile_clock
from jaxsym.cli import main as command
from jaxsym.datasets import measured_trajectories, save
from jaxsym.nesymres.pretrain import named_run, pretrain
from jaxsym.search.engines.optional import backends
from jaxsym.simulate import mechanical, particles
from jaxsym.syrenets import discover_lagrangian
from jaxsym.training import init_state, make_step, minibatch, train
from jaxsym.trajectories import Trajectories, trajectories

# Makes what is needed, and returns the work as a function of its limit in seconds.
Job: TypeAlias = Callable[[], Callable[[float], object]]
_OPTIONAL = {"operon": "pyoperon", "pysr": "pysr"}


def _fit(rows: int, columns: int, **options: Any) -> Job:
    """A table whose law nothing finds at once: a search that lasts as long as it may."""

    def make() -> Callable[[float], object]:
        rng = np.random.default_rng(0)
        X = rng.uniform(1.0, 3.0, size=(rows, columns))
        a, b = X[:, 0], X[:, 1]
        y = np.exp(np.sin(3 * a * b) - a) * np.tanh(b + np.cos(a)) + 0.01 * rng.normal(size=rows)
        if options.get("shared_form"):
            y = np.column_stack([y, 2 * y + a, 3 * y - b])
        return lambda limit: SymbolicRegressor(time_limit=limit, **options).fit(X, y)

    return make


def _bodies(count: int, times: int) -> Trajectories:
    rng = np.random.default_rng(0)
    x = count**0.5 * rng.normal(size=(1, times, count, 2))
    d = x[:, :, None] - x[:, :, :, None]
    mass = np.exp(0.3 * rng.normal(size=count))
    pull = np.linalg.norm(d, axis=-1, keepdims=True) + 0.5
    a = (mass[:, None] * d / pull**3).sum(3)
    time, known = np.arange(float(times)), mass[None]
    return trajectories(x, velocity=0.1 * x, acceleration=a, time=time, mass=known)


def _discover(model: str, *, known: bool = True) -> Job:
    def make() -> Callable[[float], object]:
        data = particles("spring", bodies=4, dims=2).simulate(
            jax.random.key(0), trajectories=100, steps=100
        )
        shown = data if known else dataclasses.replace(data, mass=None)
        return lambda limit: discover(shown, model=model, time_limit=limit)

    return make


def _many_bodies() -> Callable[[float], object]:
    data = _bodies(100, 40)
    return lambda limit: discover(data, time_limit=limit)


def _positions() -> Callable[[float], object]:
    system = particles("spring", bodies=3, dims=2)
    data = system.simulate(jax.random.key(0), trajectories=4, steps=120, dt=0.05)
    x = np.asarray(data.position, np.float64)
    seen = x + 1e-3 * np.random.default_rng(0).normal(size=x.shape)
    measured = measured_trajectories(seen, time=data.time, mass=data.mass)
    return lambda limit: discover(measured, time_limit=limit)


def _lagrangian(system: str, route: str, noise: float = 0.0, **options: Any) -> Job:
    def make() -> Callable[[float], object]:
        data = mechanical(system, **options).sample(jax.random.key(0), 4000)
        shaken = noise * data.tau.std(axis=0) * np.random.default_rng(0).normal(size=data.tau.shape)
        data = data._replace(tau=data.tau + shaken)
        return lambda limit: discover_lagrangian(*data, route=route, time_limit=limit)

    return make


def _train() -> Callable[[float], object]:
    def loss(params: Any, batch: Any, key: Any) -> Any:
        return jnp.mean((jnp.tanh(batch @ params) @ params.T - batch) ** 2), {}

    optimizer = optax.adam(1e-3)
    step, draw = make_step(loss, optimizer), minibatch(64)
    state = init_state(jnp.ones((256, 256)) / 256, optimizer, jax.random.key(0))
    data = jax.random.normal(jax.random.key(1), (1000, 256))
    return lambda limit: train(step, state, draw, data, steps=2**31 - 1, time_limit=limit)


def _pretrain() -> Callable[[float], object]:
    run = dataclasses.replace(named_run("small"), skeletons=1000)
    folder = tempfile.mkdtemp()
    return lambda limit: pretrain(run, folder, minutes=limit / 60)


def _command(*words: str, out: bool = False) -> Job:
    """A command, with the time that its report takes."""

    def make() -> Callable[[float], object]:
        folder = Path(tempfile.mkdtemp())
        table = np.random.default_rng(0).uniform(1.0, 3.0, size=(300, 3))
        table[:, 2] = np.exp(np.sin(3 * table[:, 0] * table[:, 1])) * np.tanh(table[:, 1])
        np.savetxt(folder / "table.csv", table, delimiter=",", header="a,b,y", comments="")
        save(folder / "run.csv", _bodies(3, 60))
        places = [str(folder / w) if w.endswith(".csv") else w for w in words]

        def run(limit: float) -> None:
            report = ["--out", str(folder / "report"), "--force"] if out else []
            try:
                command([*places, "--time-limit", str(limit), *report])
            except SystemExit as end:
                if end.code not in (0, 3):
                    raise

        return run

    return make


def jobs() -> Iterator[tuple[str, Job, tuple[float, ...]]]:
    """Names, work and the limits under which it is done, for everything that takes a limit."""
    short, long = (1.0, 5.0), (10.0, 30.0)
    yield "fit, native", _fit(300, 2), short
    yield "fit, native, 30 columns", _fit(1000, 30), short
    yield "fit, native, 200,000 rows", _fit(200_000, 5), short
    units = {"units": ["m", "m"], "y_units": "m", "dimensionless_constants_only": False}
    yield "fit, native, units", _fit(300, 2, **units), short
    yield "fit, native, template", _fit(300, 2, template="A(x0, x1)*x0"), short
    yield "fit, native, three targets", _fit(300, 2, shared_form=True), short
    for engine in ("nesymres", "hybrid", "operon", "pysr"):
        if _is_there(engine):
            yield f"fit, {engine}", _fit(300, 2, engine=engine), short
            yield f"fit, {engine}, 200,000 rows", _fit(200_000, 2, engine=engine), short
    for model in ("bottleneck", "l1", "kl", "standard", "hamiltonian"):
        yield f"discover, {model}", _discover(model), long
    yield "discover, central", _discover("central", known=False), long
    yield "discover, 100 bodies", _many_bodies, long
    yield "discover, positions", _positions, long
    for route in ("direct", "network", "auto"):
        yield f"lagrangian, {route}", _lagrangian("double-pendulum", route), long
    yield "lagrangian, noise", _lagrangian("double-pendulum", "auto", noise=0.01), long
    yield "lagrangian, five links", _lagrangian("chain", "direct", noise=0.01, links=5), long
    yield "train", _train, short
    yield "pretrain", _pretrain, long
    yield "jaxsym fit", _command("fit", "table.csv", "--target", "y"), short
    yield "jaxsym discover --out", _command("discover", "run.csv", out=True), long
    yield "jaxsym lagrangian --out", _command("lagrangian", "chain", out=True), long


def _is_there(engine: str) -> bool:
    package = _OPTIONAL.get(engine)
    return package is None or any(b.name == package and b.available for b in backends())


def _waited() -> float:
    """Seconds for which this thread could run and other programs had the core, as Linux counts."""
    try:
        return int(Path("/proc/thread-self/schedstat").read_text().split()[1]) / 1e9
    except (OSError, ValueError, IndexError):
        return 0.0


def main() -> None:
    """Do one job under each limit that is asked for."""
    work = {name: job for name, job, _ in jobs()}[sys.argv[1]]()

    def obey(limit: float) -> dict[str, float]:
        compiling, waited = compile_clock(), _waited()
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
            spent = clock(lambda: work(limit))  # what commands print is no answer
        waited = _waited() - waited
        return spent | {"compile_seconds": compiling(), "waiting_seconds": waited}

    serve({}, obey)


if __name__ == "__main__":
    main()
