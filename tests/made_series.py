"""Series of known systems for the tests of equations of motion."""

from __future__ import annotations

from scipy.integrate import solve_ivp


def motion(rates, start, time):
    """The states ``[T, M]`` at the times, to twelve digits."""
    span = (0.0, time[-1])
    found = solve_ivp(rates, span, start, t_eval=time, method="DOP853", rtol=1e-12, atol=1e-13)
    return found.y.T


def predator_and_prey(t, x):
    return [1.3 * x[0] - 0.7 * x[0] * x[1], 0.4 * x[0] * x[1] - 0.9 * x[1]]
