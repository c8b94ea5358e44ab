"""Laws from motion: the README's tables, and the table of other cases."""

from __future__ import annotations

import re
import statistics
from collections.abc import Sequence
from typing import Any

from benchmarks.discovery.__main__ import PUBLISHED
from benchmarks.graphs.published import LAWS, MESSAGES, published
from benchmarks.tables.statement import Statement, load, power, say

_RESULTS, _GRAPHS = "docs/results.md", "docs/graph_networks.md"
_NAMES = {"r1": "1/r", "r2": "1/r²", "l1": "L1"}


def statements() -> list[Statement]:
    """All of them."""
    return [*_builtin(), _planets(), *_thresholds(), *_agreement(), *_others(), *_cases()]


def _builtin() -> list[Statement]:
    runs = load("discovery")["runs"]
    cases: dict[str, list[dict[str, Any]]] = {}
    for key, run in runs.items():
        cases.setdefault(key.split("/")[0], []).append(run)
    return [_row(case, found) for case, found in cases.items()]


def _row(case: str, found: Sequence[dict[str, Any]]) -> Statement:
    law, _, model = case.partition(":")
    name = ", ".join(_NAMES.get(part, part) for part in (law, model) if part).replace("-", " ")
    middle = lambda value: statistics.median(map(value, found))  # noqa: E731
    seconds = [run["wall_seconds"] for run in found]
    times = f"{statistics.median(seconds):.0f} ({min(seconds):.0f} to {max(seconds):.0f})"
    return say(
        _RESULTS,
        f"| {name} | {{}} | {{}} | {_paper(PUBLISHED.get(case))} "
        "| {} | {} | {} | {} | {}; {} |",
        _told(found[0]),
        f"{sum(bool(run['recovered']) for run in found)} of {len(found)}",
        times,
        power(middle(lambda run: run["errors"]["neural"]["held_out"])),
        power(middle(lambda run: run["errors"]["symbolic"]["held_out"])),
        power(middle(lambda run: run["errors"]["symbolic"]["out_of_distribution"])),
        f"{middle(lambda run: run['message_r2']['plain']):.3f}",
        f"{middle(lambda run: run['message_r2']['modulo_receiver']):.4f}",
    )


def _paper(outcome: bool | None) -> str:
    return {True: "found", False: "not found", None: ""}[outcome]


def _planets() -> Statement:
    run = load("discovery")["runs"]["solar-system/0"]
    errors = run["parameters"]["relative_error"]
    told = ", ".join(f"{b} {power(abs(e))}" for b, e in errors.items() if b != "Sun")
    return say(
        _RESULTS,
        "exponent is {} when left free. Masses relative to the Sun's, found against DE421's own: {}. "
        "These are relative errors after the refit;",
        f"{run['free_exponent']:.9f}",
        told,
    )


def _thresholds() -> list[Statement]:
    """How far the thresholds of the discontinuous law are off, at most."""
    cells, true = load("graph_networks")["cells"], 1.99  # as the law of jaxsym.simulate has it
    found = [
        float(re.findall(r"r > ([\d.]+)", cell["law"]["components"][0])[0])
        for key, cell in cells.items()
        if key.startswith("discovery/discontinuous-2")
    ]
    share = f"{100 * max(abs(threshold / true - 1) for threshold in found):.1g}"
    return [
        say(_RESULTS, "with its threshold {} % off, by both", share),
        say(_GRAPHS, "the one found is {} % off, and fits", share),
    ]


def _agreement() -> list[Statement]:
    """How well messages are forces where the law was found."""
    runs = load("discovery")["runs"] | load("graph_networks")["cells"]
    found = {
        key: run["message_r2"]["modulo_receiver"]
        for key, run in runs.items()
        if run.get("recovered") and run.get("message_r2")
    }
    low = sorted((value, key) for key, value in found.items() if value < 0.99)
    return [
        say(
            _GRAPHS,
            "to 0.99 or better in {} of the {} runs that found the law, the README's among them; in "
            "the others it is {};",
            len(found) - len(low),
            len(found),
            ", ".join(f"{value:.3f} ({_short(key)})" for value, key in low),
        )
    ]


def _short(key: str) -> str:
    parts = key.removeprefix("discovery/").replace(":", "/").split("/")
    law, model, seed = parts
    law = law.removesuffix("-2")
    return f"{_NAMES.get(law, law)}, {_NAMES.get(model, model)}, seed {seed}"


def _others() -> list[Statement]:
    """Laws of other shapes: as found, with constants of seven digits, and their errors."""
    rows = {
        "screened": "screened gravity, softened | {*}",
        "well": "`3.9 (exp(-1.3 (r - 1.2)) - exp(-2.6 (r - 1.2)))`, a molecule's well | {}",
        "gaussian": "`6 m1 m2 r exp(-r²/1.7)/1.7` | {}",
        "steep well": "`2 (0.9/r)^4/r - 4 (0.9/r)^8/r`, a steep well | {}",
        "quartic": "`0.7 r³ - 1.1 r` | {}",
        "masses and charges": "masses attract, charges repel | {}",
        "1/r3": "`m1 m2/(r + 0.1)³`, in space | {}",
        "springs that fall": "springs with friction that fall, three bodies in space | {}, {*}",
    }
    runs = {name: load("other_laws")["runs"][f"{name}/0"] for name in rows}
    return [
        say(
            _RESULTS,
            f"| {row} | {{}} | {{}} |\n",
            *([f"`{_rounded(_pull(runs[name]), 7)}`"] if "{}" in row else []),
            power(runs[name]["errors"]["neural"]["held_out"]),
            power(runs[name]["errors"]["symbolic"]["held_out"]),
        )
        for name, row in rows.items()
    ]


def _cases() -> list[Statement]:
    """Three dimensions, other models and laws, of seed 0."""
    rows = []
    for key, run in load("graph_networks")["cells"].items():
        kind, *place = key.split("/")
        if kind != "discovery" or "law" not in run:
            continue
        sim, model, _ = place
        law, dims = sim.rsplit("-", 1)
        told = published(MESSAGES, law, int(dims), model)
        outcome = _paper(published(LAWS, law, int(dims), model))
        r2, errors = run["message_r2"], run["errors"]
        rows.append(
            say(
                _GRAPHS,
                f"| {_NAMES.get(law, law)}, {dims}D, {model} | {{}} | {{}} | {outcome} | {{}} "
                f"| {{}}; {{}}; {{}} | {'' if told is None else f'{told:.3f}'} | {{}} | {{}} |",
                _told(run),
                "yes" if run["recovered"] else "no",
                f"{run['wall_seconds']:.0f}",
                f"{r2['plain']:.3f}",
                f"{r2['trimmed']:.3f}",
                f"{r2['modulo_receiver']:.4f}",
                f"{errors['neural']['held_out']:.0e}",
                f"{errors['symbolic']['held_out']:.0e}",
            )
        )
    return rows


def _told(run: dict[str, Any]) -> str:
    """A law as the tables write it: d for the displacement, few digits, friction apart."""
    law = _rounded(_pull(run))
    if cut := re.fullmatch(r"d\*Piecewise\(\((.*), r > (.*)\), \(0, True\)\)", law):
        law = f"({cut[1]})*d for r > {cut[2]}, else 0"
    own = run["law"]["own_acceleration"]
    friction = f", friction `{_rounded(own[0]).replace('vx1', 'v')}`" if own else ""
    return f"`{law}`{friction}"


def _pull(run: dict[str, Any]) -> str:
    """What one body does to another; d is the displacement."""
    return run["law"]["components"][0].replace("dx", "d")


def _rounded(law: str, digits: int = 4) -> str:
    return re.sub(r"\d+\.\d{5,}", lambda number: f"{float(number[0]):.{digits}g}", law)
