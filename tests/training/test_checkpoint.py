"""Checkpoints: round trip, configuration, damage, and that nothing is lost."""

import json
import logging

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxsym.training import (
    CheckpointError,
    Checkpoints,
    FolderLock,
    FolderLockedError,
    checkpoint,
    init_state,
    make_step,
    train,
)

OPTIMIZER = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(1e-2))
CONFIG = {"model": {"hidden": 8, "sizes": (1, 2)}, "rate": 1e-2}


def loss(params, batch, key):
    return jnp.mean((params["w"] - batch) ** 2), {}


STEP = make_step(loss, OPTIMIZER)


def draw(key, step, data):
    return jax.random.normal(key, (3, 4))


def start(rows=3):
    return init_state({"w": jnp.zeros((rows, 4))}, OPTIMIZER, jax.random.key(7))


def run(folder, steps, config=CONFIG, **options):
    """Train with a save after every second step."""
    saved = Checkpoints(folder, config, every_steps=2, **options)
    return train(STEP, start(), draw, steps=steps, chunk=2, checkpoint=saved).state


def raw(state):
    return jax.tree.map(np.asarray, state._replace(key=jax.random.key_data(state.key)))


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, raw(a), raw(b))


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def cut_short(folder, step):
    """Truncate the largest file of a checkpoint."""
    files = [p for p in (folder / str(step)).rglob("*") if p.is_file() and p.suffix != ".json"]
    largest = max(files, key=lambda p: p.stat().st_size)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])


def test_round_trip_keeps_types_values_and_structure(tmp_path):
    end = run(tmp_path, 6)
    back = Checkpoints(tmp_path, CONFIG).restore(start())
    assert jax.tree.structure(back) == jax.tree.structure(end)
    assert back.key.dtype == end.key.dtype
    same(back, end)


def test_no_file_is_larger_than_16_mib(tmp_path):
    rng = np.random.default_rng(0)  # noise, which cannot be compressed
    params = {f"w{i}": jnp.asarray(rng.normal(size=10**6), jnp.float32) for i in range(8)}
    state = init_state(params, optax.sgd(1e-2), jax.random.key(0))
    saved = Checkpoints(tmp_path, CONFIG)
    saved.save(state)
    sizes = [p.stat().st_size for p in tmp_path.rglob("*") if p.is_file()]
    assert sum(sizes) > 2**24 > max(sizes)
    same(saved.restore(state), state)


def test_a_relative_path_and_a_context_of_float64(tmp_path, monkeypatch, x64):
    monkeypatch.chdir(tmp_path)
    params = {"w": jnp.full((3, 4), 0.1, jnp.float64)}
    state = init_state(params, OPTIMIZER, jax.random.key(0))
    saved = Checkpoints("run", CONFIG)
    saved.save(state)
    monkeypatch.chdir("/")
    same(saved.restore(state), state)
    assert (tmp_path / "run" / "0").is_dir()


def test_only_the_last_states_are_kept_beside_the_users_own_files(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    run(tmp_path, 10, keep=3)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["10", "6", "8", "notes.txt"]
    assert Checkpoints(tmp_path, CONFIG).latest() == 10


def test_saves_are_due_by_steps_or_by_time(tmp_path):
    by_steps = Checkpoints(tmp_path, every_seconds=1e9, every_steps=10)
    assert [by_steps.due(step) for step in (0, 9, 10, 25)] == [False, False, True, True]
    assert Checkpoints(tmp_path, every_seconds=0.0).due(1)


def test_resumed_run_equals_an_unbroken_one(tmp_path):
    run(tmp_path, 5)
    same(run(tmp_path, 12), train(STEP, start(), draw, steps=12).state)


def test_another_configuration_is_refused_by_name(tmp_path):
    run(tmp_path, 4)
    before = content(tmp_path)
    other = {"model": {"hidden": 16, "sizes": (1, 2)}, "rate": 1e-2, "seed": 3}
    with pytest.raises(CheckpointError) as error:
        run(tmp_path, 8, other)
    message = str(error.value)
    assert "4 is of another configuration" in message
    assert "hidden was 8 and is now 16" in message and "seed was nothing and is now 3" in message
    assert "rate" not in message and "sizes" not in message
    assert content(tmp_path) == before


def test_other_shapes_are_refused_by_name(tmp_path):
    run(tmp_path, 4)
    with pytest.raises(
        CheckpointError, match=r"params\['w'\] was float\d+\[3,4\] and is now float"
    ):
        Checkpoints(tmp_path, CONFIG).restore(start(rows=5))


def test_a_checkpoint_cut_short_gives_way_to_the_one_before(tmp_path, caplog):
    run(tmp_path, 6)
    cut_short(tmp_path, 6)
    damaged = content(tmp_path / "6")
    with caplog.at_level(logging.WARNING, logger="jaxsym"):
        back = Checkpoints(tmp_path, CONFIG).restore(start())
    assert int(back.step) == 4
    assert f"{tmp_path / '6'} is damaged" in caplog.text
    (aside,) = tmp_path.glob("6.damaged-*")
    assert content(aside) == damaged
    same(run(tmp_path, 10), train(STEP, start(), draw, steps=10).state)


def missing(folder):
    next(folder.rglob("manifest.ocdbt")).unlink()


def bit_flipped(folder):
    largest = max((p for p in folder.rglob("d/*")), key=lambda p: p.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 1
    largest.write_bytes(bytes(content))


def record_cut(folder):
    (folder / "jaxsym.json").write_text('{"config": ')


def killed_before_its_record(folder):
    (folder / "jaxsym.json").unlink()


def config_changed(folder):
    record = folder / "jaxsym.json"
    record.write_text(record.read_text().replace('"hidden": 8', '"hidden": 9'))


def files_emptied(folder):
    record = json.loads((folder / "jaxsym.json").read_text())
    del record["digest"]
    (folder / "jaxsym.json").write_text(json.dumps(record | {"files": {}}))


HARMS = [missing, bit_flipped, record_cut, config_changed, files_emptied, killed_before_its_record]


@pytest.mark.parametrize("harm", HARMS)
def test_other_damage_gives_way_too(tmp_path, harm):
    run(tmp_path, 6)
    harm(tmp_path / "6")
    same(Checkpoints(tmp_path, CONFIG).restore(start()), train(STEP, start(), draw, steps=4).state)
    assert not (tmp_path / "6").exists() and len(list(tmp_path.glob("6.*"))) == 1


def test_no_complete_checkpoint_is_an_error_that_loses_nothing(tmp_path):
    run(tmp_path, 4)
    for step in (2, 4):
        cut_short(tmp_path, step)
    before = content(tmp_path)
    message = "no complete checkpoint: 4 is damaged in .*, 2 is damaged in "
    with pytest.raises(CheckpointError, match=message):
        run(tmp_path, 6)
    assert content(tmp_path) == before


def test_a_first_save_that_was_killed_is_a_fresh_start(tmp_path):
    (tmp_path / "2.orbax-checkpoint-tmp-0" / "default").mkdir(parents=True)
    (tmp_path / "2" / "default").mkdir(parents=True)
    same(run(tmp_path, 4), train(STEP, start(), draw, steps=4).state)
    assert len(list(tmp_path.glob("2.unfinished-*"))) == 1


@pytest.mark.parametrize("name", ["0999", "\u0669\u0669", "1_0", "99999999999"])
def test_folders_of_other_names_are_left_alone(tmp_path, name):
    run(tmp_path, 4)
    (tmp_path / name).mkdir()
    (tmp_path / name / "mine.txt").write_text("mine")
    same(run(tmp_path, 8), train(STEP, start(), draw, steps=8).state)
    assert (tmp_path / name / "mine.txt").read_text() == "mine"


def test_a_configuration_with_nan_resumes(tmp_path):
    config = {"limit": float("nan"), "sizes": [float("inf"), {"a": float("nan")}]}
    run(tmp_path, 4, config)
    assert int(Checkpoints(tmp_path, config).restore(start()).step) == 4
    with pytest.raises(CheckpointError, match="limit was nan and is now 1.0"):
        run(tmp_path, 6, config | {"limit": 1.0})


def test_a_folder_in_use_is_refused(tmp_path):
    run(tmp_path, 4)
    before = content(tmp_path)
    with FolderLock(tmp_path):
        for use in (lambda: run(tmp_path, 6), lambda: Checkpoints(tmp_path).restore(start())):
            with pytest.raises(FolderLockedError, match="is in use by process"):
                use()
    assert content(tmp_path) == before
    same(run(tmp_path, 6), train(STEP, start(), draw, steps=6).state)


def test_a_training_keeps_its_folder_to_itself(tmp_path):
    refused = []

    def intrude(event):
        with pytest.raises(FolderLockedError):
            run(tmp_path, 2)
        refused.append(event.step)

    saved = Checkpoints(tmp_path, CONFIG, every_steps=2)
    train(STEP, start(), draw, steps=4, chunk=2, checkpoint=saved, callback=intrude)
    assert refused == [2, 4] and Checkpoints(tmp_path, CONFIG).latest() == 4


def test_a_full_disk_leaves_the_checkpoints_that_were_there(tmp_path, monkeypatch):
    run(tmp_path, 4)
    before = content(tmp_path)

    def full(folder, record):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "write_record", full)
        with pytest.raises(OSError, match="No space left"):
            run(tmp_path, 8)
    assert content(tmp_path) == before
    same(run(tmp_path, 8), train(STEP, start(), draw, steps=8).state)


def test_what_a_killed_save_left_is_removed(tmp_path):
    run(tmp_path, 4)
    (tmp_path / ".6.unfinished" / "default").mkdir(parents=True)
    (tmp_path / ".2.old.unfinished").mkdir()
    same(run(tmp_path, 8), train(STEP, start(), draw, steps=8).state)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["6", "8"]


def test_a_file_in_the_folders_place(tmp_path):
    (tmp_path / "run").write_text("mine")
    with pytest.raises(NotADirectoryError, match="run is a file"):
        Checkpoints(tmp_path / "run")
    assert (tmp_path / "run").read_text() == "mine"


def nested(depth):
    inner = {}
    for _ in range(depth):
        inner = {"a": inner}
    return inner


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": {"f": object()}}, "config is not JSON-like"),
        ({"config": nested(20_000)}, "config is not JSON-like"),
        ({"every_seconds": -1.0}, "every_seconds is -1.0; expected at least 0"),
        ({"every_steps": 0}, "every_steps is 0; expected at least 1"),
        ({"keep": 1}, "keep is 1; expected at least 2"),
    ],
)
def test_bad_arguments(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        Checkpoints(tmp_path, **options)
