"""Laws that are neither the paper's nor built in, from motion that a user would bring.

Pair forces of other shapes (wells, screened, sums of two kinds, steep ones), friction, a field and
three dimensions. `jaxsym.discover` gets the trajectories alone; the truth is only compared with.
Three of them are the shapes on which the search was improved (well, gaussian, steep well); the
others are as they came. Runs follow one another in this process and share what is compiled.

    python -m benchmarks.other_laws [--quick] [--json FILE] [--seeds 0,1] [--laws screened,well]
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxsym
from benchmarks import common
from jaxsym.distill.tasks import simulated_truth
from jaxsym.distill.verdict import recovered
from jaxsym.simulate import Law, Truth, particles
from jaxsym.trajectories import Trajectories

_TRAJECTORIES, _FRESH, _STATES, _KEPT_EVERY = 500, 20, 500, 5


class Case(NamedTuple):
    """A law with the system that moves by it.

    Attributes:
      law: with its truth, for the comparison.
      bodies: N.
      dims: D.
    """

    law: Law
    bodies: int = 4
    dims: int = 2


def _law(name: str, radial: str, pair: Any, *own: str, **more: Any) -> Law:
    potential = lambda r, mass_i, mass_j, charge_i, charge_j: pair(  # noqa: E731
        r, mass_i * mass_j, charge_i * charge_j
    )
    return Law(name, potential, truth=Truth(radial, own or ("0",) * 3), **more)


CASES = {
    case.law.name: case
    for case in (
        Case(
            _law(
                "screened",
                "m1*m2*exp(-1.25*r)*(1.25/(r + 0.1) + 1/(r + 0.1)**2)/r",
                lambda r, mm, qq: -mm * jnp.exp(-1.25 * r) / (r + 0.1),
            )
        ),
        Case(
            _law(
                "well",
                "3.9*(exp(-1.3*(r - 1.2)) - exp(-2.6*(r - 1.2)))/r",
                lambda r, mm, qq: 1.5 * (1 - jnp.exp(-1.3 * (r - 1.2))) ** 2,
            )
        ),
        Case(
            _law(
                "gaussian",
                "2*3*m1*m2*exp(-r**2/1.7)/1.7",
                lambda r, mm, qq: -3 * mm * jnp.exp(-(r**2) / 1.7),
            )
        ),
        Case(
            _law(
                "steep well",
                "(2*(0.9/r)**4 - 4*(0.9/r)**8)/r**2",
                lambda r, mm, qq: 0.5 * ((0.9 / r) ** 8 - (0.9 / r) ** 4),
            )
        ),
        Case(
            _law(
                "quartic",
                "0.7*r**2 - 1.1",
                lambda r, mm, qq: 0.7 * r**4 / 4 - 1.1 * r**2 / 2,
            )
        ),
        Case(
            _law(
                "masses and charges",
                "(0.8*m1*m2 - 1.5*q1*q2)/(r*(r + 0.05)**2)",
                lambda r, mm, qq: (1.5 * qq - 0.8 * mm) / (r + 0.05),
            )
        ),
        Case(
            _law(
                "1/r3",
                "m1*m2/(r*(r + 0.1)**3)",
                lambda r, mm, qq: -mm / (2 * (r + 0.1) ** 2),
            ),
            dims=3,
        ),
        Case(
            _law(
                "springs that fall",
                "2 - 2/r",
                lambda r, mm, qq: (r - 1.0) ** 2,
                "-0.3*vx1",
                "-1.3*m1 - 0.3*vy1",
                "-0.3*vz1",
                external=lambda position, mass, charge: 1.3 * mass * position[1],
                drag=lambda mass, charge: 0.3 + 0.0 * mass,
            ),
            bodies=3,
            dims=3,
        ),
    )
}


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the cases and print their table."""
    options = common.arguments(__doc__)
    options.add_argument("--seeds", default="0", help="separated by commas")
    options.add_argument("--laws", default=",".join(CASES), help="separated by commas")
    given = options.parse_args(argv)
    names = ["quartic"] if given.quick else given.laws.split(",")
    runs = common.kept(given.json, "runs")
    for seed in [int(seed) for seed in given.seeds.split(",")]:
        for name in names:
            key = f"{name}/{seed}"
            if key not in runs:
                steps = 200 if given.quick else None
                runs[key] = common.stamped(run(CASES[name], seed, steps))
                common.write(_result(given.quick, runs), given.json)
    common.show(
        ["law", "seed", "recovered", "seconds", "network", "equation", "found"],
        [
            [
                *key.rsplit("/", 1),
                "yes" if found["recovered"] else "no",
                f"{found['seconds']:.0f}",
                f"{found['errors']['neural']['held_out']:.1e}",
                f"{found['errors']['symbolic']['held_out']:.1e}",
                found["law"]["components"][0],
            ]
            for key, found in runs.items()
        ],
    )
    return _result(given.quick, runs)


def _result(quick: bool, runs: dict[str, Any]) -> dict[str, Any]:
    return {"benchmark": "other_laws"} | common.machine() | {"quick": quick, "runs": runs}


def run(case: Case, seed: int, steps: int | None = None) -> dict[str, Any]:
    """One discovery: its result object, wall seconds and whether the law is the true one.

    Args:
      case: what moves.
      seed: of the motion and of everything random.
      steps: of training, by default those of `jaxsym.discover`.
    """
    system = particles(case.law, bodies=case.bodies, dims=case.dims)
    keys = jax.random.split(jax.random.key(seed))
    mine, fresh = _motion(system, keys[0], _TRAJECTORIES), _motion(system, keys[1], _FRESH)
    begin = time.perf_counter()
    found = jaxsym.discover(mine, seed=seed, steps=steps)
    seconds = time.perf_counter() - begin
    same = recovered(found.law, simulated_truth(system), [fresh], None)
    return found.to_json() | {"seconds": seconds, "recovered": bool(same)}


def _motion(system: Any, key: jax.Array, count: int) -> Trajectories:
    data = system.simulate(key, trajectories=count, steps=_STATES)
    return jax.tree.map(np.asarray, data.thin(_KEPT_EVERY))
