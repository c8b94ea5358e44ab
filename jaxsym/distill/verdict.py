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
    return law.order == truth.order and all(
        _pairs_agree(law, truth, test, masses) and _own_agrees(law, truth, test, masses)
        for test in tests
    )


def _pairs_agree(law: ParticleLaw, truth: Truth, test: Trajectories, masses) -> bool:
    ends = pair_ends(test, masses)
    stretched = [
        PairEnds(factor * ends.displacement, ends.velocity, _at(ends.inputs, factor))
        for factor in (0.5, 1.0, 2.0)
    ]
    true_law = truth.law(law.dims)
    true, found = (
        np.concatenate([_pair_vectors(one.as_acceleration(), each) for each in stretched])
        for one in (true_law, law)
    )
    size = np.linalg.norm(true, axis=-1)
    scale = np.maximum(size, _NEGLIGIBLE * np.median(size))
    return _close(np.linalg.norm(found - true, axis=-1), scale)


def _at(inputs: np.ndarray, factor: float) -> np.ndarray:
    table = inputs.copy()
    table[:, 0] *= factor
    return table


def _pair_vectors(law: ParticleLaw, ends: PairEnds) -> Float[np.ndarray, "K D"]:
    """What the second body of each pair adds to the rate of the first."""
    total = np.zeros_like(ends.displacement)
    for term in law.pair_terms:
        size = term.coefficient.evaluate(ends.inputs, VARIABLES)
        total += size[:, None] * term.kind.vector(ends.displacement, ends.velocity)
    return total


def _own_agrees(law, truth, test: Trajectories, masses) -> bool:
    data = snapshots(test)
    dims = law.dims
    mass = data.bodies.mass if masses is None else masses[data.bodies.label]
    moving = [np.asarray(a, np.float64) for a in (data.bodies.position, data.bodies.velocity)]
    names = [f"{a}1" for a in AXES[:dims]] + [f"v{a}1" for a in AXES[:dims]] + ["m1", "q1"]
    table = np.concatenate([*moving, mass[..., None], data.bodies.charge[..., None]], axis=-1)
    table = table.reshape(-1, len(names))
    per_mass = table[:, [-2]] if law.order == 2 else 1.0
    given = np.stack([e.evaluate(table, names) for e in truth.own], -1) / per_mass
    further = truth.law(dims).own
    true = given + (np.stack([e.evaluate(table, names) for e in further], -1) if further else 0.0)
    own = law.own
    found = np.stack([e.evaluate(table, names) for e in own], -1) if own else np.zeros_like(true)
    rate = data.bodies.velocity if law.order == 1 else data.acceleration
    usual = np.median(np.linalg.norm(rate, axis=-1))
    scale = np.maximum(np.linalg.norm(true, axis=-1), _NEGLIGIBLE * usual)
    return _close(np.linalg.norm(found - true, axis=-1), scale)


def _close(difference: np.ndarray, scale: np.ndarray) -> bool:
    """Within the tolerance at 99 of 100 places: a threshold may be off by a hair."""
    return bool(np.mean(np.abs(difference) <= TOLERANCE * scale) >= 0.99)


class PairEnds(NamedTuple):
    """Pairs of bodies: K samples.

    Attributes:
      displacement: from the first to the second.
      velocity: of the second less that of the first.
      inputs: columns of `VARIABLES`.
    """

    displacement: Float[np.ndarray, "K D"]
    velocity: Float[np.ndarray, "K D"]
    inputs: Float[np.ndarray, "K V"]


def pair_samples(
    trajectories: Trajectories, masses: np.ndarray | None, count: int = 4000
) -> tuple[Float[np.ndarray, "K D"], Float[np.ndarray, "K V"]]:
    """Displacements and pair inputs on edges spread evenly over the data, in float64."""
    ends = pair_ends(trajectories, masses, count)
    return ends.displacement, ends.inputs


def pair_ends(trajectories: Trajectories, masses: np.ndarray | None, count: int = 4000) -> PairEnds:
    """The same with relative velocities."""
    data = snapshots(trajectories)
    edges = topology(trajectories.bodies, trajectories.pairs)
    total = len(data.acceleration) * len(edges.senders)
    chosen = spread(total, count)
    snapshot, edge = np.divmod(chosen, len(edges.senders))

    def ends(index) -> Bodies:
        body = jax.tree.map(lambda a: np.asarray(a)[snapshot, index[edge]], data.bodies)
        return body if masses is None else body._replace(mass=masses[body.label])

    with jax.enable_x64(True):
        receiver, sender = ends(edges.receivers), ends(edges.senders)
        displacement, inputs = pair_inputs(receiver, sender)
        relative = np.asarray(sender.velocity, np.float64) - receiver.velocity
        return PairEnds(
            np.asarray(displacement, np.float64), relative, np.asarray(inputs, np.float64)
        )
