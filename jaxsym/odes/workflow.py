"""`discover_ode`: from measured series to equations of motion, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from jaxsym._check import listed, require
from jaxsym._settings import implicit_broadcasting
from jaxsym.expr import Expression, literal, variable
from jaxsym.odes.budget import Budget, Callback
from jaxsym.odes.discovery import Found, OdeDiscovery, SystemOfFront
from jaxsym.odes.forms.candidates import Candidate
from jaxsym.odes.forms.equations import Targets, candidates
from jaxsym.odes.forms.rows import general_jacobians, sample_points, variable_names, weak_system
from jaxsym.odes.maps import found_map
from jaxsym.odes.measured.reading import check_choice, time_series
from jaxsym.odes.measured.series import TIME, TimeSeries
from jaxsym.odes.measured.states import States, renewed_noise, sample_noise, smoothed
from jaxsym.odes.systems.constants import stated, without_zeros
from jaxsym.odes.systems.fitting import (
    EXPLAINED,
    Problem,
    SystemFit,
    fit_system,
    make_problem,
    with_less_noise,
    with_noise,
)
from jaxsym.odes.systems.selection import choose_system, complexity, front_of_systems
from jaxsym.odes.systems.verdict import motion_errors

_FITTING_SHARE = 0.8  # of a time limit, after which no further system is tried
_NOISE_ROUNDS = 3  # in which the noise is estimated anew by what the equations leave
_SAME_NOISE = 0.02  # of chi squared per degree of freedom beside 1
_FAR_LESS = 0.1  # chi squared per degree of freedom of data that are exact, or nearly


def discover_ode(
    time: Any,
    states: Any,
    *,
    names: Sequence[str] | None = None,
    inputs: Any = None,
    sigma: Any = None,
    kind: str = "ode",
    order: int = 1,
    depends_on_time: bool = False,
    time_limit: float | None = None,
    seed: int = 0,
    callback: Callback | None = None,
) -> OdeDiscovery:
    """Find the equations of motion that measured series obey.

    Args:
      time: ``[T]``, or a list of ``[T_r]`` for R trajectories; unevenly spaced as may be.
      states: ``[T, M]``, ``[R, T, M]``, a data frame, or a list of these; NaN where nothing was
        measured.
      names: of the states.
      inputs: known functions of time at the same times, by name; straight lines between them.
      sigma: standard errors of the states: a number, ``[M]`` or ``[T, M]``; estimated otherwise.
      kind: "ode" for ``x' = f(x)``, "map" for ``x[n+1] = f(x[n])``.
      order: 2 for ``x'' = f(x, x')``; the velocity of x is called ``x_dot``.
      depends_on_time: whether time ``t`` itself may stand in the equations.
      time_limit: seconds for the whole; the best found by then is the result.
      seed: of the search.
      callback: is told of progress. An exception that it raises ends a search with what there is,
        and is passed on from other phases.

    Returns:
      equations, constants with standard errors, errors of the motion, and a front of systems.

    Raises:
      ValueError: what `jaxsym.odes.time_series` refuses, and arguments that are out of range.

    >>> time = np.linspace(0.0, 6.0, 60)
    >>> found = discover_ode(time, np.exp(-0.7 * time) + 1.0, names=["x"])
    >>> found.equations["x"].rounded(6)
    Expression(0.7 - 0.7*x)
    """
    data = time_series(time, states, names=names, inputs=inputs, sigma=sigma)
    return discover_series(
        data,
        kind=kind,
        order=order,
        depends_on_time=depends_on_time,
        time_limit=time_limit,
        seed=seed,
        callback=callback,
    )


def discover_series(
    whole: TimeSeries,
    *,
    kind: str = "ode",
    order: int = 1,
    depends_on_time: bool = False,
    time_limit: float | None = None,
    seed: int = 0,
    callback: Callback | None = None,
) -> OdeDiscovery:
    """`discover_ode` from series that `time_series` or `read_series` has checked."""
    budget = Budget(time_limit, callback)
    check_choice("kind", kind, ("ode", "map"))
    require(order in (1, 2), f"order is {order}; expected 1 or 2")
    require(kind == "ode" or order == 1, "order is 2 and kind is 'map'; expected order 1 for maps")
    require(
        time_limit is None or time_limit > 0,
        f"time_limit is {time_limit}; expected a positive number of seconds, or None",
    )
    data, still = _moving(whole)
    with implicit_broadcasting():
        run = found_map if kind == "map" else _found_ode
        found = run(data, order, _allowed(data, order, depends_on_time), budget, seed)
    return _discovery(found, whole, still, kind, order, budget, seed)


def _moving(whole: TimeSeries) -> tuple[TimeSeries, list[str]]:
    """The states that change; the others are inputs, if they differ between trajectories."""
    each = [whole.only(run).constant for run in range(whole.runs)]
    fixed = np.all(each, axis=0)
    still = [name for name, is_fixed in zip(whole.names, fixed, strict=True) if is_fixed]
    require(
        not fixed.all(),
        f"no state changes, so that every derivative is zero: {listed(still)}; expected at least "
        "one that does",
    )
    extra = np.flatnonzero(fixed & ~whole.constant)
    usual = [np.nanmean(v, axis=0) for v in whole.values]
    known = [
        np.hstack([u, np.tile(mean[extra], (len(u), 1))])
        for u, mean in zip(whole.inputs, usual, strict=True)
    ]
    data = whole._replace(
        names=tuple(n for n in whole.names if n not in still),
        input_names=(*whole.input_names, *(whole.names[m] for m in extra)),
        values=[v[:, ~fixed] for v in whole.values],
        inputs=known,
        sigma=None if whole.sigma is None else [s[:, ~fixed] for s in whole.sigma],
    )
    return data, still


def _allowed(data: TimeSeries, order: int, depends_on_time: bool) -> tuple[str, ...]:
    names = variable_names(data, order)
    return tuple(name for name in names if name != TIME or depends_on_time)


def _found_ode(
    data: TimeSeries, order: int, allowed: tuple[str, ...], budget: Budget, seed: int
) -> Found:
    budget.tell("data", 0.0, f"{data.runs} trajectories of {listed(data.names)}")
    sigma = sample_noise(data)
    states = smoothed(data, sigma)
    targets = _targets(data, sigma, states, order, allowed)
    fronts = candidates(targets, budget, seed)
    problem = make_problem(data, sigma, states, order)
    chosen = _chosen(problem, fronts, targets, budget)
    best, problem = _with_own_noise(_simplified(chosen[0], problem), problem)
    budget.tell("verify", 0.0, "prediction of what is held out")
    errors = motion_errors(best, problem)
    return Found(
        stated(best, data.names),
        chosen[0].fit.chi2_per_dof if data.sigma is None else best.fit.chi2_per_dof,
        np.sqrt(
            np.nanmean(np.where(problem.observed.present, best.fit.sigma, np.nan) ** 2, (0, 1))
        ),
        errors,
        best.fit.states[:, 0],
        _front(chosen, data.names),
        _notes(best),
    )


def _targets(data, sigma, states: list[States], order: int, allowed) -> Targets:
    points = sample_points(data, states, order)
    rates = np.concatenate([s.rates[order - 1] for s in states])
    errors = np.concatenate([s.rate_errors[order - 1] for s in states])
    slopes = general_jacobians(points, rates, errors)
    rows = weak_system(data, states, order, slopes, rates)
    usual = np.sqrt(np.mean(np.concatenate(sigma) ** 2, axis=0))
    return Targets(points, rows, rates, errors, allowed, usual / data.deviation)


def _chosen(
    problem: Problem, fronts: list[list[Candidate]], targets: Targets, budget: Budget
) -> list[SystemFit]:
    """All systems that were fitted, the best first."""

    def tell(best: SystemFit) -> None:
        text = "; ".join(map(str, best.equations))
        budget.tell("fit", 0.5, f"chi2/dof {best.fit.chi2_per_dof:.3g}: {text}")

    rows = max(len(r.target) for r in targets.rows)
    return choose_system(problem, fronts, rows, lambda: budget.over(_FITTING_SHARE), tell).tried


def _simplified(best: SystemFit, problem: Problem) -> SystemFit:
    """Without terms whose constants may as well be zero, if that shortens the description."""
    while (shorter := without_zeros(best)) is not None:
        fit = fit_system(shorter, problem)
        if fit.bits >= best.bits:
            break
        best = fit
    return best


def _with_own_noise(best: SystemFit, problem: Problem) -> tuple[SystemFit, Problem]:
    """The fit with the noise that it leaves, where that was not given and it explains the data."""
    data = problem.data
    for _ in range(_NOISE_ROUNDS):
        left = best.fit.chi2_per_dof
        if data.sigma is not None or left > EXPLAINED or abs(left - 1) < _SAME_NOISE:
            break
        if left < _FAR_LESS:
            return with_less_noise(best), problem
        shown = [p[:n] for p, n in zip(best.fit.predicted, problem.observed.lengths, strict=True)]
        problem = with_noise(problem, renewed_noise(data, shown))
        best = fit_system(best.equations, problem)
    return best, problem


def _front(tried: Sequence[SystemFit], names: Sequence[str]) -> list[SystemOfFront]:
    least = min(fit.bits for fit in tried)
    return [
        SystemOfFront(
            dict(zip(names, fit.equations, strict=True)),
            complexity(fit.equations),
            fit.fit.chi2_per_dof,
            fit.bits - least,
        )
        for fit in front_of_systems(tried)
    ]


def _notes(best: SystemFit) -> list[str]:
    notes = []
    if len(best.fit.undetermined):
        notes.append("Some constants act only together; the data do not tell them one by one.")
    if not best.fit.led.all():
        away = listed(np.flatnonzero(~best.fit.led).tolist())
        notes.append(f"No motion near the data was found for trajectories {away}.")
    return notes


def _discovery(
    found: Found,
    whole: TimeSeries,
    still: list[str],
    kind: str,
    order: int,
    budget: Budget,
    seed: int,
) -> OdeDiscovery:
    moving = [name for name in whole.names if name not in still]
    rest = {n: variable(n) if kind == "map" else literal(0) for n in still}
    equations: dict[str, Expression] = dict(zip(moving, found.stated.equations, strict=True)) | rest
    forms = dict(zip(moving, found.stated.forms, strict=True)) | {
        n: str(e) for n, e in rest.items()
    }
    noise = dict(zip(moving, found.noise.tolist(), strict=True)) | dict.fromkeys(still, 0.0)
    return OdeDiscovery(
        equations={name: equations[name] for name in whole.names},
        forms={name: forms[name] for name in whole.names},
        constants=found.stated.constants,
        uncertainty=found.stated.uncertainty,
        shared=found.stated.shared,
        chi2_per_dof=found.chi2_per_dof,
        noise={name: noise[name] for name in whole.names},
        noise_estimated=whole.sigma is None,
        errors=found.errors,
        front=tuple(found.front),
        kind=kind,
        order=order,
        data=whole,
        variables=variable_names(whole, order),
        starts=found.starts,
        notes=(*found.notes, *(f"{name} never changes within a trajectory." for name in still)),
        seconds=budget.seconds,
        seed=seed,
        interrupted=budget.interrupted,
    )
