"""The three tables of Cranmer et al. 2020 (arXiv 2006.11287): test error, messages, laws.

`error` trains the paper's networks with the original's settings (absolute inputs, three layers of
300, batch 64, one cycle of Adam) or with jaxsym's (relative inputs, three layers of 96),
all cells of one shape in one program, each for STEPS steps, or for the seconds of the budget; the
paper's recipe takes 150,000 to 1,000,000 steps. Errors are sums over a graph and means over its
nodes: the paper does not say which of the two it prints. R2 of these networks' messages is told as
well. `messages` and `laws` come from the same runs of
`jaxsym discover`. Cells found in FILE are not run again, and trainings go on where they ended.

    python -m benchmarks.graph_networks --table error|messages|laws [--sims spring-2,charge-3]
        [--models bottleneck,l1] [--seeds 0,1,2] [--recipe original|jaxsym]
        [--budget 600 | --steps 150000] [--quick] [--json FILE]
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import common
from benchmarks.discovery import runs
from benchmarks.graphs.cells import (
    Cell,
    absolute_errors,
    agreement,
    motion,
    one_of,
    train_together,
)
from benchmarks.graphs.published import ERROR, LAWS, MESSAGES, MODELS, SIMULATIONS, published
from benchmarks.graphs.recipes import RECIPES

TABLES = ("error", "messages", "laws")
_TRAJECTORIES = 2000


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run from the command line."""
    given = _options().parse_args(argv)
    sims = [_sim(text) for text in given.sims.split(",")]
    models, seeds = given.models.split(","), [int(seed) for seed in given.seeds.split(",")]
    cells = common.kept(given.json, "cells")
    if given.quick:
        sims, models, seeds, given.steps = [("spring", 2)], ["l1", "standard"], [0], 3
    asked = [
        Cell(*sim, model, seed, given.recipe) for sim in sims for model in models for seed in seeds
    ]
    (_fill_errors if given.table == "error" else _fill_laws)(given, asked, cells)
    _show(given, cells, sims, models)
    return _result(given, cells)


def _options() -> argparse.ArgumentParser:
    options = common.arguments(__doc__)
    options.add_argument("--table", choices=TABLES, default="error")
    every = ",".join(f"{law}-{dims}" for law, dims in ERROR)
    options.add_argument("--sims", default=every, help="law-dims, separated by commas")
    options.add_argument("--models", default=",".join(MODELS), help="separated by commas")
    options.add_argument("--seeds", default="0", help="separated by commas")
    options.add_argument("--recipe", choices=RECIPES, default="original", help="for errors")
    options.add_argument("--budget", type=float, default=600.0, help="seconds a cell, for errors")
    options.add_argument("--steps", type=int, help="of training, for errors, whatever the budget")
    return options


def _sim(text: str) -> tuple[str, int]:
    law, _, dims = text.rpartition("-")
    return law, int(dims)


def _result(given: argparse.Namespace, cells: dict[str, Any]) -> dict[str, Any]:
    found = {"benchmark": "graph_networks", "quick": given.quick, "cells": cells}
    return found | common.machine()


def _fill_laws(given: argparse.Namespace, asked: list[Cell], cells: dict[str, Any]) -> None:
    for cell in asked:
        # the physical friction: the original's differs from body to body, which no network can see
        law = cell.law.removesuffix("_paper")
        name = f"discovery/{law}-{cell.dims}/{cell.model}/{cell.seed}"
        if name not in cells:
            found = runs.run(f"{law}:{cell.model}:{cell.dims}", cell.seed)
            cells[name] = common.stamped(found)
            common.write(_result(given, cells), given.json)
        print(name, runs.line(cells[name]), flush=True)


def _fill_errors(given: argparse.Namespace, asked: list[Cell], cells: dict[str, Any]) -> None:
    """Shape after shape."""
    trajectories = 20 if given.quick else _TRAJECTORIES
    for shape in dict.fromkeys(cell.shape for cell in asked):
        todo = [c for c in asked if c.shape == shape and _error_name(c) not in cells]
        if todo:
            saved = given.json and given.json.with_suffix(".training") / shape
            found = test_errors(todo, given.steps, given.budget, trajectories, saved)
            for cell, entry in zip(todo, found, strict=True):
                cells[_error_name(cell)] = common.stamped(entry)
            common.write(_result(given, cells), given.json)
            if saved:
                shutil.rmtree(saved, ignore_errors=True)
        for cell in asked:
            if cell.shape == shape:
                print(_error_name(cell), _error_line(cells[_error_name(cell)]), flush=True)


def _error_name(cell: Cell) -> str:
    return f"{_errors_of(cell.way)}/{cell.law}-{cell.dims}/{cell.model}/{cell.seed}"


def _errors_of(way: str) -> str:
    return "error" if way == "original" else f"error, {way}"


def test_errors(
    cells: list[Cell], steps: int | None, budget: float, trajectories: int, saved: Path | None
) -> list[dict[str, Any]]:
    """Train cells of one shape in one program, and test each on motion of another seed."""
    data = {law: motion(law, cells[0].dims, 0, trajectories) for law in {c.law for c in cells}}
    trained = train_together(
        cells,
        [data[cell.law] for cell in cells],
        steps=steps,
        seconds=budget * len(cells),
        saved=saved,
    )
    tests = {law: motion(law, cells[0].dims, 1, max(10, trajectories // 10)) for law in data}
    found = []
    for place, cell in enumerate(cells):
        params, test = one_of(trained.params, place), tests[cell.law]
        r2 = agreement(cell.network(), params, cell.law, test, cell.seed)
        found.append(
            absolute_errors(cell, params, test)
            | {
                "message_r2": r2._asdict(),
                "paper": published(ERROR, cell.law, cell.dims, cell.model),
                "steps": trained.steps,
                "cells_together": len(cells),
                "seconds_together": trained.seconds,
            }
        )
    return found


def _error_line(cell: dict[str, Any]) -> str:
    r2 = cell["message_r2"]["plain"]
    found = f"{cell['graph_sum']:.3g} a graph, {cell['node_mean']:.3g} a node, R2 {r2:.3f}"
    return f"{found}; paper {cell['paper']}; {cell['steps']} steps"


def _show(
    given: argparse.Namespace,
    cells: dict[str, Any],
    sims: Sequence[tuple[str, int]],
    models: Sequence[str],
) -> None:
    """One row a simulation; in each cell ours, then the paper's."""
    tables = {"error": partial(_error_cell, given.recipe), "messages": _message_cell}
    cell_of, rows = tables.get(given.table, _law_cell), []
    for law, dims in sims:
        row = [f"{SIMULATIONS.get(law, law)}-{dims}"]
        for model in models:
            ours, paper = cell_of(cells, law, dims, model)
            row.append(f"{ours} | {'-' if paper is None else paper}")
        rows.append(row)
    common.show(["ours | paper", *models], rows)


def _error_cell(
    way: str, cells: dict[str, Any], law: str, dims: int, model: str
) -> tuple[str, Any]:
    start = f"{_errors_of(way)}/{law}-{dims}/{model}/"
    found = [c for name, c in cells.items() if name.startswith(start)]
    paper = published(ERROR, law, dims, model)
    if not found:
        return "", paper
    medians = (np.median([cell[name] for cell in found]) for name in ("graph_sum", "node_mean"))
    return ", ".join(f"{median:.3g}" for median in medians), paper


def _found(cells: dict[str, Any], law: str, dims: int, model: str) -> list[dict[str, Any]]:
    start = f"discovery/{law.removesuffix('_paper')}-{dims}/{model}/"
    return [c for name, c in cells.items() if name.startswith(start) and "law" in c]


def _message_cell(cells: dict[str, Any], law: str, dims: int, model: str) -> tuple[str, Any]:
    found = [c["message_r2"] for c in _found(cells, law, dims, model) if c["message_r2"]]
    paper = published(MESSAGES, law, dims, model)
    if not found:
        return "", paper
    names = ("plain", "trimmed", "modulo_receiver")
    return " ".join(f"{np.median([r2[name] for r2 in found]):.3f}" for name in names), paper


def _law_cell(cells: dict[str, Any], law: str, dims: int, model: str) -> tuple[str, Any]:
    found = _found(cells, law, dims, model)
    ours = f"{sum(bool(c['recovered']) for c in found)}/{len(found)}" if found else ""
    return ours, {True: "yes", False: "no", None: None}[published(LAWS, law, dims, model)]
