"""Run by `test_settings.py`: expressions and simulators work under JAX's global settings."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxsym.expr import compile_programs, evaluate, fit_expressions, parse, snap, value_and_jacobian
from jaxsym.simulate import particles


def main() -> None:
    x = np.linspace(1.0, 3.0, 20)[:, None]
    y = 2.5 * x[:, 0] ** 1.5
    fitted, _ = fit_expressions([parse("1.0*x**1.0")], ["x"], x, y, key=jax.random.key(0))
    np.testing.assert_allclose(fitted[0].constants, [2.5, 1.5], rtol=1e-6)
    assert str(snap(parse("2.4999999999*x**1.5000000001"), x, y)) == "5*x**(3/2)/2"

    f, constants = parse("1.5*sqrt(x)*log(x) + (x if x > 2 else 0.5)").jax(["x"])
    edge = jnp.array([[0.0], [-1.0], [4.0]])  # outside of domains the slope is 0
    slope = jax.jit(jax.vmap(jax.grad(lambda row: jnp.nan_to_num(f(row, constants)))))(edge[2:])
    np.testing.assert_allclose(slope[0, 0], 1.5 * (np.log(4) / 4 + 0.5) + 1, rtol=1e-5)
    program = compile_programs([parse("1.5*x**2"), parse("x + 0.5")], ["x"])
    np.testing.assert_allclose(evaluate(program, x)[0], 1.5 * x[:, 0] ** 2, rtol=1e-5)
    np.testing.assert_allclose(value_and_jacobian(program, x)[1][1, :, 0], 1.0)

    system = particles("spring", bodies=3)
    start = system.initial(jax.random.key(0), 2)

    def outcome(shift: jax.Array) -> jax.Array:
        moved = start._replace(position=start.position + shift)
        return system.rollout(
            moved, steps=3, dt=0.01, substeps=1, integrator="verlet"
        ).velocity.sum()

    assert np.isfinite(jax.jit(jax.grad(outcome))(0.1))


if __name__ == "__main__":
    main()
