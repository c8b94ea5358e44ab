"""Graph networks: test errors, time to law, motion, planets with noise, a large graph."""

from __future__ import annotations

import math
import statistics
from typing import Any

from benchmarks.graphs.published import ERROR, MODELS, published
from benchmarks.tables.statement import Statement, load, power, say

_RESULTS, _PAGE = "docs/results.md", "docs/graph_networks.md"
_ROWS = {
    "charge": "charge",
    "damped_paper": "damped",
    "discontinuous": "discontinuous",
    "r1": "1/r",
    "r2": "1/r²",
    "spring": "spring",
}
_LONG = 60_000  # steps of the cells with a star
_STARTS = {
    "as in training": "as in training",
    "8 bodies": "8 bodies",
    "masses 3 times as large": "masses x 3",
    "speeds 3 times as large": "speeds x 3",
}
_FOUND = 0.25  # relative error of a mass from which it is told as not found
_FRAMES = {"barycenter": "of the ephemeris", "sun": "from the Sun"}
_EPOCHS = 3
_FITTED_TOO = "Relativity's factor fitted, too"
_QUOTED = ("Venus", "Earth", "Jupiter", "Saturn", "Uranus", "Neptune")
_HALF, _ONE, _END = 10, 2, 20  # states at the times 5, 1 and 10


def statements() -> list[Statement]:
    """All of them."""
    return [*_errors(), *_time_to_law(), *_motion(), *_planets(), *_masses_by_motion(), *_large()]


def _errors() -> list[Statement]:
    cells = load("graph_networks")["cells"]
    rows, behind = [], {"node_mean": 0, "graph_sum": 0}
    for law, dims in ERROR:
        told = []
        for model in MODELS:
            cell = cells[f"error, jaxsym/{law}-{dims}/{model}/0"]
            paper = published(ERROR, law, dims, model)
            for name in behind:
                behind[name] += cell[name] > paper
            star = "*" if cell["steps"] == _LONG else ""
            told.append(f"{cell['graph_sum']:.3g}; {cell['node_mean']:.3g}; {paper:.3g}{star}")
        rows.append(
            say(_PAGE, f"| {_ROWS[law]}, {dims}D | {{}} | {{}} | {{}} | {{}} | {{}} |", *told)
        )
    count = len(ERROR) * len(MODELS)
    means, sums = (count - behind[name] for name in ("node_mean", "graph_sum"))
    original = [cell for key, cell in cells.items() if key.startswith("error/")]
    totals = [cell["graph_sum"] for cell in original]
    return [
        *rows,
        say(_PAGE, "At most the paper's: {} of {} cells as means over nodes, {} as sums;",
            means, count, sums),
        say(_RESULTS, "at most the paper's in {} of {} cells if the paper prints means over nodes, "
            "and in {} if it prints sums.", means, count, sums),
        say(_PAGE, "with errors of {} (damped) to {} (1/r²) a graph",
            f"{min(totals):.3g}", f"{max(totals):.0f}"),
    ]  # fmt: skip


def _time_to_law() -> list[Statement]:
    parts = load("time_to_law")["parts"]

    def row(start: str, part: dict[str, Any], clock: str) -> Statement:
        r2 = part["message_r2"]
        modulo = f"{r2['modulo_receiver']:.4f}".rstrip("0")
        return say(
            _PAGE,
            f"| {start} | {{}} | {{}} | {{}} | {{}} |",
            f"{part[clock]:.0f}",
            f"{r2['plain']:.3f}",
            f"{r2['trimmed']:.3f}",
            modulo,
        )

    return [
        row("jaxsym, compiling included", parts["jaxsym"], "cpu_seconds"),
        row("the original's", parts["original"], "cpu_seconds_in_torch"),
        say(
            _PAGE,
            "torch-geometric on the same core ({} steps a second) is {} steps,",
            f"{parts['torch']['steps_per_cpu_second']['median']:.0f}",
            f"{parts['original']['steps']:,}",
        ),
    ]


def _motion() -> list[Statement]:
    runs = load("graph_rollouts")["runs"]
    bottleneck, hamiltonian = (
        runs[f"spring:{m}/0"]["cases"] for m in ("bottleneck", "hamiltonian")
    )
    rows = []
    for name, case in _STARTS.items():
        one, other = bottleneck[case], hamiltonian[case]
        drift = one["energy_drift"]
        rows += [
            say(
                _PAGE,
                f"| {name} | {{}} | {{}} | {{}} | {{}} | {{}} |",
                _times(one, "network"),
                _times(one, "equation"),
                *(_few(drift[model][_END]) for model in ("network", "equation", "truth")),
            ),
            say(
                _PAGE,
                f"| {name} | {{}} | {{}} |\n",
                _times(other, "network"),
                _few(other["energy_drift"]["network"][_END]),
            )._replace(after="The Hamiltonian network, whose forces"),
        ]
    end = lambda case, model: case["error"][model][_END]  # noqa: E731
    usual, many = bottleneck["as in training"], bottleneck["8 bodies"]
    return [
        *rows,
        say(
            _RESULTS,
            "the spring's equation ends {} of the system's size from the truth and the network {}; "
            "with eight bodies {}, where the network has lost them (a Hamiltonian network: {}, and "
            "{} with eight).",
            power(end(usual, "equation")),
            f"{end(usual, 'network'):.1g}",
            f"{end(many, 'equation'):.1g}",
            f"{end(hamiltonian['as in training'], 'network'):.1g}",
            f"{end(hamiltonian['8 bodies'], 'network'):.1g}",
        ),
    ]


def _times(case: dict[str, Any], model: str) -> str:
    return ", ".join(_few(case["error"][model][k]) for k in (_ONE, _HALF, _END))


def _few(value: float) -> str:
    """One digit; two from 1 on where the second is not zero."""
    return power(value) if value < 0.95 else f"{value:.2g}".removesuffix(".0")


def _planets() -> list[Statement]:
    """Exponents, errors and masses; the laws are written by hand."""
    rows = []
    for key, run in load("solar_system_noise")["runs"].items():
        year, noise = key.split("/")
        exponent = run["free_exponent"]
        errors = run["error_on_true_accelerations"].values()
        rows.append(
            say(
                _PAGE,
                f"| {year} | {noise} | {{*}} | {{}} | {{}} | {{}} |",
                "none" if exponent is None else f"{exponent:.5f}".rstrip("0").rstrip("."),
                f"{statistics.median(errors):.1e}",
                _masses(run["mass_errors"]),
            )._replace(after="## Planets with noise")
        )
    return rows


def _masses_by_motion() -> list[Statement]:
    """A row for each run, and one for each noise and frame with what all epochs say together."""
    runs = load("solar_system_masses")["runs"]
    rows, together = [], dict[tuple[str, ...], list[dict[str, Any]]]()
    for key, run in runs.items():
        year, noise, frame, _, *free = key.split("/")
        together.setdefault((noise, frame, *free), []).append(run)
        exponent = _deviation(run["exponent"] - 2, run["exponent_standard_error"])
        factor = "1, given"
        if free:
            factor = f"{run['relativity']:.4f} ± {run['relativity_standard_error']:.4f}"
        rows.append(
            say(
                _PAGE,
                f"| {year} | {noise} | {_FRAMES[frame]} | {{}} | {{}} | {{}} | {{}} |",
                f"{run['chi2_per_dof']:.3f}", exponent, factor, _with_errors(run),
            )._replace(after=_FITTED_TOO if free else "### Masses from the motion itself")
        )  # fmt: skip
    return [*rows, *_together(together)]


def _together(groups: dict[tuple[str, ...], list[dict[str, Any]]]) -> list[Statement]:
    """Root mean square of errors and of standard errors over the epochs."""
    rows = []
    for (noise, frame, *free), runs in groups.items():
        if free or len(runs) < _EPOCHS:
            continue
        cells = []
        for body in _QUOTED:
            error, known = (
                math.sqrt(statistics.mean(run[name][body] ** 2 for run in runs))
                for name in ("mass_errors", "mass_standard_errors")
            )
            cells.append("–" if known > _FOUND else f"{_share(error)} ({_share(known)})")
        text = f"| {noise} | {_FRAMES[frame]} | " + " | ".join("{}" for _ in cells) + " |"
        rows.append(say(_PAGE, text, *cells)._replace(after="over the three epochs"))
    return rows


def _with_errors(run: dict[str, Any]) -> str:
    """Deviations of masses with standard errors, the best known first."""
    known = {body: size for body, size in run["mass_standard_errors"].items() if 0 < size < _FOUND}
    return ", ".join(
        f"{body} {_deviation(run['mass_errors'][body], size)}"
        for body, size in sorted(known.items(), key=lambda pair: pair[1])
    )


def _deviation(value: float, error: float) -> str:
    return f"{value:+.1e} ± {error:.1e}".replace("-", "−")


def _masses(errors: dict[str, float]) -> str:
    """Bodies by the error of their mass, and those whose mass is not found."""
    sizes = {body: abs(error) for body, error in errors.items() if body != "Sun"}
    found = sorted((size, body) for body, size in sizes.items() if size < _FOUND)
    told = ", ".join(f"{body} {_share(size)}" for size, body in found)
    missed = [body for body, size in sizes.items() if size >= _FOUND]
    return f"{told}; not {', '.join(missed)}" if missed else told


def _share(size: float) -> str:
    return power(size) if size < 2e-3 else f"{100 * size:.2g} %"


def _large() -> list[Statement]:
    found = load("large_graph")
    step, listing = found["step"], found["neighbor_list"]
    return [
        say(
            _PAGE,
            "{} nodes in a periodic box and {} directed edges",
            f"{found['nodes']:,}",
            f"{found['edges']:,}",
        ),
        say(
            _PAGE,
            "training with its gradients: {} s of processor time on one core that other programs "
            "shared ({} s by the clock), {} s for the list of neighbors, and {} GiB at most for the "
            "whole process; {} were the target.",
            f"{step['cpu_seconds']['median']:.1f}",
            f"{step['seconds']['median']:.0f}",
            f"{listing['cpu_seconds']['median']:.2f}",
            f"{found['process_peak_gib']:.2f}",
            f"{found['target_gib']:.0f}",
        ),
        say(
            _RESULTS,
            "1.5 million edges takes {} s of one core's time and {} GiB.",
            f"{step['cpu_seconds']['median']:.0f}",
            f"{found['process_peak_gib']:.1f}",
        ),
    ]
