"""Graph network training at the original's settings: jaxsym against torch-geometric.

The L1 model of Cranmer et al. 2020 (arXiv 2006.11287): three hidden layers of 300 rectifiers in
both functions, 100 messages, absolute inputs, batches of 64 spring systems of 4 bodies in 2
dimensions, Adam with one cycle, float32, random translations; each engine on one thread of the same
core, in turns, from the same weights on the same data, drawing of batches inside the timer.

torch-geometric is timed three ways: with the original's loss, which computes the messages of each
batch's first graph once more to penalize them; with the messages of all graphs kept from the first
pass, as jaxsym does; and so with batches collated before the timer starts, as jaxsym does not.

    python -m benchmarks.graph_training [--quick] [--json FILE]
"""

from __future__ import annotations

import importlib.util
import math
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import common
from benchmarks.common.processes import CAN_PIN, ONE_THREAD_XLA, Engine
from benchmarks.graphs.settings import SETTINGS, write_snapshots

OURS = "jaxsym"
THEIRS: dict[str, dict[str, bool]] = {
    "torch-geometric, the original's loss": {"second_pass": True, "collated": False},
    "torch-geometric, messages kept": {"second_pass": False, "collated": False},
    "torch-geometric, messages kept, collated before": {"second_pass": False, "collated": True},
}
INSTALL = 'python -m pip install "jaxsym[bench]"'
TARGET = 1.5


def missing() -> list[str]:
    """What the comparison needs and is not installed."""
    return [name for name in ("torch", "torch_geometric") if importlib.util.find_spec(name) is None]


def measure(
    *,
    trajectories: int = 1000,
    steps: int = 100,
    repeats: int = 15,
    device: str = "cpu",
    seeds: int = 1,
) -> dict[str, Any]:
    """Train in turns, ``repeats`` times ``steps`` steps each.

    Args:
      trajectories: simulated for the data, 100 snapshots each.
      steps: of each engine in a turn.
      repeats: number of turns.
      device: torch's name of it, the same for both: "cpu", one thread of one core, or "cuda".
      seeds: beside one network, so many are trained in one program of ours, if more than one.
    """
    lacking = missing()
    accelerator = device != "cpu"
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        write_snapshots(folder, trajectories)

        def start(module: str, argument: str) -> Engine:
            return stack.enter_context(Engine(module, name, argument, accelerator=accelerator))

        ours = start("graphs.jaxsym_engine", "1")
        orders = {OURS: partial(ours.ask, steps=steps)}
        ready, trained = {OURS: ours.ready}, {OURS: 1}
        if seeds > 1:
            together = start("graphs.jaxsym_engine", str(seeds))
            way = f"{OURS}, {seeds} seeds"
            ready[way], trained[way] = together.ready, seeds
            orders[way] = partial(together.ask, steps=steps)
        if not lacking:
            theirs = start("graphs.torch_engine", device)
            _check_same(ours.ready, theirs.ready)
            for way, options in THEIRS.items():
                ready[way] = theirs.ready
                orders[way] = partial(theirs.ask, steps=steps, **options)
        turns = common.interleave(orders, repeats)
    graphs = steps * SETTINGS["batch"]
    for turn in turns:  # of one network's training
        for way, count in trained.items():
            turn[way] = {clock: value / count for clock, value in turn[way].items()}
    result = {
        "benchmark": "graph_training",
        "settings": SETTINGS,
        "graphs_per_turn": graphs,
        "turns": repeats,
        "seed": 0,
        "threads": "all" if accelerator else _threads(),
        "missing": lacking,
        "engines": {
            engine: ready.get(engine, {})
            | {
                "graphs_per_second": _rates(graphs, turns, engine, "seconds"),
                "graphs_per_cpu_second": _rates(graphs, turns, engine, "cpu_seconds"),
            }
            for engine in orders
        },
        "target_ratio": TARGET,
        "times_faster": {
            way: common.times_faster(turns, OURS, way) for way in orders if way not in trained
        },
    }
    if seeds > 1:
        result["times_faster_with_seeds"] = {
            way: common.times_faster(turns, f"{OURS}, {seeds} seeds", way)
            for way in orders
            if way not in trained
        }
    return result | common.machine()


def _check_same(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    """Both engines must compute the same loss of the same weights on the same graphs."""
    first, second = ours["loss_at_start"], theirs["loss_at_start"]
    if not math.isclose(first, second, rel_tol=1e-4):
        raise RuntimeError(f"the engines disagree: losses at the start are {first} and {second}")


def _threads() -> str:
    pinned = (
        "each engine's process is kept to the same core by its CPU affinity"
        if CAN_PIN
        else ("this system cannot keep a process to one core")
    )
    return f"one: XLA_FLAGS={ONE_THREAD_XLA}, torch.set_num_threads(1), OMP_NUM_THREADS=1; {pinned}"


def _rates(graphs: int, turns: list[dict], engine: str, clock: str) -> dict[str, float]:
    return common.spread([graphs / turn[engine][clock] for turn in turns])


def report(result: dict[str, Any]) -> None:
    """Print the table, and what is missing."""
    rows = []
    for engine, found in result["engines"].items():
        rate, cpu = found["graphs_per_second"], found["graphs_per_cpu_second"]
        rows.append(
            [
                engine,
                f"{rate['median']:.0f}",
                f"{rate['least']:.0f} to {rate['most']:.0f}",
                f"{cpu['median']:.0f}",
            ]
        )
    common.show(["one thread", "graphs/s", "spread", "graphs/CPU-s"], rows)
    compiled = result["engines"][OURS]["compile_seconds"]
    print(f"jaxsym's compilation, apart: {compiled:.1f} s")
    if result["missing"]:
        print(f"not compared: {', '.join(result['missing'])} missing; {INSTALL}")
        return
    for way, times in result["times_faster"].items():
        wall, cpu = times["seconds"], times["cpu_seconds"]
        print(
            f"jaxsym is {wall['median']:.2f} times faster than {way} "
            f"({wall['least']:.2f} to {wall['most']:.2f}; {cpu['median']:.2f} times by CPU time)"
        )


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    options = common.arguments(__doc__).parse_args(argv)
    result = measure(trajectories=2, steps=2, repeats=2) if options.quick else measure()
    common.write(result, options.json)
    report(result)
    return result
