"""NeSymReS trained from scratch in several ways: on banks of several sizes, and by variants.

All networks of a seed are judged on the same tables of skeletons that none of them has met.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from jaxsym.nesymres import ModelConfig, NeSymReS, load_weights, on_device
from jaxsym.nesymres.model.transformer import compute_dtype
from jaxsym.nesymres.pretrain import HELD_OUT, load_bank, pretrain
from jaxsym.nesymres.pretraining.objective import make_evaluation
from jaxsym.nesymres.pretraining.runs import Run, named_run, variant_of

BASE = "base"
_SCALES: Mapping[str, Mapping[str, int]] = {
    "small": {},
    "tiny": {
        **{"width": 96, "inducing": 16, "seeds": 8},
        **{"latent_layers": 1, "decoder_layers": 2, "feedforward": 192},
    },
}
SCALES = tuple(_SCALES)
_POINTS, _LENGTH = 32, 18  # of the tiny one's tables and skeletons


@dataclass(frozen=True)
class Study:
    """What to train.

    Attributes:
      directory: of all runs; what is there already goes on.
      runs: by label, all of one seed.
      judge: label of the run on whose held-out skeletons and tables all networks are judged.
      seeds: networks of each run.
      minutes: after which nothing more is trained; no limit when None.
    """

    directory: Path
    runs: Mapping[str, Run]
    judge: str
    seeds: int
    minutes: float | None


def base_run(scale: str, steps: int, batch: int) -> Run:
    """The run that others differ from: the small model's, or a tiny one for processors.

    Args:
      scale: of `SCALES`.
      steps: until the rate is zero.
      batch: examples of a step.
    """
    run = replace(
        named_run("small"),
        decay=steps,
        warmup=max(1, steps // 10),
        batch=batch,
        exclude=("soose",),
    )
    if scale == "small":
        return run
    return replace(
        run,
        model=replace(run.model, **_SCALES[scale]),
        prior=replace(run.prior, length=_LENGTH),
        stream=replace(run.stream, points=_POINTS),
        learning_rate=2e-3,
    )


def by_size(base: Run, sizes: Sequence[int]) -> tuple[dict[str, Run], str]:
    """Runs by number of skeletons, and the judge: that of the largest bank.

    The skeletons after those of the largest bank are in no smaller one.
    """
    runs = {str(size): replace(base, skeletons=size) for size in sizes}
    return runs, str(max(sizes))


def by_variant(base: Run, skeletons: int, names: Sequence[str]) -> tuple[dict[str, Run], str]:
    """The base run and its variants, and the judge: the base run."""
    base = replace(base, skeletons=skeletons)
    return {BASE: base} | {name: variant_of(base, name) for name in names}, BASE


def measure(study: Study, finished: Callable[[list[dict[str, Any]]], None]) -> list[dict[str, Any]]:
    """One row per network: figures on the judge's tables, and on held-out ones of its own kind.

    Networks are trained seed by seed, so that a study that ends early has all runs of its first
    seeds. A network that the time does not allow to end is left out, and goes on another time.

    Args:
      study: what to train.
      finished: told of all rows after every network.
    """
    begin = time.monotonic()
    rows: list[dict[str, Any]] = []
    for seed, (label, run) in itertools.product(range(study.seeds), study.runs.items()):
        left = None if study.minutes is None else study.minutes - (time.monotonic() - begin) / 60
        if left is not None and left <= 0:
            break
        folder = study.directory / f"{label}-{seed}"
        own = replace(run, seed=seed)
        path = folder / "weights.safetensors"
        if not _is_done(path, own):
            pretrain(own, folder, minutes=left)
        if not _is_done(path, own):
            continue
        weights = load_weights(path)
        judge = _judge(study, seed, own.model)
        about = {"run": label, "seed": seed, "skeletons": own.skeletons, "steps": own.decay}
        about |= {"batch": own.batch, "own": weights.about["figures"]["held_out"]}
        rows.append(about | {"judged": judge(weights.params)})
        finished(rows)
    return rows


def summary(rows: Sequence[Mapping[str, Any]]) -> list[list[object]]:
    """Run, networks, and mean with standard error over seeds of the figures on the judge's tables.

    >>> figures = {"loss": 1.0, "accuracy": 0.5, "recovered": 0.25}
    >>> summary([{"run": "10", "judged": figures, "own": figures}])
    [['10', 1, '1.000 +- nan', '0.500 +- nan', '0.250 +- nan', '1.000 +- nan']]
    """
    table: list[list[object]] = []
    for label in dict.fromkeys(row["run"] for row in rows):
        same = [row for row in rows if row["run"] == label]
        judged = [
            mean([row["judged"][name] for row in same])
            for name in ("loss", "accuracy", "recovered")
        ]
        table.append([label, len(same), *judged, mean([row["own"]["loss"] for row in same])])
    return table


def mean(values: Sequence[float]) -> str:
    """Mean and standard error in words."""
    return "{:.3f} +- {:.3f}".format(*mean_and_error(values))


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Mean and standard error; the latter is no number for a single value."""
    if len(values) == 1:
        return float(values[0]), float("nan")
    return float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(len(values)))


def _is_done(path: Path, run: Run) -> bool:
    return path.exists() and load_weights(path).about["steps"] == run.decay


def _judge(study: Study, seed: int, model: ModelConfig) -> Callable[[Any], dict[str, float]]:
    """Figures of a network of some sizes on the judge's tables."""
    judge = replace(study.runs[study.judge], seed=seed)
    _, held_out = load_bank(judge, study.directory / f"{study.judge}-{seed}").split(HELD_OUT)
    network = NeSymReS(model, compute_dtype())
    return make_evaluation(network, on_device(held_out), HELD_OUT, judge.stream)
