"""What there is to discover: trajectories, split for training and tests, and the truth if known."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import ArrayLike

from jaxsym._check import require, unknown_name
from jaxsym.datasets import load, solar_system, solar_system_gm, with_sigma
from jaxsym.distill.measured.observed import unwrapped
from jaxsym.expr import Expression, literal, parse, variable
from jaxsym.laws.particle_law import ParticleLaw, Term
from jaxsym.simulate import LAWS, ParticleSystem, particles
from jaxsym.trajectories import Trajectories

_SAVED_STEPS, _KEPT_EVERY = 500, 5  # the original's trajectory length and thinning
_HELD_OUT_SHARE = 0.2
_EXTREME_SHARE = 0.05
# whose masses the weak form finds: each has functions of distance of its own, and more take minutes
_MOST_BODIES = 10


@dataclass(frozen=True)
class Truth:
    """What a discovery is compared with.

    Attributes:
      coefficient: the force on 1 by 2 is ``coefficient * d``, in ``r m1 m2 q1 q2``.
      own: force on body 1 by itself per coordinate, in ``x1 y1 z1 vx1 vy1 vz1 m1``; None where no
        function of the body's state gives it.
      masses: of the bodies by name, where the law's masses are to be found.
      further: terms of other kinds, of forces.
      order: 1 where all of these make velocities, 2 where they make forces.
    """

    coefficient: Expression
    own: tuple[Expression, ...] | None
    masses: dict[str, float] | None = None
    further: tuple[Term, ...] = ()
    order: int = 2

    def law(self, dims: int) -> ParticleLaw:
        """Its terms without what is given by coordinates."""
        law = ParticleLaw(self.coefficient, self.order == 2, dims, order=self.order)
        per_mass = variable("m1") if self.order == 2 else literal(1)
        further = tuple(
            term if term.kind.between else Term(term.name, term.coefficient / per_mass)
            for term in self.further
        )
        return dataclasses.replace(law, further=further)


@dataclass(frozen=True)
class Task:
    """Trajectories to learn from and to be tested on.

    Attributes:
      name: of the case.
      train: what the model may see.
      held_out: more of the same, never seen.
      outside: motion unlike the training's, never seen; None if there is none to be had.
      outside_is: what ``outside`` is, in words.
      truth: None where it is unknown.
      mass_meaning: what the masses found are, where masses are unknown.
      tracks: what may be seen as it was measured, where positions alone were and a network is to be
        trained on snapshots of their derivatives.
      box: length of the periodic box that positions are in.
    """

    name: str
    train: Trajectories
    held_out: Trajectories
    outside: Trajectories | None
    outside_is: str
    truth: Truth | None = None
    mass_meaning: str = "mass in units of the heaviest"
    tracks: Trajectories | None = None
    box: float | None = None


def task_for(
    source: str | Path | Trajectories,
    *,
    key: jax.Array,
    bodies: int = 4,
    dims: int = 2,
    sigma: ArrayLike | None = None,
    box: float | None = None,
    whole: bool = False,
) -> Task:
    """The task that a name, a file or trajectories stand for.

    Args:
      source: "solar-system", the name of a law in `jaxsym.simulate.LAWS`, the path of a file (see
        `jaxsym.datasets.load`), or trajectories.
      key: of the simulation, if one is run.
      bodies: N of a simulated law.
      dims: D of a simulated law.
      sigma: standard errors of measured positions.
      box: length of the periodic box that they are in.
      whole: keep trajectories of measured positions as such.
    Raises:
      ValueError: a name that is neither a law nor a file, whatever is wrong with the file, or sigma
        and a box for anything but measured positions.

    >>> task = task_for("spring", key=jax.random.key(0))  # doctest: +SKIP
    """
    if isinstance(source, Trajectories):
        task = observed_task("trajectories", _prepared(source, sigma, box), whole=whole)
        return dataclasses.replace(task, box=box)
    name = str(source)
    if name == "solar-system" or name in LAWS:
        for option, value in (("sigma", sigma), ("box", box)):
            require(value is None, f"{option} is given for '{name}'; expected measured positions")
    if name == "solar-system":
        return solar_system_task()
    if name in LAWS:
        return simulated_task(particles(name, bodies=bodies, dims=dims), key)
    if Path(name).suffix or Path(name).exists():
        task = observed_task(Path(name).name, _prepared(load(name), sigma, box), whole=whole)
        return dataclasses.replace(task, box=box)
    raise unknown_name("law or file", name, ["solar-system", *LAWS])


def _prepared(data: Trajectories, sigma: ArrayLike | None, box: float | None) -> Trajectories:
    data = data if box is None else unwrapped(data, box)
    return data if sigma is None else with_sigma(data, sigma)


def solar_system_task() -> Task:
    """The Sun, the eight planets and the Moon over thirty years; masses are not told."""
    train, held_out = solar_system().split_time(1.0 - _HELD_OUT_SHARE)
    gravity = Truth(parse("m1*m2/r**3"), (parse("0"),) * 3, solar_system_gm())
    return Task(
        "solar-system",
        train,
        held_out,
        solar_system(years=10, start=2416480.5),
        "the years 1904 to 1913",
        gravity,
        "GM in AU^3/yr^2",
    )


def simulated_task(system: ParticleSystem, key: jax.Array, *, trajectories: int = 500) -> Task:
    """Trajectories of a particle law; the outside case has twice as many bodies."""
    keys = jax.random.split(key, 3)
    crowd = particles(system.law, bodies=2 * system.bodies, dims=system.dims, **system.parameters)

    def simulate(system, key, count):
        data = system.simulate(key, trajectories=count, steps=_SAVED_STEPS)
        return jax.tree.map(np.asarray, data.thin(_KEPT_EVERY))

    return Task(
        system.law.name,
        simulate(system, keys[0], trajectories),
        simulate(system, keys[1], max(20, trajectories // 10)),
        simulate(crowd, keys[2], max(20, trajectories // 20)),
        f"{crowd.bodies} bodies instead of {system.bodies}",
        simulated_truth(system),
    )


def simulated_truth(system: ParticleSystem) -> Truth | None:
    """The law's own truth with its parameters' values."""
    truth = system.law.truth
    if truth is None:
        return None
    values = {name: float(value) for name, value in system.parameters.items()}
    own = None
    if truth.own is not None:
        own = tuple(parse(text.format(**values)) for text in truth.own[: system.dims])
    further = tuple(Term(name, parse(text.format(**values))) for name, text in truth.further)
    return Truth(parse(truth.radial.format(**values)), own, None, further, system.law.order)


def observed_task(name: str, data: Trajectories, *, whole: bool = False) -> Task:
    """Split what a user brings: whole trajectories if there are many, else the last of the times.

    The outside case is the twentieth of the training snapshots whose bodies lie farthest apart.

    Args:
      name: of the case.
      data: of the user.
      whole: keep trajectories as such, without an outside case, where positions alone were
        measured.

    Raises:
      ValueError: too few snapshots to split.
    """
    trajectories, times = data.position.shape[:2]
    require(
        trajectories * times >= 20,
        f"{name} has {trajectories} trajectories of {times} times; expected at least 20 snapshots",
    )
    if trajectories >= 5:
        cut = round((1.0 - _HELD_OUT_SHARE) * trajectories)
        rest, held_out = _trajectories(data, slice(cut)), _trajectories(data, slice(cut, None))
    else:
        rest, held_out = data.split_time(1.0 - _HELD_OUT_SHARE)
    if whole and data.measured is not None and _weak_form_serves(data):
        return Task(name, rest, held_out, None, "")
    usual, extreme = _split_extremes(rest)
    held_out = dataclasses.replace(held_out, measured=None)
    tracks = rest if rest.measured is not None else None
    outside_is = "the widest twentieth of the configurations"
    return Task(name, usual, held_out, extreme, outside_is, tracks=tracks)


def _weak_form_serves(data: Trajectories) -> bool:
    """Whether masses are known, or few enough to be found with the law."""
    return data.mass is not None or data.bodies <= _MOST_BODIES


def _trajectories(data: Trajectories, chosen: slice | np.ndarray) -> Trajectories:
    names = ("position", "velocity", "acceleration", "mass", "charge", "measured")
    given = {name: getattr(data, name) for name in names}
    picked: dict[str, Any] = jax.tree.map(lambda a: a[chosen], given)
    return dataclasses.replace(data, **picked)


def _split_extremes(data: Trajectories) -> tuple[Trajectories, Trajectories]:
    """Snapshots as trajectories of one time each, without and with the widest twentieth."""
    flat = _one_time_each(data)
    center = flat.position.mean(axis=2, keepdims=True)
    width = np.linalg.norm(flat.position - center, axis=-1).max(axis=(1, 2))
    order = np.argsort(width)
    cut = max(1, round((1.0 - _EXTREME_SHARE) * len(order)))
    return _trajectories(flat, order[:cut]), _trajectories(flat, order[cut:])


def _one_time_each(data: Trajectories) -> Trajectories:
    times = data.position.shape[1]
    flat = lambda a: np.asarray(a).reshape(-1, 1, *a.shape[2:])  # noqa: E731
    per_body = lambda a: None if a is None else np.repeat(a, times, axis=0)  # noqa: E731
    return dataclasses.replace(
        data,
        position=flat(data.position),
        velocity=flat(data.velocity),
        acceleration=flat(data.acceleration),
        time=data.time[:1],
        mass=per_body(data.mass),
        charge=per_body(data.charge),
        measured=None,
    )
