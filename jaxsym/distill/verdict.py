"""Does the equation still work: errors on what was never seen, and comparison with the truth."""

from __future__ import annotations

from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Float

from jaxsym._indices import spread
from jaxsym._settings import implicit_broadcasting
from jaxsym.distill.network_errors import relative_errors
from jaxsym.distill.refitting import in_double
from jaxsym.distill.tasks import Truth
from jaxsym.graphs import Bodies, predict_accelerations, snapshots, topology
from jaxsym.laws.pairs import VARIABLES, pair_inputs
from jaxsym.laws.particle_law import AXES, ParticleLaw, symbolic_network
from jaxsym.trajectories import Trajectories

TOLERANCE = 0.02  # of the law's size: within this a law counts as recovered
_NEGLIGIBLE = 0.01  # of the usual size of the law: deviations count against at least this


class Errors(NamedTuple):
    """Median relative error of the acceleration, over snapshots and bodies.

    Attributes:
      held_out: on more of the same.
      out_of_distribution: on motion unlike the training's; None where there is none.
    """

    held_out: float
    out_of_distribution: float | None


@implicit_broadcasting()
def symbolic_accelerations(
    law: ParticleLaw, log_mass: Float[np.ndarray, " N"] | None, trajectories: Trajectories
) -> Float[np.ndarray, "S N D"]:
    """The law's acceleration of each body in each snapshot, in float64."""
    data = snapshots(trajectories)
    with jax.enable_x64(True):
        masses = 0 if log_mass is None else len(log_mass)
        apply, params = symbolic_network(law, masses=masses)
        if log_mass is not None:
            params["log_mass"] = np.asarray(log_mass, np.float64)
        directed = log_mass is None or not law.force
        edges = topology(trajectories.bodies, trajectories.pairs, directed=directed)
        return predict_accelerations(apply, params, in_double(data.bodies), edges)


def symbolic_errors(
    law: ParticleLaw, log_mass: Float[np.ndarray, " N"] | None, trajectories: Trajectories
) -> Float[np.ndarray, "S N"]:
    """Relative error of the law's acceleration of each body."""
    predicted = symbolic_accelerations(law, log_mass, trajectories)
    return relative_errors(predicted, snapshots(trajectories))


def recovered(
    law: ParticleLaw, truth: Truth | None, tests: list[Trajectories], masses: np.ndarray | None
) -> bool | None:
    """Whether the law is the true one, in form and constants; None where the truth is unknown.

    The pair law must agree with the true one within `TOLERANCE` on the pairs of the test data,
    with their distances also halved and doubled: a law of another form would drift apart. What a
    body does on its own must agree as well.

    Args:
      law: what was found.
      truth: what is known.
      tests: motion to draw pairs from.
      masses: of the bodies as found, where they were unknown.
    """
    if truth is None:
        return None
    if truth.own is None:
        return False
    return all(
        _pairs_agree(law, truth, test, masses) and _own_agrees(law, truth, test, masses)
        for test in tests
    )


def _pairs_agree(law, truth, test: Trajectories, masses) -> bool:
    inputs = pair_samples(test, masses)[1]
    stretched = []
    for factor in (0.5, 1.0, 2.0):
        table = inputs.copy()
        table[:, 0] *= factor
        stretched.append(table)
    table = np.concatenate(stretched)
    size = table[:, 0]
    true = truth.coefficient.evaluate(table, VARIABLES) / table[:, 1] * size
    found = law.as_acceleration().coefficient.evaluate(table, VARIABLES) * size
    scale = np.maximum(np.abs(true), _NEGLIGIBLE * np.median(np.abs(true)))
    return _close(found - true, scale)


def _own_agrees(law, truth, test: Trajectories, masses) -> bool:
    data = snapshots(test)
    dims = law.dims
    mass = data.bodies.mass if masses is None else masses[data.bodies.label]
    moving = [np.asarray(a, np.float64) for a in (data.bodies.position, data.bodies.velocity)]
    names = [f"{a}1" for a in AXES[:dims]] + [f"v{a}1" for a in AXES[:dims]] + ["m1", "q1"]
    table = np.concatenate([*moving, mass[..., None], data.bodies.charge[..., None]], axis=-1)
    table = table.reshape(-1, len(names))
    true = np.stack([e.evaluate(table, names) for e in truth.own], -1) / table[:, [-2]]
    own = law.own
    found = np.stack([e.evaluate(table, names) for e in own], -1) if own else np.zeros_like(true)
    usual = np.median(np.linalg.norm(data.acceleration, axis=-1))
    scale = np.maximum(np.linalg.norm(true, axis=-1), _NEGLIGIBLE * usual)
    return _close(np.linalg.norm(found - true, axis=-1), scale)


def _close(difference: np.ndarray, scale: np.ndarray) -> bool:
    """Within the tolerance at 99 of 100 places: a threshold may be off by a hair."""
    return bool(np.mean(np.abs(difference) <= TOLERANCE * scale) >= 0.99)


def pair_samples(
    trajectories: Trajectories, masses: np.ndarray | None, count: int = 4000
) -> tuple[Float[np.ndarray, "K D"], Float[np.ndarray, "K V"]]:
    """Displacements and pair inputs on edges spread evenly over the data, in float64."""
    data = snapshots(trajectories)
    edges = topology(trajectories.bodies, trajectories.pairs)
    total = len(data.acceleration) * len(edges.senders)
    chosen = spread(total, count)
    snapshot, edge = np.divmod(chosen, len(edges.senders))

    def ends(index) -> Bodies:
        body = jax.tree.map(lambda a: np.asarray(a)[snapshot, index[edge]], data.bodies)
        return body if masses is None else body._replace(mass=masses[body.label])

    with jax.enable_x64(True):
        displacement, inputs = pair_inputs(ends(edges.receivers), ends(edges.senders))
        return np.asarray(displacement, np.float64), np.asarray(inputs, np.float64)
