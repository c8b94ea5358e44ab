"""`lagrangian_from_positions`: from noisy positions and torques to a Lagrangian."""

from __future__ import annotations

import time as clock
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import ArrayLike, Float

from jaxsym._check import finite, numbers, require
from jaxsym._compiling import compile_clock
from jaxsym._settings import implicit_broadcasting
from jaxsym.datasets import mechanical_data
from jaxsym.expr import Expression, parse
from jaxsym.inference import estimate_noise
from jaxsym.progress import PhaseProgress
from jaxsym.syrenets.besides import Options
from jaxsym.syrenets.discovery import LagrangianDiscovery
from jaxsym.syrenets.hints import terms_hints
from jaxsym.syrenets.measured.weak import Measured
from jaxsym.syrenets.measured.weak_search import weak_search
from jaxsym.syrenets.preparation import check_free, unwrapped
from jaxsym.syrenets.workflow import recovered
from jaxsym.training import interrupt_flag

_FEWEST = 50  # samples
_LEAST_NOISE = 1e-6  # share of a coordinate's deviation: integrals are no better than that
_UNEXPLAINED = 2.0  # times the noise's variance that is left, above which there is a hint
_BLURRED = 0.05  # share of a coordinate that is unknown, above which there is a hint


@implicit_broadcasting()
def lagrangian_from_positions(
    time: Float[ArrayLike, " T"],
    q: Float[ArrayLike, "T D"],
    tau: Float[ArrayLike, "T D"],
    *,
    sigma: Float[ArrayLike, " D"] | None = None,
    tau_sigma: Float[ArrayLike, " D"] | None = None,
    friction: bool = True,
    gains: bool = False,
    library: Sequence[str | Expression] | None = None,
    time_limit: float | None = None,
    truth: Expression | None = None,
    name: str = "system",
    callback: Callable[[PhaseProgress], None] | None = None,
) -> LagrangianDiscovery:
    """Find the Lagrangian of a system from measured positions and torques of one run.

    Positions are smoothed; momenta and forces of every term are integrated against test functions
    in windows of time, so that no acceleration is taken of noisy data. Rows are whitened with the
    noise of positions, which also enters through the smoothed states, and of torques; a sparse
    regression through them gives constants with standard errors. Windows grow until noise alone is
    left, and so do the libraries (`library_stages`).

    Viscous, Coulomb's and quadratic friction are looked for; Stribeck's is not.

    Args:
      time: increasing, unevenly spaced as may be.
      q: positions; angles in radians, unwrapped where they jump by full turns.
      tau: torques or forces at the same times, or commands if gains are unknown.
      sigma, tau_sigma: standard deviations of the noise of positions and torques, one for each
        coordinate; estimated by default.
      friction, gains, library, truth, name, callback: as in `discover_lagrangian`.
      time_limit: seconds after which no larger library is tried.

    Returns:
      what was found. ``torque_mse_relative`` is the error of integrated torques over the last fifth
      of the time by constants fitted to the first four fifths; the terms were chosen by all.

    Raises:
      ValueError: shapes that disagree, values that are not finite, times that do not increase, too
        few samples, torques that are all zero, positions that obey a constraint, a singular mass
        matrix.

    >>> import jax.numpy as jnp
    >>> from jaxsym.simulate import mechanical, simulate_mechanical
    >>> pendulum, rng = mechanical("chain", links=1), np.random.default_rng(0)
    >>> def torque(time, q, qd):
    ...     return 3 * jnp.sin(2 * time)[None]
    >>> run = simulate_mechanical(pendulum, [1.0], [0.0], steps=500, dt=0.02, control=torque)
    >>> noisy = run.q + 1e-3 * rng.normal(size=run.q.shape)
    >>> found = lagrangian_from_positions(run.time, noisy, run.tau)
    >>> sorted(found.constants), found.route
    (['cos(q1)', 'qd1**2'], 'positions')
    """
    begin, compiling = clock.monotonic(), compile_clock()
    measured, told = _measured(time, q, tau, sigma, tau_sigma)
    told += _too_slow(measured)
    tell = callback or (lambda progress: None)
    tell(PhaseProgress("smooth", 1.0, f"{clock.monotonic() - begin:.1f} s"))
    terms = None if library is None else [parse(t) if isinstance(t, str) else t for t in library]
    end = np.inf if time_limit is None else begin + time_limit
    with interrupt_flag() as interrupted:

        def over() -> bool:
            return interrupted() or clock.monotonic() > end

        try:
            best = weak_search(measured, Options(friction, gains), terms, tell, over)
            best.fit.check_mass_matrix(measured.states)
        except ValueError as error:
            raise ValueError("; ".join([str(error), *told])) from None
        stopped = over()
    fit, states = best.fit, measured.states
    system, off = fit.system(name), best.held_out_error()
    found = LagrangianDiscovery(
        system,
        fit,
        off,
        "positions",
        clock.monotonic() - begin,
        0,
        recovered(system.lagrangian, truth, off),
        (*told, *_more_than_noise(best.chi2), *terms_hints(states, fit, off)),
        stopped,
        compiling(),
        best.chi2,
    )
    tell(PhaseProgress("verify", 1.0, f"{found.seconds:.1f} s"))
    return found


def _measured(
    time: ArrayLike,
    q: ArrayLike,
    tau: ArrayLike,
    sigma: ArrayLike | None,
    tau_sigma: ArrayLike | None,
) -> tuple[Measured, list[str]]:
    """What was measured, checked, with its noise and its states; and hints."""
    times = numbers("time", time).astype(np.float64).ravel()
    still = np.zeros(np.shape(np.asarray(q)))
    data = mechanical_data(q, still, still, tau)
    finite("time", times)
    require(
        len(times) == len(data.q),
        f"time has {len(times)} entries; expected {len(data.q)}, one for each row of q",
    )
    require(len(times) >= _FEWEST, f"{len(times)} samples; expected at least {_FEWEST}")
    bad = np.flatnonzero(np.diff(times) <= 0)
    if len(bad):
        raise ValueError(
            f"time does not increase from row {bad[0]} to the next: {times[bad[0]]:g}, "
            f"{times[bad[0] + 1]:g}; expected increasing times"
        )
    require(bool(np.any(data.tau != 0)), "tau is zero everywhere; expected torques that move it")
    require(
        bool(np.all(np.ptp(data.q, axis=0) > 0)),
        f"q{int(np.argmin(np.ptp(data.q, axis=0))) + 1} never moves; leave its columns out",
    )
    data, told = unwrapped(data)
    noises = [
        _noise(name, times, values, given)
        for name, values, given in (
            ("sigma", data.q, sigma),
            ("tau_sigma", data.tau, tau_sigma),
        )
    ]
    measured = Measured.of(times, data.q, data.tau, noises[0], noises[1])
    check_free(measured.states)
    return measured, told


def _noise(
    name: str, time: np.ndarray, values: np.ndarray, given: ArrayLike | None
) -> Float[np.ndarray, " D"]:
    """Standard deviations, given or by what local polynomials leave."""
    dims = values.shape[1]
    if given is None:
        sigma = estimate_noise(time, values, groups=np.arange(dims)).sigma
    else:
        sigma = np.broadcast_to(numbers(name, given).astype(np.float64), dims)
        require(
            bool(np.all(sigma >= 0) and np.all(np.isfinite(sigma))),
            f"{name} is {sigma.tolist()}; expected standard deviations",
        )
    return np.maximum(sigma, _LEAST_NOISE * np.maximum(values.std(axis=0), values.std()))


def _too_slow(measured: Measured) -> list[str]:
    """Coordinates that neighboring samples hardly tell: fast motion looks like noise."""
    speeds = np.sqrt(np.mean(measured.states.qd**2, axis=0))
    blurred = np.median(measured.smoothed.error[1, :, :, 0], axis=0) / speeds
    shares = np.maximum(measured.q_sigma / measured.q.std(axis=0), blurred)
    return [
        f"q{i + 1} and its velocity are known to {100 * share:.0f} % only: samples are too far "
        "apart for the motion, which they alias, or too noisy"
        for i, share in enumerate(shares)
        if share > _BLURRED
    ]


def _more_than_noise(chi2: float) -> list[str]:
    if chi2 <= _UNEXPLAINED:
        return []
    return [
        f"what is left is {chi2:.3g} times the variance of the noise: terms are missing, or the "
        "motion is faster than its samples tell; standard errors are widened by that"
    ]
