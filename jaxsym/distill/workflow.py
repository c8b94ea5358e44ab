"""From trajectories to a law, in one call."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import numpy as np
from jaxtyping import ArrayLike

from jaxsym._check import require
from jaxsym._settings import implicit_broadcasting
from jaxsym._views import attempt
from jaxsym.distill.agreement import MessageR2, message_r2
from jaxsym.distill.discovery import Discovery
from jaxsym.distill.finding import find_law
from jaxsym.distill.gauge import heaviest_is_one, unit_strength
from jaxsym.distill.learning import Learned, check_model, learn
from jaxsym.distill.measured.workflow import discover_measured
from jaxsym.distill.network_errors import neural_errors
from jaxsym.distill.pair_forces import PairForces, extract_pair_forces
from jaxsym.distill.phases import Run
from jaxsym.distill.refitting import Refit, refit
from jaxsym.distill.selection import RefitData, Selector, rounded
from jaxsym.distill.tasks import Task, task_for
from jaxsym.distill.terms.completeness import completeness
from jaxsym.distill.terms.symmetries import symmetries_of
from jaxsym.distill.terms.workflow import discover_terms
from jaxsym.distill.verdict import (
    Errors,
    pair_samples,
    recovered,
    symbolic_accelerations,
    symbolic_errors,
)
from jaxsym.distill.weak_learning import tracks_of
from jaxsym.graphs import Bodies, record_messages
from jaxsym.laws.exponents import power_of_distance, with_free_exponent
from jaxsym.laws.pairs import VARIABLES, pair_inputs
from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.laws.simplification import with_signs
from jaxsym.laws.units import NaturalUnits, in_units, natural_units
from jaxsym.progress import PhaseProgress
from jaxsym.terms import kinds
from jaxsym.training import interrupt_flag
from jaxsym.trajectories import Trajectories

_EDGES_READ = 5000
_TRAINING_SHARE = 0.5  # of a time limit


@implicit_broadcasting()
def discover(
    source: str | Path | Trajectories,
    *,
    bodies: int = 4,
    dims: int = 2,
    model: str = "auto",
    seed: int = 0,
    steps: int | None = None,
    time_limit: float | None = None,
    sigma: ArrayLike | None = None,
    box: float | None = None,
    terms: str | Sequence[str] | None = None,
    order: int | None = None,
    callback: Callable[[PhaseProgress], None] | None = None,
) -> Discovery:
    """Find the force law in motion, and test it.

    Where accelerations are given, or simulated, a graph network is trained on the motion, its force
    law read, put back in its place and fitted to the accelerations. Where positions alone were
    measured, the forces are read by weak forms, and the law is fitted to the trajectories
    themselves, with unknown masses, which gives standard errors (`Discovery.uncertainty`); a
    ``model`` that is named is trained all the same, on weak forms of the positions.

    Args:
      source: "solar-system", a law of `jaxsym.simulate.LAWS`, a file of trajectories (see
        `jaxsym.datasets.load`), or trajectories.
      bodies: N of a simulated law.
      dims: D of a simulated law, 2 or 3.
      model: see `jaxsym.distill.learning`.
      seed: of everything random. With the same seed and steps, and no time limit, the outcome is
        the same.
      steps: of training.
      time_limit: seconds for the whole; the best so far is returned when they are over.
      sigma: standard errors of measured positions, one number or one for each body; by default
        those of the file, or estimated.
      box: length of a periodic box, in which measured positions jump at the edges.
      terms: names of kinds of terms that may occur (`jaxsym.terms`), or one text with commas
        between them; all by default.
      order: 2 if terms add up to accelerations, 1 if to velocities; the data choose by default.
      callback: told of progress. The first Ctrl-C ends a phase early and the work goes on with
        what there is; a second one raises, and so does one before there is a trained network.
    Raises:
      ValueError: steps or a time limit that are not positive; positions that jump, or whose noise
        is larger than the motion; unknown terms; and see `jaxsym.distill.task_for` and
        `jaxsym.distill.learning`.
    """
    check_model(model)
    require(steps is None or steps >= 1, f"steps is {steps}; expected at least 1")
    require(
        time_limit is None or time_limit > 0,
        f"time_limit is {time_limit}; expected a positive number of seconds",
    )
    require(order in (None, 1, 2), f"order is {order}; expected 1 or 2")
    names = terms.split(",") if isinstance(terms, str) else terms
    kinds(names, 3)  # unknown names end here
    require(
        model == "auto" or (names is None and order is None),
        f"model is '{model}', and terms or an order are given, which need no network; expected one "
        "or the other",
    )
    run = Run(callback or (lambda progress: None), time_limit)
    with interrupt_flag() as interrupted:
        found = _discover(run, source, bodies, dims, model, seed, steps, sigma, box, names, order)
    return dataclasses.replace(found, interrupted=interrupted())


def _discover(
    run: Run,
    source: str | Path | Trajectories,
    bodies: int,
    dims: int,
    model: str,
    seed: int,
    steps: int | None,
    sigma: ArrayLike | None,
    box: float | None,
    names: Sequence[str] | None,
    order: int | None,
) -> Discovery:
    """The phases, one after the other."""
    key, data_key, train_key, read_key, search_key = jax.random.split(jax.random.key(seed), 5)
    with run.phase("data"):
        task = task_for(
            source, key=data_key, bodies=bodies, dims=dims, sigma=sigma, box=box,
            whole=model == "auto",
        )  # fmt: skip
    if task.train.measured is not None:
        return discover_measured(task, run, search_key, seed, order, names)
    found = None
    if model == "auto":
        found = discover_terms(task, run, search_key, seed, order, names)
        if found is not None and (found.complete or names is not None or order is not None):
            return found
    with run.phase("train"):
        units = natural_units(task.train)
        learned = learn(
            in_units(task.train, units),
            model,
            key=train_key,
            steps=steps,
            time_limit=run.share(_TRAINING_SHARE),
            callback=run.on_training,
            tracks=None if task.tracks is None else tracks_of(task.tracks, units),
        )
        if learned.interrupted and not run.trained:
            raise KeyboardInterrupt
    with run.phase("extract"):
        network = _neural(learned, task.held_out, units)
        pair_forces, r2 = _read(learned, task, units, read_key, float(np.median(network)))
    selector = find_law(
        pair_forces, learned, task, units, float(np.median(network)), run, search_key
    )
    with run.phase("verify"):
        read = _verify(task, learned, units, selector, pair_forces, r2, network, run, seed)
    return read if found is None or _is_better(read, found) else found


def _is_better(one: Discovery, other: Discovery) -> bool:
    assert one.symbolic is not None and other.symbolic is not None
    return one.symbolic.held_out <= other.symbolic.held_out


def _read(
    learned: Learned, task: Task, units: NaturalUnits, key: jax.Array, error: float
) -> tuple[PairForces, MessageR2 | None]:
    """Samples of the pair law, and the messages' agreement with the true forces."""
    sample = record_messages(
        learned.model, learned.params, learned.data, learned.edges, key=key, count=_EDGES_READ
    )
    neighbors_of_a_body = int(np.bincount(learned.edges.receivers).max())
    copies = neighbors_of_a_body if learned.name == "kl" else 1
    pair_forces = extract_pair_forces(
        learned.model, learned.params, sample, error=error, copies=copies
    )
    if task.truth is None:
        return pair_forces, None
    receiver, sender = (_in_data_units(end, units) for end in (sample.receiver, sample.sender))
    if task.truth.masses is not None:
        names = task.train.names
        assert names is not None
        mass = np.array([task.truth.masses[name] for name in names])
        receiver = receiver._replace(mass=mass[receiver.label])
        sender = sender._replace(mass=mass[sender.label])
    displacement, inputs = (np.asarray(a, np.float64) for a in pair_inputs(receiver, sender))
    force = task.truth.coefficient.evaluate(inputs, VARIABLES)[:, None] * displacement
    scalars = np.stack([receiver.mass, receiver.charge], axis=1)
    r2 = lambda: message_r2(np.asarray(sample.message), force, scalars)  # noqa: E731
    return pair_forces, attempt("the messages' agreement with the true forces", r2, None)


def _in_data_units(bodies: Bodies, units: NaturalUnits) -> Bodies:
    """The bodies of an edge as the data, and so the truth, measure them."""
    return bodies._replace(
        position=bodies.position * units.length,
        mass=bodies.mass * units.mass,
        charge=bodies.charge * units.charge,
    )


def _verify(
    task: Task,
    learned: Learned,
    units: NaturalUnits,
    selector: Selector,
    pair_forces: PairForces,
    r2: MessageR2 | None,
    network: np.ndarray,
    run: Run,
    seed: int,
) -> Discovery:
    """Tests of the best law, and everything that is told of it; what fails is left out."""
    fit = selector.best
    assert fit is not None
    best = attempt("the rounding of constants", lambda: _rounded(fit, selector), fit)
    exponent = attempt("the free exponent", lambda: _free_exponent(best, selector.problem), None)
    shorter = lambda: _shorter(_plain_charges(best.law, pair_forces))  # noqa: E731
    shown = attempt("the shorter form of the law", shorter, best.law)
    tests = [task.held_out] + ([task.outside] if task.outside is not None else [])
    errors = [symbolic_errors(best.law, best.log_mass, test) for test in tests]
    networks = [network] + [_neural(learned, t, units) for t in tests[1:]]
    masses = None if best.log_mass is None else np.exp(best.log_mass)
    whole = lambda: completeness(  # noqa: E731
        symbolic_accelerations(best.law, best.log_mass, task.held_out), task.held_out
    )
    inputs = pair_samples(task.train, masses)[1]
    return Discovery(
        task=task,
        model=learned.name,
        law=shown,
        candidates=tuple(sorted(selector.fits, key=selector.cost)),
        masses=None if masses is None else dict(zip(_names(task), masses.tolist(), strict=True)),
        free_exponent=exponent,
        message_r2=r2,
        neural=_summary(networks),
        symbolic=_summary(errors),
        by_body=np.stack([np.median(network, axis=0), np.median(errors[0], axis=0)]),
        pair_forces=pair_forces,
        network=learned,
        recovered=attempt(
            "the comparison with the true law",
            lambda: recovered(shown, task.truth, tests, masses),
            None,
        ),
        interrupted=False,
        out_of_time=run.over(),
        seconds=run.seconds,
        seed=seed,
        compile_seconds=run.compile_seconds(),
        completeness=attempt("the share that the law explains", whole, None),
        symmetries=attempt("the symmetries", lambda: symmetries_of(shown, inputs), ()),
    )


def _rounded(fit: Refit, selector: Selector) -> Refit:
    """The law in units that fix its free gauge, with as few digits as the data let pass."""
    unit = unit_strength(fit)
    if unit is fit:
        unit = heaviest_is_one(fit, selector.problem.data, selector.problem.edges)
    return rounded(unit, selector.problem, selector.precision)


def _free_exponent(best: Refit, problem: RefitData) -> float | None:
    """The power of distance when the data alone choose it."""
    if power_of_distance(best.law) is None:
        return None
    free = refit(with_free_exponent(best.law), problem.data, problem.edges, log_mass=best.log_mass)
    return power_of_distance(free.law)


def _plain_charges(law: ParticleLaw, pair_forces: PairForces) -> ParticleLaw:
    """The law without division by charges, where these are all -1 or 1."""
    names = ("q1", "q2")
    columns = [pair_forces.inputs[:, VARIABLES.index(name)] for name in names]
    signs = [n for n, column in zip(names, columns, strict=True) if np.all(column**2 == 1.0)]
    if not signs:
        return law
    return dataclasses.replace(law, coefficient=with_signs(law.coefficient, signs))


def _shorter(law: ParticleLaw) -> ParticleLaw:
    """The law as a force or as an acceleration, whichever formula is the shorter."""
    force, acceleration = law.as_force(), law.as_acceleration()
    shorter = force.coefficient.complexity < acceleration.coefficient.complexity
    return force if shorter else acceleration


def _neural(learned: Learned, test: Trajectories, units: NaturalUnits) -> np.ndarray:
    return neural_errors(learned.model, learned.params, in_units(test, units))


def _summary(errors: list[np.ndarray]) -> Errors:
    medians = [float(np.median(error)) for error in errors]
    return Errors(medians[0], medians[1] if len(medians) > 1 else None)


def _names(task: Task) -> tuple[str, ...]:
    return task.train.names or tuple(f"body {i + 1}" for i in range(task.train.bodies))
