"""Settings and data of `benchmarks.graph_training`, the same for both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

# Cranmer et al. 2020 (arXiv 2006.11287): their published code's settings for 4 bodies
SETTINGS: dict[str, Any] = {
    "law": "spring",
    "bodies": 4,
    "dims": 2,
    "hidden": (300, 300, 300),
    "messages": 100,
    "message_penalty": 1e-2,
    "batch": 64,
    "shift": 3.0,
    "learning_rate": 1e-3,
    "weight_decay": 1e-8,
    "final_division": 1e5,
    "schedule_steps": 150_000,
    "precision": "float32",
}


def write_snapshots(folder: Path, trajectories: int) -> None:
    """Simulate spring trajectories of 100 snapshots and write these for the engines."""
    import jax

    from jaxsym.graphs import snapshots
    from jaxsym.simulate import particles

    system = particles(SETTINGS["law"], bodies=SETTINGS["bodies"], dims=SETTINGS["dims"])
    motion = system.simulate(jax.random.key(0), trajectories=trajectories, steps=100)
    bodies, acceleration = snapshots(motion)
    names = ("position", "velocity", "mass", "charge")
    arrays = {name: getattr(bodies, name) for name in names} | {"acceleration": acceleration}
    np.savez(folder / "data.npz", **{k: v.astype(np.float32) for k, v in arrays.items()})


def read_snapshots(folder: Path) -> dict[str, np.ndarray]:
    """Position, velocity and acceleration ``[S, N, D]``, mass and charge ``[S, N]``."""
    with np.load(folder / "data.npz") as file:
        return {name: file[name] for name in file.files}
