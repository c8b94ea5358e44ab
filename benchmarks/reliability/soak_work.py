"""Jobs of a soak that no command does: a training with checkpoints, and files of all kinds.

python -m benchmarks.reliability.soak_work train CHECKPOINTS DIGEST CHUNK
python -m benchmarks.reliability.soak_work files FOLDER SEED
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsym.datasets import load, read_columns, save
from jaxsym.nesymres import Bank, Prior, generate_bank, load_weights, save_weights
from jaxsym.nesymres.model.weights import pretrained_weights
from jaxsym.search import SymbolicRegressor
from jaxsym.simulate import particles
from jaxsym.training import Checkpoints, init_state, make_step, minibatch, train
from jaxsym.trajectories import Trajectories

_STEPS = 200
_DAMAGES = 40  # of each file


def training(checkpoints: str, digest: str, chunk: str) -> None:
    """Train to the end, saving after every chunk, and write the digest of the state's bits."""

    def loss(params: Any, batch: Any, key: Any) -> Any:
        x = batch + 0.1 * jax.random.normal(key, batch.shape)
        return jnp.mean((jnp.tanh(x @ params["w"]) @ params["v"] - jnp.sin(x)) ** 2), {}

    optimizer = optax.adam(optax.cosine_decay_schedule(1e-2, _STEPS))
    params = {"w": jax.random.normal(jax.random.key(1), (1, 64)), "v": jnp.zeros((64, 1))}
    end = train(
        make_step(loss, optimizer),
        init_state(params, optimizer, jax.random.key(0)),
        minibatch(32),
        jnp.linspace(-3, 3, 500)[:, None],
        steps=_STEPS,
        chunk=int(chunk),
        checkpoint=Checkpoints(checkpoints, {"case": "soak"}, every_seconds=0.0),
    ).state
    leaves = jax.tree.leaves(end._replace(key=jax.random.key_data(end.key)))
    bits = b"".join(np.asarray(leaf).tobytes() for leaf in leaves)
    Path(digest).write_text(hashlib.sha256(bits).hexdigest()[:16])


def files(folder: str, seed: str) -> None:
    """Save, read and compare; then damage the bytes, which must be read or refused in one line."""
    place, rng = Path(folder), np.random.default_rng(int(seed))
    for path, write, read in _kinds(place, rng):
        write(path)
        whole = path.read_bytes()
        if read(path) != read(path):
            raise AssertionError(f"{path.name} is read in two ways")
        for _ in range(_DAMAGES):
            path.write_bytes(damaged(whole, rng))
            try:
                read(path)
            except ValueError as error:
                if "\n" in str(error):
                    raise AssertionError(f"{path.name}: {error!r} is more than one line") from error
        path.unlink()


Kind = tuple[Path, Callable[[Path], object], Callable[[Path], object]]


def _kinds(place: Path, rng: np.random.Generator) -> list[Kind]:
    """Each kind of file: where, what writes it, and what reads it into something to compare."""
    system = particles("spring", bodies=3, dims=2)
    data = system.simulate(jax.random.key(int(rng.integers(99))), trajectories=2, steps=12)
    X = rng.uniform(1.0, 2.0, size=(40, 2))
    model = SymbolicRegressor(time_limit=0.2).fit(X, 2 * X[:, 0] * X[:, 1])
    bank, weights = generate_bank(Prior(), 50), pretrained_weights("small")
    suffixes = (".npz", ".csv", ".parquet")
    write, position = partial(_save, data), lambda path: np.asarray(load(path).position).tobytes()
    return [
        *((place / f"run{suffix}", write, position) for suffix in suffixes),
        (place / "run.tsv", write, lambda path: read_columns(path).frame.to_csv()),
        (place / "model.json", model.save, lambda p: str(SymbolicRegressor.load(p).expression_)),
        (place / "bank.npz", bank.save, lambda p: Bank.load(p).fingerprint),
        (
            place / "weights.safetensors",
            lambda p: save_weights(p, weights),
            lambda p: load_weights(p).fingerprint,
        ),
    ]


def _save(data: Trajectories, path: Path) -> None:
    save(path, data, replace=True)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Some bytes overwritten, cut out or cut off."""
    place, size = int(rng.integers(len(content))), int(rng.integers(1, 20))
    match rng.integers(3):
        case 0:
            return content[:place] + rng.bytes(size) + content[place + size :]
        case 1:
            return content[:place] + content[place + size :]
        case _:
            return content[:place]


def main() -> None:
    """Do what the command line asks for; an error in one line where a disk is full."""
    job, *words = sys.argv[1:]
    try:
        {"train": training, "files": files}[job](*words)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
