"""From measured positions to a law: weak form, forms of its functions, trajectories, verdict."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Float

from jaxsym._check import require
from jaxsym._memory import in_words, most_numbers
from jaxsym._views import attempt
from jaxsym.distill.discovery import Discovery, constant_names
from jaxsym.distill.measured.candidates import told_apart
from jaxsym.distill.measured.constants import flat_constants
from jaxsym.distill.measured.evidence import TermProfile, TrajectoryEvidence
from jaxsym.distill.measured.finding import choose_law, indistinguishable
from jaxsym.distill.measured.held_out import HeldOut, held_out_errors
from jaxsym.distill.measured.law_motion import (
    LawFit,
    LawFitter,
    MeasuredMotion,
    measured_motion,
)
from jaxsym.distill.measured.masses import StartMasses, choose_law_and_masses, start_masses
from jaxsym.distill.measured.observed import (
    check_motion,
    in_motion_units,
    noise_of,
    to_motion_units,
)
from jaxsym.distill.measured.order import Reading, is_first_order
from jaxsym.distill.measured.restating import (
    MotionUnits,
    StatedLaw,
    by_their_pull,
    in_data_units,
    restated,
    snapped,
)
from jaxsym.distill.phases import Run
from jaxsym.distill.refitting import Refit
from jaxsym.distill.tasks import Task
from jaxsym.distill.verdict import pair_samples, recovered
from jaxsym.expr import parse
from jaxsym.inference import WeakProfiles, WeakTerm, body_pulls, weak_profiles
from jaxsym.laws.exponents import power_of_distance
from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.trajectories import Trajectories

# Tables of all coordinates by all coordinates at a time: by position and velocity at each state of
# the weak form, and as many again while segments of trajectories are eliminated.
_SLOPES_A_TIME = 16
_STATES_A_STEP = 4  # of the weak form, between samples


def discover_measured(
    task: Task,
    run: Run,
    key: jax.Array,
    seed: int,
    order: int | None = None,
    names: Sequence[str] | None = None,
) -> Discovery:
    """The law of motion of which positions alone were measured.

    Args:
      task: what was measured.
      run: whose time is taken.
      key: of a search.
      seed: which the key is of.
      order: of the equation of motion; the data choose by default.
      names: of kinds of terms that may occur; all by default.

    Raises:
      ValueError: jumps, noise larger than the motion, or no force that shows above the noise.
    """
    with run.phase("data"):
        check_size(task.train)
        sigma = noise_of(task.train)
        check_motion(task.train, sigma)
        data, units = in_motion_units(task.train)
        sigma = sigma / units.natural.length
    box = None if task.box is None else task.box / units.natural.length
    reading = Reading(sigma, box, order, names)
    profiles, fitter, fits = _chosen(data, reading, run, key)
    with run.phase("verify"):
        held_out = attempt(
            "the comparison with held-out motion",
            lambda: _held_out(task, units, fits[0], fitter),
            None,
        )
        return _discovery(task, run, units, profiles, fitter, fits, held_out, seed)


def check_size(data: Trajectories) -> None:
    """Whether slopes of the forces by all coordinates fit in memory.

    Raises:
      ValueError: they do not.
    """
    runs, times, bodies, dims = np.shape(data.position)
    most = math.isqrt(most_numbers(_SLOPES_A_TIME * runs * times)) // dims
    require(
        bodies <= most,
        f"{bodies} bodies at {runs * times:,} times have {bodies * dims} coordinates, whose fit to "
        f"measured positions needs more than {in_words()}; expected at most {most} bodies at so "
        "many times, or accelerations",
    )


def _chosen(
    data: Trajectories, reading: Reading, run: Run, key: jax.Array
) -> tuple[WeakProfiles, LawFitter, list[LawFit]]:
    """Laws fitted to the trajectories, with masses as known, unknown, or not needed."""
    alike = dataclasses.replace(data, mass=np.ones((len(data.position), data.bodies)))
    with run.phase("weak form"):
        first = reading.order != 2 and is_first_order(alike if data.mass is None else data, reading)
    reading = reading._replace(order=1 if first else 2)

    def known(data: Trajectories) -> tuple[WeakProfiles, LawFitter, list[LawFit]]:
        profiles, fitter = _read(data, reading, run)
        return profiles, fitter, choose_law(profiles, fitter, data.dims, run, key)

    if data.mass is not None:
        return known(data)
    if first or reading.names is not None:
        return known(alike)
    try:
        found = _with_unknown_masses(data, reading, run, key)
    except ValueError:  # no pull along the line between bodies: other terms may act
        return known(alike)
    _, fitter, fits = found
    if fitter.explains(fits[0]) or run.over():
        return found
    other = known(alike)
    return other if other[1].explains(other[2][0]) else found


def _read(data: Trajectories, reading: Reading, run: Run) -> tuple[WeakProfiles, LawFitter]:
    """The terms that show in the data, and what fits laws to them."""
    with run.phase("weak form"):
        mass = np.asarray(data.mass, np.float64)
        profiles = _profiles(data, mass, reading, reading.order or 2)
        motion = measured_motion(data, reading.sigma, _states(profiles), reading.box)
    return profiles, LawFitter(motion, pair_samples(data, None)[1])


def _profiles(
    data: Trajectories, mass: Float[np.ndarray, "R N"], reading: Reading, order: int, **more: Any
) -> WeakProfiles:
    known = _known(data, reading.sigma, reading.box)
    time, position = _positions(data)
    return weak_profiles(
        time, position, mass=mass, order=order, terms=reading.names, **known, **more
    )


def _with_unknown_masses(
    data: Trajectories, reading: Reading, run: Run, key: jax.Array
) -> tuple[WeakProfiles, LawFitter, list[LawFit]]:
    sigma, box = reading.sigma, reading.box
    with run.phase("weak form"):
        start = start_masses(body_pulls(*_positions(data), **_known(data, sigma, box)))

    def read(masses: StartMasses) -> WeakProfiles:
        with run.phase("weak form"):
            mass = np.tile(masses.mass, (len(data.position), 1))
            return _profiles(data, mass, reading, 2, pair_kinds=masses.kinds)

    def fitter(profiles: WeakProfiles) -> LawFitter:
        motion = measured_motion(data, sigma, _states(profiles), box)
        return LawFitter(motion, pair_samples(data, start.mass)[1])

    return choose_law_and_masses(start, read, fitter, data.dims, run, key)


def _positions(data: Trajectories) -> tuple[np.ndarray, np.ndarray]:
    assert data.measured is not None
    return np.asarray(data.time), np.asarray(data.measured.position)


def _known(
    data: Trajectories, sigma: Float[np.ndarray, "R N"], box: float | None
) -> dict[str, Any]:
    """What the weak form is told beside positions and masses."""
    return {
        "charge": None if data.charge is None else np.asarray(data.charge, np.float64),
        "pairs": data.pairs,
        "box": box,
        "sigma": np.repeat(sigma[:, :, None], data.dims, axis=2),
    }


def _states(profiles: WeakProfiles) -> Float[np.ndarray, "R T S"]:
    """Smoothed positions, and velocities if they are part of the state, at the times of samples."""
    runs = []
    for smoothed in profiles.fit.states:
        parts = smoothed.estimate[: profiles.order, ::_STATES_A_STEP]
        runs.append(np.concatenate([part.reshape(len(part), -1) for part in parts], axis=1))
    return np.stack(runs)


def _held_out(task: Task, units: MotionUnits, best: LawFit, fitter: LawFitter) -> HeldOut:
    data = to_motion_units(task.held_out, units)
    runs = len(data.position)
    assert fitter.motion.data.sigma is not None and data.measured is not None
    spread = data.measured.sigma
    if spread is None:
        per_body = np.nanmedian(_sigma_of(fitter.motion), axis=0)
        spread = np.broadcast_to(per_body, (runs, data.bodies))
    motion = measured_motion(data, np.asarray(spread), box=fitter.motion.box)
    return held_out_errors(best, fitter, motion)


def _sigma_of(motion: MeasuredMotion) -> Float[np.ndarray, "R N"]:
    """Standard errors of the coordinates; where a sample is missing there is none."""
    data = motion.data
    assert data.sigma is not None
    each = np.nanmedian(np.where(data.present, data.sigma, np.nan), axis=1)
    return each.reshape(len(each), motion.bodies, motion.dims)[..., 0]


def _discovery(
    task: Task,
    run: Run,
    units: MotionUnits,
    profiles: WeakProfiles,
    fitter: LawFitter,
    fits: list[LawFit],
    held_out: HeldOut | None,
    seed: int,
) -> Discovery:
    best = fits[0]
    inputs = pair_samples(task.train, best.masses)[1]
    stated = _stated(best, units, inputs)
    alike = [_stated(fit, units, inputs).law for fit in indistinguishable(fits, fitter)]
    tests = [task.held_out]
    names = task.train.names or tuple(f"body {i + 1}" for i in range(task.train.bodies))
    return Discovery(
        task=dataclasses.replace(task, mass_meaning=_meaning(stated, names)),
        model="none",
        law=stated.law,
        candidates=tuple(_refit(fit, units, inputs) for fit in fits),
        masses=None
        if stated.masses is None
        else dict(zip(names, stated.masses.tolist(), strict=True)),
        free_exponent=power_of_distance(stated.law),
        message_r2=None,
        neural=None,
        symbolic=None,
        by_body=None,
        pair_forces=None,
        network=None,
        recovered=attempt(
            "the comparison with the true law",
            lambda: recovered(stated.law, task.truth, tests, stated.masses),
            None,
        ),
        interrupted=False,
        out_of_time=run.over(),
        seconds=run.seconds,
        seed=seed,
        compile_seconds=run.compile_seconds(),
        trajectory=_evidence(task, units, profiles, fitter.motion, best, stated, alike, held_out),
    )


def _stated(fit: LawFit, units: MotionUnits, inputs: np.ndarray) -> StatedLaw:
    """The law in units of the data, its constants exact where they may be, its shortest form."""
    given = StatedLaw(fit.law, fit.covariance, fit.masses)
    in_data = by_their_pull(in_data_units(given, units, inputs), inputs)
    exact = in_data
    # in units of some body's mass no constant has a reason to be a round number
    if in_data.unit_body is None:
        exact = attempt("exact constants", lambda: snapped(in_data, fit.fit, inputs), in_data)
    return attempt("the shorter form of the law", lambda: _shorter(exact, inputs), exact)


def _meaning(stated: StatedLaw, names: tuple[str, ...]) -> str:
    """What the masses found are."""
    if stated.masses is None:
        return Task.mass_meaning
    if stated.unit_body is not None:
        return f"mass in units of that of {names[stated.unit_body]}"
    return "mass by what it pulls: the law's strength is 1 (GM in gravity)"


def _shorter(stated: StatedLaw, inputs: np.ndarray) -> StatedLaw:
    if stated.law.order == 1:
        return stated
    forms = [stated.law, stated.law.as_force(), stated.law.as_acceleration()]
    shortest = min(forms, key=lambda law: (law.complexity, len(flat_constants(law))))
    return stated if shortest is stated.law else restated(stated, shortest, inputs)


def _refit(fit: LawFit, units: MotionUnits, inputs: np.ndarray) -> Refit:
    stated = in_data_units(StatedLaw(fit.law, fit.covariance, fit.masses), units, inputs)
    count = len(stated.law.coefficient.constants)
    residuals = int(np.isfinite(fit.fit.residuals).sum())
    error = float(np.sqrt(fit.fit.chi2_per_dof))
    log_mass = None if fit.masses is None else np.log(np.abs(fit.masses))
    return Refit(stated.law, log_mass, error, stated.errors[:count], residuals)


def _evidence(
    task: Task,
    units: MotionUnits,
    profiles: WeakProfiles,
    motion: MeasuredMotion,
    best: LawFit,
    stated: StatedLaw,
    alike: list[ParticleLaw],
    held_out: HeldOut | None,
) -> TrajectoryEvidence:
    assert task.train.measured is not None and motion.data.sigma is not None
    fit, length = best.fit, units.natural.length
    measured = np.asarray(task.train.measured.position, np.float64)
    scale = float(np.median(fit.sigma / motion.data.sigma))
    names: dict[str, Any] = constant_names(stated.law)
    errors = stated.errors
    told: dict[str, Any] = dataclasses.asdict(_in_data_time(held_out, units))
    return TrajectoryEvidence(
        uncertainty={name: float(errors[k]) for k, name in enumerate(names)},
        mass_uncertainty=None if stated.masses is None else errors[-len(stated.masses) :],
        sigma=_sigma_of(motion) * length,
        sigma_estimated=not motion.sigma_known,
        chi2=fit.chi2 * scale**2,
        dof=fit.dof,
        indistinguishable=tuple(f"{law.quantity} = ({law.coefficient}) d" for law in alike),
        terms={term.name: term.share for term in profiles.terms},
        profile=_leading_profile(profiles, units, _mass_unit(best, stated)),
        time=np.asarray(task.train.time, np.float64),
        measured=measured,
        motion=fit.predicted.reshape(measured.shape) * length,
        residuals=fit.residuals.reshape(measured.shape) * scale,
        unfollowed=tuple(np.flatnonzero(~fit.led).tolist()),
        **told,
    )


def _mass_unit(best: LawFit, stated: StatedLaw) -> float:
    """Of the masses that were found, as they are told."""
    if best.masses is None or stated.masses is None:
        return 1.0
    return float(stated.masses.max() / best.masses.max())


def _leading_profile(
    profiles: WeakProfiles, units: MotionUnits, mass_unit: float
) -> TermProfile | None:
    """Of the pull along the line; None where there is none."""
    central = [term for term in told_apart(profiles.terms).pairs if term.vector == "central"]
    return _profile(central[0], units, mass_unit, profiles.order) if central else None


def _profile(term: WeakTerm, units: MotionUnits, mass_unit: float, order: int) -> TermProfile:
    natural = units.natural
    mass = mass_unit * natural.mass
    scale = {"m1": mass, "m2": mass, "q1": natural.charge, "q2": natural.charge}
    factor = parse(term.factor)
    values = np.array([[scale[name] for name in factor.variables]])
    unit = units.rate(order) / float(factor.evaluate(values, factor.variables)[0])
    return TermProfile(
        term.factor, term.distance * natural.length, term.size * unit, term.error * unit
    )


@dataclasses.dataclass(frozen=True)
class _Told:
    held_out_residual: float | None
    horizon: float | None
    predicted: float | None


def _in_data_time(held_out: HeldOut | None, units: MotionUnits) -> _Told:
    if held_out is None:
        return _Told(None, None, None)
    residual, *times = held_out
    return _Told(residual, *(each * units.time for each in times))
