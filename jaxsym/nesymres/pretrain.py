"""Pretraining: ``python -m jaxsym.nesymres.pretrain --config small --minutes 9 --resume DIR``."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import jax
import jax.numpy as jnp
import numpy as np

from jaxsym._check import require
from jaxsym.nesymres.model.config import CONFIGS
from jaxsym.nesymres.model.transformer import NeSymReS, compute_dtype, init_params
from jaxsym.nesymres.model.weights import Weights, check_compatible, load_weights, save_weights
from jaxsym.nesymres.pretraining.examples import on_device
from jaxsym.nesymres.pretraining.objective import (
    make_batches,
    make_evaluation,
    make_loss,
    make_optimizer,
)
from jaxsym.nesymres.pretraining.runs import VARIANTS, Run, named_run, variant_of
from jaxsym.nesymres.skeletons.corpus import Bank, generate_bank
from jaxsym.nesymres.skeletons.decontamination import Exclusion
from jaxsym.nesymres.skeletons.test_sets import TEST_SETS, load_test_set
from jaxsym.training import (
    Checkpoints,
    Event,
    data_mesh,
    init_state,
    make_step,
    train,
)

HELD_OUT = 512  # skeletons that are never trained on
_CHUNK = 3200  # examples between two looks at the clock
_SECONDS = 60.0  # between two lines of the log
_RECORD = "log.jsonl"
_LAST = 2**31 - 1


def load_bank(run: Run, directory: Path) -> Bank:
    """The run's bank of skeletons: read from its directory, or made and saved there.

    Raises:
      ValueError: the directory has a bank of another prior.
    """
    path = directory / f"bank-{run.skeletons}-{run.seed}.npz"
    if path.exists():
        bank = Bank.load(path)
        require(
            bank.about["prior"] == run.prior.as_dict()
            and bank.about["excluded"] == list(run.exclude),
            f"{path} is of another prior; choose another directory or the same prior",
        )
        return bank
    sets = {name: load_test_set(name) for name in run.exclude}
    equations = {n: [(e.expression, e.variables) for e in sets[n]] for n in sets}
    exclusion = Exclusion(equations, run.prior.variables)
    bank = generate_bank(
        run.prior, run.skeletons + HELD_OUT, seed=run.seed, exclude=exclusion if sets else None
    )
    if jax.process_index() == 0:
        bank.save(path)
    return bank


def pretrain(
    run: Run,
    directory: str | Path,
    *,
    start: Weights | None = None,
    minutes: float | None = None,
    steps: int = _LAST,
    model_devices: int = 1,
    callback: Callable[[dict[str, Any]], None] | None = None,
) -> dict[str, Any]:
    """Train until the time is over, or go on with what the directory holds.

    The directory gets the bank, checkpoints, a log of one JSON line per minute, and at the end
    ``weights.safetensors``. The same on one device, several, or several hosts that see it. Examples
    count from random weights on, steps from those that the run began with.

    Args:
      run: what to train.
      directory: of the run alone.
      start: weights to begin with; random ones by default.
      minutes: of this call; without them until `steps` or Ctrl-C.
      steps: in all; no more than the run's decay has.
      model_devices: devices that share the network's matrices between them.
      callback: told of every line of the log.

    Returns:
      what the last line of the log says, with the figures of the last state.

    Raises:
      CheckpointError: a directory of another run.
      ValueError: a directory with a bank of another prior, or weights of another model.
    """
    directory = Path(directory).resolve()
    directory.mkdir(parents=True, exist_ok=True)
    begin = time.monotonic()
    bank = load_bank(run, directory)
    learned, held_out = bank.split(HELD_OUT)
    model = NeSymReS(run.model, compute_dtype())
    optimizer = make_optimizer(run.learning_rate, run.warmup, run.decay)
    params = init_params(model, jax.random.key(run.seed))
    config = run.as_dict()
    if start is not None:
        check_compatible(start.params, params)
        params = jax.tree.map(jnp.asarray, start.params)
        config["start"] = start.fingerprint
    steps = min(steps, run.decay or steps)
    evaluate = make_evaluation(model, on_device(held_out), HELD_OUT, run.stream)
    mesh = data_mesh(model=model_devices) if jax.device_count() > 1 else None
    before = 0 if start is None else start.about["examples"]
    figures: dict[str, Any] = {}
    told = begin

    def report(event: Event) -> None:
        nonlocal told
        if time.monotonic() - told < _SECONDS and event.step < steps:
            return
        told = time.monotonic()
        figures.update(
            step=event.step,
            examples=before + event.step * run.batch,
            seconds=round(event.seconds, 1),
            examples_per_second=round(event.steps_per_second * run.batch, 1),
            loss=float(event.metrics["loss"]),
            rejected=float(event.metrics["rejected"]),
            held_out=evaluate(event.state.params),
        )
        if jax.process_index() == 0:
            with (directory / _RECORD).open("a") as file:
                file.write(json.dumps(figures) + "\n")
        if callback is not None:
            callback(dict(figures))

    spent = time.monotonic() - begin
    trained = train(
        make_step(make_loss(model), optimizer),
        init_state(params, optimizer, jax.random.key(run.seed)),
        make_batches(run.batch, run.stream, run.model.variables),
        on_device(learned),
        steps=steps,
        chunk=max(1, _CHUNK // run.batch),
        callback=report,
        checkpoint=Checkpoints(directory / "checkpoints", config, every_seconds=300),
        mesh=mesh,
        time_limit=None if minutes is None else max(1.0, 60 * minutes - spent),
    )
    figures["held_out"] = evaluate(trained.state.params)
    if jax.process_index() == 0:
        steps = int(trained.state.step)
        about = {
            "run": config,
            "bank": bank.fingerprint,
            "steps": steps,
            "examples": before + steps * run.batch,
            "figures": figures,
        }
        if start is not None:
            about["start"] = dict(start.about)
        params = jax.tree.map(np.asarray, trained.state.params)
        save_weights(directory / "weights.safetensors", Weights(params, run.model, about))
    return figures


def _show(line: dict[str, Any]) -> None:
    click.echo(json.dumps(line))


@click.command()
@click.option("--config", type=click.Choice(sorted(CONFIGS)), default="small", show_default=True)
@click.option(
    "--resume",
    "directory",
    type=click.Path(path_type=Path),
    required=True,
    help="Directory of the run, made if needed; a run that is there goes on.",
)
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), help="Time for this call.")
@click.option("--steps", type=click.IntRange(min=1), default=_LAST, help="Steps in all.")
@click.option("--skeletons", type=click.IntRange(min=1000), help="Distinct ones to learn from.")
@click.option("--batch", type=click.IntRange(min=1), help="Examples of a step.")
@click.option("--length", type=click.IntRange(min=3), help="Most tokens of a skeleton, with ends.")
@click.option("--points", type=click.IntRange(min=16), help="Most points of an example.")
@click.option("--learning-rate", type=click.FloatRange(min=0, min_open=True))
@click.option("--warmup", type=click.IntRange(min=1), help="Steps until that rate.")
@click.option("--decay", type=click.IntRange(min=1), help="Steps until the rate is 0: the end.")
@click.option(
    "--weights",
    "start",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File to begin with, as an earlier run left it.",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(sorted(VARIANTS)),
    help="A choice made differently; may be repeated.",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True)
@click.option(
    "--exclude",
    multiple=True,
    type=click.Choice(sorted(TEST_SETS)),
    help="Test set to keep out of the skeletons; may be repeated.",
)
@click.option(
    "--model-devices",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Devices that share the network's matrices; the batch is split over the others.",
)
@click.option("--hosts", is_flag=True, help="One of several hosts of a cluster.")
def main(
    config: str,
    directory: Path,
    minutes: float | None,
    steps: int,
    skeletons: int | None,
    batch: int | None,
    length: int | None,
    points: int | None,
    learning_rate: float | None,
    warmup: int | None,
    decay: int | None,
    start: Path | None,
    variants: tuple[str, ...],
    seed: int,
    exclude: tuple[str, ...],
    model_devices: int,
    hosts: bool,
) -> None:
    """Pretrain a model on equations made as it goes; stops in time and goes on when asked again."""
    if hosts:
        jax.distributed.initialize()
    run = functools.reduce(variant_of, variants, named_run(config))
    chosen: dict[str, Any] = {
        "skeletons": skeletons,
        "batch": batch,
        "learning_rate": learning_rate,
        "warmup": warmup,
    }
    run = replace(
        run,
        **{name: value for name, value in chosen.items() if value is not None},
        prior=replace(run.prior, length=length) if length else run.prior,
        stream=replace(run.stream, points=points) if points else run.stream,
        decay=decay,
        seed=seed,
        exclude=exclude,
    )
    weights = load_weights(start) if start else None
    pretrain(
        run,
        directory,
        start=weights,
        minutes=minutes,
        steps=steps,
        model_devices=model_devices,
        callback=_show,
    )


if __name__ == "__main__":
    main()
