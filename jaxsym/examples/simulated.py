"""How simulated examples were made; ``python -m jaxsym.examples.simulated`` makes them again."""

from __future__ import annotations

import jax
import numpy as np
import pandas as pd

from jaxsym.examples import example_path
from jaxsym.simulate import mechanical, particles

_NOISE = 1e-3  # of the positions' standard deviation
_RUNS, _TIMES, _STEP = 12, 60, 0.1
_STATES = 300


def tracks() -> pd.DataFrame:
    """Positions of four bodies of different masses on springs, measured with noise."""
    system = particles("spring", bodies=4, dims=2)
    data = system.simulate(jax.random.key(7), trajectories=_RUNS, steps=_TIMES, dt=_STEP)
    x = np.asarray(data.position, np.float64)
    x = x + _NOISE * x.std() * np.random.default_rng(7).normal(size=x.shape)
    run, step, body = (axis.ravel() for axis in np.indices(x.shape[:3]))
    return pd.DataFrame(
        {
            "trajectory": run,
            "time": (_STEP * step).round(3),
            "body": body + 1,
            "x": x[..., 0].ravel().round(5),
            "y": x[..., 1].ravel().round(5),
            "mass": np.asarray(data.mass, np.float64)[run, body].round(6),
        }
    )


def robot() -> pd.DataFrame:
    """Coordinates, velocities, accelerations and torques of a double pendulum."""
    data = mechanical("double-pendulum").sample(jax.random.key(7), _STATES)
    columns = {"q": data.q, "qd": data.qd, "qdd": data.qdd, "tau": data.tau}
    return pd.DataFrame(
        {
            f"{name}{joint + 1}": values[:, joint]
            for name, values in columns.items()
            for joint in range(values.shape[1])
        }
    )


if __name__ == "__main__":
    tracks().to_csv(example_path("tracks"), index=False)
    robot().to_csv(example_path("robot"), index=False, float_format="%.12g")
