"""The Sun, the planets and the Moon from JPL's ephemeris DE421 (Folkner et al. 2009).

DE421 is a numerical integration of post-Newtonian equations fitted to ranging, optical and
spacecraft observations: real data through JPL's model, with gravity's law built in. The optional
package `de421` carries its Chebyshev coefficients, in km and TDB days, in the ICRF.
"""

from __future__ import annotations

import importlib.util
import math
from functools import cache
from pathlib import Path

import numpy as np
from jaxtyping import Float
from numpy.polynomial import chebyshev

from jaxsym._check import require
from jaxsym.trajectories import Trajectories, trajectories

BODIES = (
    "Sun",
    "Mercury",
    "Venus",
    "Earth",
    "Moon",
    "Mars",
    "Jupiter",
    "Saturn",
    "Uranus",
    "Neptune",
)
DAYS_IN_YEAR = 365.25
J1980 = 2_444_239.5  # 1980 January 1, 0h


def solar_system(
    years: float = 30.0, every_days: float = 2.5, start: float = J1980
) -> Trajectories:
    """Barycentric motion of the Sun, the eight planets and the Moon.

    Velocities and accelerations are the derivatives of the ephemeris' own polynomials, in float64.
    The masses are not in it, as observation does not give them: see `solar_system_gm`.

    Args:
      years: how long, in Julian years.
      every_days: time between the states.
      start: the first time, as a Julian date (TDB); 1980 January 1 by default. DE421 covers 1900 to
        2200.

    Returns:
      One trajectory in AU, AU/yr and AU/yr^2, ICRF axes, with the time in years since ``start``.

    Raises:
      ModuleNotFoundError: the package `de421` is not installed.
      ValueError: a time that is not positive, or outside of the ephemeris.

    >>> data = solar_system(years=1)
    >>> data.position.shape, data.names[3]
    ((1, 147, 10, 3), 'Earth')
    """
    for name, value in (("years", years), ("every_days", every_days)):
        require(value > 0 and math.isfinite(value), f"{name} is {value}; expected more than 0")
    constants = _constants()
    first, last = constants["jalpha"], constants["jomega"]
    require(
        first <= start and start + years * DAYS_IN_YEAR <= last,
        f"start is {start} and years is {years}; expected times within DE421, which covers the "
        f"Julian dates {first} to {last}",
    )
    days = np.arange(0.0, years * DAYS_IN_YEAR + 1e-9, every_days)
    units = [DAYS_IN_YEAR**order / constants["AU"] for order in range(3)]
    x, v, a = (
        np.stack([_body(name, start + days, order) for name in BODIES], axis=1) * unit
        for order, unit in enumerate(units)
    )
    return trajectories(
        x,
        velocity=v,
        acceleration=a,
        time=days / DAYS_IN_YEAR,
        names=BODIES,
        origin="JPL DE421; velocity and acceleration by its own polynomials",
    )


def solar_system_gm() -> dict[str, float]:
    """JPL's gravitational parameters GM of the bodies of `solar_system`, in AU^3/yr^2.

    Raises:
      ModuleNotFoundError: the package `de421` is not installed.

    >>> gm = solar_system_gm()
    >>> f"{gm['Sun']:.4f} {gm['Sun'] / gm['Jupiter']:.2f}"
    '39.4769 1047.35'
    """
    constants = _constants()
    both, ratio = constants["GMB"], constants["EMRAT"]  # Earth and Moon, Earth over Moon
    numbers = {"Mercury": 1, "Venus": 2, "Mars": 4, "Jupiter": 5, "Saturn": 6}
    numbers |= {"Uranus": 7, "Neptune": 8}
    gm = {name: constants[f"GM{number}"] for name, number in numbers.items()}
    gm |= {"Sun": constants["GMS"], "Earth": both * ratio / (1 + ratio), "Moon": both / (1 + ratio)}
    return {name: gm[name] * DAYS_IN_YEAR**2 for name in BODIES}


def _body(name: str, dates: np.ndarray, order: int) -> Float[np.ndarray, "T 3"]:
    """Barycentric; the ephemeris holds the Earth-Moon barycenter and the geocentric Moon."""
    if name not in ("Earth", "Moon"):
        return _series(name.lower(), dates, order)
    moon, ratio = _series("moon", dates, order), _constants()["EMRAT"]
    share = -1 / (1 + ratio) if name == "Earth" else ratio / (1 + ratio)
    return _series("earthmoon", dates, order) + share * moon


def _series(name: str, dates: np.ndarray, order: int) -> Float[np.ndarray, "T 3"]:
    """A derivative of a Chebyshev series in pieces of equal length, km/day^order."""
    first, last = _constants()["jalpha"], _constants()["jomega"]
    pieces = _read(f"jpl-{name}.npy")
    length = (last - first) / len(pieces)
    piece = np.minimum(((dates - first) // length).astype(int), len(pieces) - 1)
    where = 2 * ((dates - first) - piece * length) / length - 1
    coefficients = chebyshev.chebder(pieces[piece], m=order, axis=-1) * (2 / length) ** order
    return np.einsum(
        "tk,tdk->td", chebyshev.chebvander(where, coefficients.shape[-1] - 1), coefficients
    )


@cache
def _constants() -> dict[str, float]:
    return {name.decode(): float(value) for name, value in _read("constants.npy")}


def _read(file: str) -> np.ndarray:
    package = importlib.util.find_spec("de421")
    if package is None or package.origin is None:
        raise ModuleNotFoundError(
            "the solar system needs JPL's ephemeris in the package `de421`, which is not "
            'installed; try: pip install "jaxsym[ephemeris]"',
            name="de421",
        )
    return np.load(Path(package.origin).parent / file, allow_pickle=False)
