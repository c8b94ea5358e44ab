"""Mechanical systems of textbooks, whose Lagrangians are to be found from clean torques."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.syrenets.exact import exact
from jaxsym.expr import parse
from jaxsym.simulate import MechanicalSystem


class Textbook(NamedTuple):
    """A system, and between which ends its coordinates, velocities and accelerations lie.

    Attributes:
      system: what moves.
      low, high: for each coordinate.
    """

    system: MechanicalSystem
    low: tuple[float, ...]
    high: tuple[float, ...]


def _system(formula: str, coordinates: int, gains: Sequence[float] = (), **values: float):
    return MechanicalSystem("", parse(formula), coordinates, values, gains=gains)


_TWO_LINKS = (
    "(I1 + m1*c1**2 + I2 + m2*(l1**2 + c2**2))*qd1**2/2 + m2*l1*c2*cos(q2)*qd1**2"
    " + (I2 + m2*c2**2)*(qd1*qd2 + qd2**2/2) + m2*l1*c2*cos(q2)*qd1*qd2"
    " + (m1*c1 + m2*l1)*g*cos(q1) + m2*c2*g*cos(q1 + q2)"
)
_ARM_ON_A_CART = (
    "(M + m1 + m2)*qd1**2/2 + (m1/3 + m2)*l1**2*qd2**2/2 + m2*l2**2*(qd2 + qd3)**2/6"
    " + (m1/2 + m2)*l1*qd1*qd2*cos(q2) + m2*l2*qd1*(qd2 + qd3)*cos(q2 + q3)/2"
    " + m2*l1*l2*qd2*(qd2 + qd3)*cos(q3)/2"
    " - (m1/2 + m2)*g*l1*sin(q2) - m2*g*l2*sin(q2 + q3)/2"
)
_RIGHT = 1.5

TEXTBOOK = {
    # r along the beam, its angle; a ball that rolls without slipping
    "ball on a beam": Textbook(
        _system(
            "7*m*qd1**2/10 + (m*q1**2 + J)*qd2**2/2 - m*g*q1*sin(q2)", 2, m=0.11, J=0.02, g=9.81
        ),
        (-0.5, -1.0),
        (0.5, 1.0),
    ),
    # Berg and Marshall 1991: height and twist of a spring
    "Wilberforce pendulum": Textbook(
        _system(
            "m*qd1**2/2 + I*qd2**2/2 - k*q1**2/2 - d*q2**2/2 - e*q1*q2/2",
            2,
            m=0.4905,
            I=1.39e-4,
            k=2.8,
            d=7.86e-4,
            e=9.27e-3,
        ),
        (-_RIGHT, -_RIGHT),
        (_RIGHT, _RIGHT),
    ),
    # Spong 1995: two links, a motor at the elbow alone
    "Acrobot": Textbook(
        _system(
            _TWO_LINKS,
            2,
            (0.0, 1.0),
            m1=1.0,
            m2=1.0,
            l1=1.0,
            c1=0.5,
            c2=0.5,
            I1=0.083,
            I2=0.083,
            g=9.81,
        ),
        (-3.0, -3.0),
        (3.0, 3.0),
    ),
    # Tufillaro, Abbott and Griffiths 1984: length and angle of the swinging mass
    "swinging Atwood machine": Textbook(
        _system(
            "(M + m)*qd1**2/2 + m*q1**2*qd2**2/2 - M*g*q1 + m*g*q1*cos(q2)", 2, M=3.0, m=1.0, g=9.81
        ),
        (0.5, -_RIGHT),
        (2.0, _RIGHT),
    ),
    "planar arm on a cart": Textbook(
        _system(_ARM_ON_A_CART, 3, M=2.0, m1=1.0, m2=0.7, l1=0.8, l2=0.5, g=9.81),
        (-_RIGHT,) * 3,
        (_RIGHT,) * 3,
    ),
}


def textbook(seeds: int, states: int) -> dict[str, Any]:
    """How often each is exact, by the direct route and by the default one."""
    return {
        name: {
            route: exact(one.system, route, range(seeds), states=states, ends=(one.low, one.high))
            for route in ("direct", "auto")
        }
        for name, one in TEXTBOOK.items()
    }
