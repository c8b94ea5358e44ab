"""How soon messages are forces: jaxsym's recipe against the original's, in processor seconds.

L1 network, springs in 2 dimensions (Cranmer et al. 2020, arXiv 2006.11287). jaxsym trains as
`jaxsym discover` does, and the R2 of its messages with the true forces is measured. Then the
original's recipe gets TIMES as long: the speed of its training in torch-geometric says how many
steps that makes, and jaxsym takes these steps at the original's settings, with the learning rate's
cycle shortened to them (the same losses, see `benchmarks.graph_training`, in less time). If its R2
is no better than ours then, the original needs at least that long.

    python -m benchmarks.time_to_law [--times 10] [--seed 0] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks import common
from benchmarks.common.processes import Engine
from benchmarks.graphs.cells import Cell, agreement, motion, one_of, train_together
from benchmarks.graphs.settings import write_snapshots
from benchmarks.graphs.training import INSTALL, missing
from jaxsym.distill import learn
from jaxsym.graphs import Snapshots
from jaxsym.simulate import particles

_ORIGINAL = {"second_pass": True, "collated": False}  # the loss as the original's code has it


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line; each part that FILE has is kept."""
    options = common.arguments(__doc__)
    options.add_argument("--times", type=float, default=10.0)
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args(argv)
    parts = common.kept(given.json, "parts")
    lacking = missing()
    for name, measure in (("jaxsym", _ours), ("torch", _speed), ("original", _original)):
        if name not in parts and not (lacking and name != "jaxsym"):
            parts[name] = common.stamped(measure(given, parts))
            common.write(_result(given, parts), given.json)
    _report(given.times, parts)
    if lacking:
        print(f"not compared: {', '.join(lacking)} missing; {INSTALL}")
    return _result(given, parts)


def _result(given: argparse.Namespace, parts: dict[str, Any]) -> dict[str, Any]:
    told = {"quick": given.quick, "times": given.times, "seed": given.seed, "parts": parts}
    return {"benchmark": "time_to_law"} | told | common.machine()


def _test(given: argparse.Namespace) -> Snapshots:
    return motion("spring", 2, given.seed + 1, 5 if given.quick else 100)


def _ours(given: argparse.Namespace, parts: dict[str, Any]) -> dict[str, Any]:
    """R2 after training as `jaxsym discover` does, and what it took, compilation included."""
    system = particles("spring", bodies=4, dims=2)
    count, steps = (5, 20) if given.quick else (500, None)
    data = system.simulate(jax.random.key(given.seed), trajectories=count, steps=500).thin(5)
    data = jax.tree.map(np.asarray, data)
    found = []
    clocks = common.clock(
        lambda: found.append(learn(data, "l1", key=jax.random.key(given.seed), steps=steps))
    )
    trained = found[0]
    r2 = agreement(trained.model, trained.params, "spring", _test(given), given.seed)
    return clocks | {"message_r2": r2._asdict()}


def _speed(given: argparse.Namespace, parts: dict[str, Any]) -> dict[str, Any]:
    """Steps a processor second of the original's recipe in torch-geometric, on one thread."""
    steps, turns = (2, 2) if given.quick else (100, 7)
    with tempfile.TemporaryDirectory() as name:
        write_snapshots(Path(name), 2 if given.quick else 200)
        _weights(Path(name))
        with Engine("graphs.torch_engine", name, "cpu") as engine:
            spent = [engine.ask(steps=steps, **_ORIGINAL)["cpu_seconds"] for _ in range(turns)]
    return {"steps_per_cpu_second": common.spread([steps / seconds for seconds in spent])}


def _weights(folder: Path) -> None:
    """jaxsym's engine leaves the weights that torch's starts from."""
    with Engine("graphs.jaxsym_engine", str(folder), "1"):
        pass


def _original(given: argparse.Namespace, parts: dict[str, Any]) -> dict[str, Any]:
    """R2 after the steps that the original takes in as many times our time."""
    seconds = given.times * parts["jaxsym"]["cpu_seconds"]
    steps = 2 if given.quick else round(seconds * parts["torch"]["steps_per_cpu_second"]["median"])
    cell = Cell("spring", 2, "l1", given.seed)
    data = motion("spring", 2, given.seed, 5 if given.quick else 2000)
    saved = given.json and given.json.with_suffix(".training")
    trained = train_together([cell], [data], steps=steps, seconds=seconds, saved=saved)
    params = one_of(trained.params, 0)
    r2 = agreement(cell.network(), params, cell.law, _test(given), given.seed)
    return {"steps": steps, "cpu_seconds_in_torch": seconds, "message_r2": r2._asdict()}


def _report(times: float, parts: dict[str, Any]) -> None:
    rows = []
    for name, clock in (("jaxsym", "cpu_seconds"), ("original", "cpu_seconds_in_torch")):
        if name not in parts:
            continue
        part = parts[name]
        numbers = (f"{value:.4f}" for value in part["message_r2"].values())
        rows.append([name, f"{part[clock]:.0f}", *numbers])
    common.show(["recipe", "processor s", *parts["jaxsym"]["message_r2"]], rows)
    if "original" not in parts:
        return
    ours, theirs = (parts[name]["message_r2"] for name in ("jaxsym", "original"))
    ahead = [name for name in ours if ours[name] >= theirs[name]]
    print(f"given {times:g} times as long, the original is not ahead in: {', '.join(ahead) or '-'}")
