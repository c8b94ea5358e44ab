"""NeSymReS: what more distinct skeletons are worth at the same number of steps.

Each network is trained from scratch for the same steps on examples of so many skeletons, and judged
on skeletons that none of the networks of its seed has met.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import _nesymres_accuracy
from jaxsym.nesymres import NeSymReS, from_weights, load_weights, on_device
from jaxsym.nesymres.model import compute_dtype
from jaxsym.nesymres.objective import make_evaluation
from jaxsym.nesymres.pretrain import HELD_OUT, Run, load_bank, named_run, pretrain


@dataclass(frozen=True)
class Study:
    """What to train.

    Attributes:
      directory: of all runs; what is there already goes on.
      sizes: numbers of skeletons.
      seeds: networks of each size.
      steps: of every network.
      batch: examples of a step.
      minutes: after which nothing more is trained; no limit when None.
    """

    directory: Path
    sizes: Sequence[int] = (10_000, 100_000, 1_000_000)
    seeds: int = 3
    steps: int = 100_000
    batch: int = 256
    minutes: float | None = None


def measure(
    study: Study, quick: bool, finished: Callable[[list[dict[str, Any]]], None]
) -> list[dict[str, Any]]:
    """One row per network: figures on held-out skeletons, and equations found at beam 32.

    Networks are trained seed by seed, so that a study that ends early has all sizes of its first
    seeds. A network that the time does not allow to end is left out, and goes on another time.

    Args:
      study: what to train.
      quick: tiny networks on few skeletons.
      finished: told of all rows after every network.
    """
    if quick:
        study = replace(study, sizes=(100, 200), seeds=1, steps=3, batch=4)
    begin = time.monotonic()
    rows: list[dict[str, Any]] = []
    for seed, size in itertools.product(range(study.seeds), study.sizes):
        left = None if study.minutes is None else study.minutes - (time.monotonic() - begin) / 60
        if left is not None and left <= 0:
            break
        run = _run(study, size, seed, quick)
        folder = study.directory / _folder(run)
        pretrain(run, folder, minutes=left, steps=study.steps)
        weights = load_weights(folder / "weights.safetensors")
        if weights.about["steps"] < study.steps:
            continue
        network = from_weights(weights)
        judge = _judge(replace(run, skeletons=max(study.sizes)), study.directory)
        found = _nesymres_accuracy.measure(
            network,
            sets=("nguyen",) if quick else _nesymres_accuracy.SETS,
            beams=(2,) if quick else (32,),
            count=2 if quick else None,
        )
        about = {"skeletons": size, "seed": seed, "steps": study.steps, "batch": study.batch}
        rows.append({**about, "held_out": judge(network.params), "accuracy": found})
        finished(rows)
    return rows


def summary(rows: Sequence[dict[str, Any]]) -> list[list[object]]:
    """Size, networks, and mean with standard error over seeds of loss, tokens right, recovery.

    >>> figures = {"loss": 1.0, "accuracy": 0.5, "recovered": 0.25}
    >>> summary([{"skeletons": 10, "held_out": figures}])
    [[10, 1, '1.000 +- nan', '0.500 +- nan', '0.250 +- nan']]
    """
    table: list[list[object]] = []
    for size in sorted({row["skeletons"] for row in rows}):
        same = [row["held_out"] for row in rows if row["skeletons"] == size]
        shown = [_mean([s[name] for s in same]) for name in ("loss", "accuracy", "recovered")]
        table.append([size, len(same), *shown])
    return table


def _run(study: Study, size: int, seed: int, quick: bool) -> Run:
    run = replace(
        named_run("small"), skeletons=size, seed=seed, batch=study.batch, exclude=("soose",)
    )
    if not quick:
        return run
    tiny = replace(run.model, width=16, heads=2, inducing=2, seeds=2, feedforward=16)
    return replace(run, model=tiny, exclude=())


def _judge(largest: Run, directory: Path) -> Callable[[Any], dict[str, float]]:
    """Figures on the skeletons after those of the largest bank, which are in no smaller one."""
    _, held_out = load_bank(largest, directory / _folder(largest)).split(HELD_OUT)
    model = NeSymReS(largest.model, compute_dtype())
    return make_evaluation(model, on_device(held_out), HELD_OUT, largest.stream)


def _folder(run: Run) -> str:
    return f"{run.skeletons}-{run.seed}"


def _mean(values: Sequence[float]) -> str:
    if len(values) > 1:
        error = float(np.std(values, ddof=1) / np.sqrt(len(values)))
    else:
        error = float("nan")
    return f"{np.mean(values):.3f} +- {error:.3f}"
