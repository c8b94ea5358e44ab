"""Run by `test_shooting_devices.py` with several devices: what is found on them is printed."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxsym.inference import observations, second_order
from jaxsym.inference.shooting.levenberg_marquardt import run_search
from jaxsym.inference.shooting.objective import weighting
from jaxsym.inference.shooting.stages import Fit


def main() -> None:
    time = np.linspace(0.0, 4.0, 21)
    runs = 4
    angle = 2 * time + np.arange(runs)[:, None]
    noise = 0.01 * np.random.default_rng(0).normal(size=(runs, 21))
    data = observations(time, (np.cos(angle) + noise)[..., None], sigma=0.01)
    spring = second_order(lambda k, x, v, t, u: -k * x)
    with jax.enable_x64(True):
        fit = Fit(spring, np.array(3.0), data, None, 2, None, None, "bosh3")
        fit.cut()
        mesh = Mesh(np.array(jax.devices()), ("runs",))
        shared = NamedSharding(mesh, PartitionSpec("runs"))
        task = fit.task._replace(segments=jax.device_put(fit.task.segments, shared))
        guess = fit.guess._replace(states=jax.device_put(fit.guess.states, shared))
        stage = weighting(1e-3, runs=runs)
        found = run_search(task, guess, stage, jnp.asarray(1e-2), jnp.asarray(1e-3), 40)
        print(len(guess.states.sharding.device_set), "devices")
        print(round(float(found.guess.constants[0]), 9), round(float(found.linear.costs.sum()), 6))


if __name__ == "__main__":
    main()
