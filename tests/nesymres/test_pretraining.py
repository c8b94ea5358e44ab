"""Pretraining: resumes exactly, learns, and writes weights that load."""

from __future__ import annotations

import json
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from click.testing import CliRunner

from jaxsym.nesymres import CONFIGS, Prior, StreamConfig, load_weights
from jaxsym.nesymres import pretrain as module
from jaxsym.nesymres.pretrain import load_bank, main, pretrain
from jaxsym.nesymres.pretraining.objective import make_optimizer
from jaxsym.nesymres.pretraining.runs import VARIANTS, Run, named_run, variant_of
from jaxsym.training import CheckpointError

MODEL = replace(
    CONFIGS["small"], variables=1, width=16, heads=2, inducing=2, seeds=2, latent_layers=1,
    decoder_layers=1, feedforward=16, length=8,
)  # fmt: skip
RUN = Run(
    MODEL,
    Prior(
        weights={"add": 1.0, "mul": 1.0, "sin": 1.0}, fewest=1, most=2, variables=1, constants=1,
        length=8,
    ),
    StreamConfig(points=8, fewest=8),
    skeletons=10,
    batch=16,
    learning_rate=3e-2,
    warmup=10,
)  # fmt: skip


@pytest.fixture(autouse=True)
def few_held_out(monkeypatch):
    monkeypatch.setattr(module, "HELD_OUT", 3)


def params_of(directory):
    return jax.tree.leaves(load_weights(directory / "weights.safetensors").params)


@pytest.mark.slow  # four compilations
def test_a_run_in_two_parts_ends_where_one_ends(tmp_path, monkeypatch):
    lines = []
    whole = pretrain(RUN, tmp_path / "whole", steps=60, callback=lines.append)
    assert lines[-1]["step"] == 60 and lines[-1]["examples"] == 960
    # from log(60) = 4.1 nats of an untrained network
    assert lines[-1]["loss"] < 2.5 and whole["held_out"]["loss"] < 2.5
    about = load_weights(tmp_path / "whole" / "weights.safetensors").about
    assert about["steps"] == 60 and about["run"]["batch"] == 16
    assert about["bank"] == load_bank(RUN, tmp_path / "whole").fingerprint

    pretrain(RUN, tmp_path / "parts", steps=25)
    with monkeypatch.context() as patch:  # the second part by the command
        patch.setattr(module, "named_run", lambda name: RUN)
        patch.setattr(module, "replace", lambda run, **options: RUN)
        options = ["--resume", str(tmp_path / "parts"), "--steps", "60"]
        done = CliRunner().invoke(main, options)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output.splitlines()[-1])["held_out"] == whole["held_out"]
    for one, other in zip(
        params_of(tmp_path / "whole"), params_of(tmp_path / "parts"), strict=True
    ):
        assert np.array_equal(one, other)

    begun = load_weights(tmp_path / "whole" / "weights.safetensors")
    ending = replace(RUN, decay=12, learning_rate=1e-3)
    pretrain(ending, tmp_path / "ending", start=begun, steps=60)
    about = load_weights(tmp_path / "ending" / "weights.safetensors").about
    assert about["steps"] == 12 and about["examples"] == 960 + 12 * 16
    assert about["start"]["steps"] == 60 and about["run"]["start"] == begun.fingerprint

    with pytest.raises(ValueError, match="of another prior"):
        pretrain(replace(RUN, exclude=("nguyen",)), tmp_path / "whole", steps=70)
    with pytest.raises(CheckpointError, match="learning_rate was 0.03 and is now 0.01"):
        pretrain(replace(RUN, learning_rate=1e-2), tmp_path / "whole", steps=70)


def test_the_rate_rises_and_falls_to_zero_or_without_end():
    moved = {}
    for decay in (None, 20):
        optimizer = make_optimizer(1e-2, 4, decay)
        params, state, sizes = jnp.ones(3), optimizer.init(jnp.ones(3)), []
        for _ in range(22):
            update, state = optimizer.update(jnp.ones(3), state, params)
            sizes.append(float(jnp.abs(update).max()))
        moved[decay] = np.array(sizes)
    assert np.argmax(moved[None]) == 3 and np.argmax(moved[20]) in (3, 4)
    assert moved[20][20] == 0 and moved[20][12] == pytest.approx(moved[20][4] / 2, rel=1e-2)
    assert moved[None][15] == pytest.approx(moved[None][3] / 2, rel=1e-2)


def test_variants_are_runs_that_differ():
    run = named_run("small")
    for name in VARIANTS:
        changed = variant_of(run, name)
        assert changed != run and json.loads(json.dumps(changed.as_dict()))
    assert variant_of(run, "variables-6").model.variables == 6
    with pytest.raises(ValueError, match="did you mean 'bits-32'"):
        variant_of(run, "bits-23")


def test_a_decay_within_the_warmup_is_refused():
    with pytest.raises(ValueError, match="decay=5, warmup=10"):
        replace(RUN, decay=5)


def test_an_unknown_model_is_refused(tmp_path):
    wrong = CliRunner().invoke(main, ["--resume", str(tmp_path), "--config", "huge"])
    assert wrong.exit_code == 2 and "'paper', 'small'" in wrong.output


def test_named_runs_fit_their_models():
    for name in CONFIGS:
        run = named_run(name)
        assert json.loads(json.dumps(run.as_dict()))["model"] == run.model.as_dict()
    with pytest.raises(ValueError, match="writes up to 8 tokens"):
        replace(RUN, prior=Prior(length=20, variables=1))
    with pytest.raises(ValueError, match="the model reads 1"):
        replace(RUN, prior=Prior(length=8, variables=2))
