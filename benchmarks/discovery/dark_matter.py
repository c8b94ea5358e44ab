"""Dark matter: the overdensity around halos from the halos around them.

Boxes of particles are simulated, halos found, a graph network trained on the halos of most boxes,
its message and node function read as formulas, put together and refitted; beside them the four
formulas that Cranmer et al. 2020 (arXiv 2006.11287) print, refitted to the same halos. Errors are
mean absolute errors of the overdensity in boxes that nothing was fitted to. All of it twice: on all
halos, and on those of overdensity up to 1 alone, to be asked about the denser ones afterwards.

These are our simulations and not Quijote's, so rankings can be compared with the paper's and
numbers cannot.

    python -m benchmarks.dark_matter [--quick] [--json FILE] [--particles 64] [--boxes 8]
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jraph
import numpy as np

from benchmarks import common
from jaxsym.distill.halos.discovery import HaloNetwork, learn_halos, read_halo_law
from jaxsym.distill.halos.law import PUBLISHED_LAWS, HaloLaw, predict_halos, refit_halo_law
from jaxsym.graphs.halos import halo_graph
from jaxsym.simulate.cosmology import (
    Cosmology,
    friends_of_friends,
    particle_mass,
    simulate_matter,
    smoothed_overdensity,
)

SPACING = 2.0  # Mpc/h a particle: halos as massive as Quijote's have 20 particles
BALL = 20.0  # Mpc/h, radius of the overdensity
DENSE = 1.0  # overdensities above it are held out
PAPER: dict[str, dict[str, tuple[float, ...]]] = {
    "all": {
        "constant": (0.421,),
        "simple": (0.121,),
        "best without mass": (0.120,),
        "best with mass": (0.0882,),
    },
    "up to 1": {"network": (0.0634, 0.142), "equation": (0.0811, 0.0892)},
}


class Sample(NamedTuple):
    """Halos of some boxes: one graph without edges between boxes, and the target."""

    graph: jraph.GraphsTuple
    target: np.ndarray


def simulate(seed: int, particles: int, radius: float) -> tuple[jraph.GraphsTuple, np.ndarray]:
    """One box: the graph of its halos and their overdensities."""
    box = SPACING * particles
    matter = simulate_matter(jax.random.key(seed), particles=particles, box=box)
    mass = particle_mass(Cosmology(), box, particles**3)
    halos = friends_of_friends(matter.position, matter.velocity, box=box, particle_mass=mass)
    delta = smoothed_overdensity(
        matter.position,
        np.asarray(halos.position, np.float32),
        mesh=particles,
        box=box,
        radius=BALL,
    )
    return halo_graph(halos, box=box, radius=radius), np.asarray(delta)


def together(boxes: Sequence[tuple[jraph.GraphsTuple, np.ndarray]]) -> Sample:
    """Boxes side by side."""
    graph = jraph.batch_np([graph for graph, _ in boxes])
    sizes = {"n_node": graph.n_node.sum(keepdims=True), "n_edge": graph.n_edge.sum(keepdims=True)}
    return Sample(graph._replace(globals=None, **sizes), np.concatenate([y for _, y in boxes]))


def errors(predict: Callable[[jraph.GraphsTuple], np.ndarray], sample: Sample) -> dict[str, float]:
    """Mean absolute error over all halos, and over those below and above the held-out density."""
    wrong = np.abs(predict(sample.graph) - sample.target)
    dense = sample.target > DENSE
    mean = lambda part: float(part.mean()) if part.size else None  # noqa: E731
    return {"all": mean(wrong), "up to 1": mean(wrong[~dense]), "above 1": mean(wrong[dense])}


def study(
    fitted: Sample, held_out: Sample, limit: float, seed: int, effort: dict[str, Any]
) -> dict[str, Any]:
    """Formulas, network and equation fitted to halos up to a density; errors on both samples."""
    weight = (fitted.target <= limit).astype(float)
    rows: dict[str, Any] = {}
    clock = time.perf_counter()
    seconds = {}

    def lap(name: str) -> None:
        nonlocal clock
        seconds[name], clock = time.perf_counter() - clock, time.perf_counter()

    def note(name: str, predict: Callable[[jraph.GraphsTuple], np.ndarray], **more: Any) -> None:
        found = {"fitted": errors(predict, fitted), "held_out": errors(predict, held_out)}
        rows[name] = found | more
        print(f"  {name}: {found['held_out']}", flush=True)

    def note_law(name: str, law: HaloLaw) -> None:
        message = None if law.message is None else str(law.message)
        note(name, lambda g: predict_halos(law, g), node=str(law.node), message=message)

    for name, law in PUBLISHED_LAWS.items():
        fit = refit_halo_law(law, *fitted, weight, steps=effort["refit_steps"])
        note_law(name, fit.law)
    lap("published formulas")
    network = learn_halos(jax.random.key(seed), *fitted, weight, **effort["learn"])
    note("network", network.predict, message_spreads=network.spreads[:4])
    lap("training")
    found = _read(network, fitted, weight, seed, effort)
    note_law("equation", found.refit.law)
    lap("reading")
    fronts = {
        name: [[c.complexity, c.loss, str(c.expression)] for c in front]
        for name, front in (("message", found.message), ("node", found.node))
    }
    return {"errors": rows, "fronts": fronts, "seconds": seconds}


def _read(network: HaloNetwork, fitted: Sample, weight: np.ndarray, seed: int, effort: dict):
    return read_halo_law(
        jax.random.key(seed + 1),
        network,
        *fitted,
        weight,
        samples=effort["samples"],
        time_limit=effort["time_limit"],
        refit_steps=effort["refit_steps"],
        tried=effort["tried"],
    )


EFFORT = {
    "learn": {"steps": (3000, 4500)},
    "samples": 4000,
    "time_limit": 120.0,
    "refit_steps": 40,
    "tried": 5,
    "fitted_to": ("all", "up to 1"),
}
QUICK = {
    "learn": {"steps": (5, 5), "hidden": (8,), "message_size": 2, "piece": 8},
    "samples": 100,
    "time_limit": 1.0,
    "refit_steps": 3,
    "tried": 1,
    "fitted_to": ("all",),
}


def measure(
    *, particles: int, boxes: int, radius: float, seed: int, effort: dict[str, Any]
) -> dict[str, Any]:
    """The whole case.

    Args:
      particles: along a side of a box.
      boxes: simulated; a quarter of them, at least one, is for testing.
      radius: of the edges in Mpc/h.
      seed: of everything.
      effort: sizes of training, search and refit.
    """
    begin, cpu = time.perf_counter(), time.process_time()
    made = []
    for number in range(boxes):
        made.append(simulate(1000 * seed + number, particles, radius))
        print(f"box {number}: {len(made[-1][1])} halos", flush=True)
    simulated = time.perf_counter() - begin
    test = max(1, boxes // 4)
    fitted, held_out = together(made[:-test]), together(made[-test:])
    studies = {}
    for name in effort["fitted_to"]:
        limit = {"all": np.inf, "up to 1": DENSE}[name]
        print(f"fitted to: {name}", flush=True)
        studies[name] = study(fitted, held_out, limit, seed, effort)
    return {
        "benchmark": "dark_matter",
        "settings": {
            "particles": particles,
            "box": SPACING * particles,
            "boxes": boxes,
            "boxes_for_testing": test,
            "radius_of_edges": radius,
            "radius_of_overdensity": BALL,
            "seed": seed,
            "effort": effort,
        },
        "halos": [len(sample.target) for sample in (fitted, held_out)],
        "edges": [len(sample.graph.senders) for sample in (fitted, held_out)],
        "halos_above_1": [int(np.sum(s.target > DENSE)) for s in (fitted, held_out)],
        "seconds": time.perf_counter() - begin,
        "cpu_seconds": time.process_time() - cpu,
        "seconds_simulating": simulated,
        "paper": PAPER,
        "fitted_to": studies,
    } | common.machine()


def report(result: dict[str, Any]) -> None:
    """Print the tables."""
    for name, study in result["fitted_to"].items():
        published, rows = PAPER[name], []
        titles = ["paper"] if name == "all" else ["paper, up to 1", "paper, above 1"]
        for model, row in study["errors"].items():
            found = (row["held_out"][part] for part in ("all", "up to 1", "above 1"))
            numbers = ["" if e is None else f"{e:.4f}" for e in found]
            rows.append([model, *numbers, *published.get(model, ("",) * len(titles))])
        common.show([f"fitted to {name}", "all", "up to 1", "above 1", *titles], rows)
        law = study["errors"]["equation"]
        print(f"fitted to {name}: {law['node']}, total of {law['message']}")


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    options = common.arguments(__doc__)
    options.add_argument("--particles", type=int, default=64, help="along a side of a box")
    options.add_argument("--boxes", type=int, default=8, help="a quarter of them for testing")
    options.add_argument("--radius", type=float, default=30.0, help="of the edges, in Mpc/h")
    options.add_argument("--seed", type=int, default=0)
    given = options.parse_args(argv)
    result = measure(
        particles=32 if given.quick else given.particles,
        boxes=2 if given.quick else given.boxes,
        radius=given.radius,
        seed=given.seed,
        effort=QUICK if given.quick else EFFORT,
    )
    common.write(result, given.json)
    report(result)
    return result
