"""Laws of further kinds: across the line, between velocities, in outer fields, of first order.

Point vortices: Helmholtz 1858, in the form of Kirchhoff 1876; flocks: Cucker and Smale 2007 (IEEE
Trans. Automat. Control 52, 852); screened, non-reciprocal pulls of dust in a plasma: as in Yu et
al. 2025 (arXiv 2310.05273), without their wakes.
"""

from __future__ import annotations

import math

import jax
import jax.numpy as jnp

from jaxsym.simulate.laws import (
    CENTRAL_LAWS,
    Law,
    LawTerm,
    State,
    Truth,
    charged_state,
    random_state,
)

_STILL = ("0", "0", "0")
_SPRING = "2*{stiffness}*(r - {length})/r"


def _nothing(r, mass_i, mass_j, charge_i, charge_j):
    return 0.0 * r


def _spring(r, mass_i, mass_j, charge_i, charge_j, *, stiffness=1.0, length=1.0):
    return stiffness * (r - length) ** 2


def _soft_charge(r, mass_i, mass_j, charge_i, charge_j, *, strength=1.0, softening=0.3):
    return strength * charge_i * charge_j / (r + softening)


_SOFT_CHARGE = "-{strength}*q1*q2/((r + {softening})**2*r)"


def _across(r, mass_1, mass_2, charge_1, charge_2, *, turning=0.5):
    return turning / r**2


def _viscous(r, mass_1, mass_2, charge_1, charge_2, *, viscosity=0.4):
    return viscosity + 0.0 * r


def _flock(r, mass_1, mass_2, charge_1, charge_2, *, strength=1.0, reach=1.0):
    return strength / (1.0 + (r / reach) ** 2)


def _vortex(r, mass_1, mass_2, charge_1, charge_2, *, strength=1.0):
    return -strength * charge_2 / (2.0 * jnp.pi * r**2)


def _screened(r, mass_1, mass_2, charge_1, charge_2, *, strength=1.0, screening=1.0):
    decay = jnp.exp(-r / screening)
    return -strength * charge_1 * charge_2 * decay * (1.0 / r + 1.0 / screening) / r**2


_SCREENED = "-{strength}*q1*q2*exp(-r/{screening})*(1/r + 1/{screening})/r**2"


def _sender(r, mass_1, mass_2, charge_1, charge_2, *, strength=1.0, softening=0.3):
    return strength * mass_2**2 / ((r + softening) * r)


def _field(mass, charge, *, field=1.3):
    return field * charge


def _trap(mass, charge, *, trap=0.8):
    return -trap + 0.0 * mass


def _braked(mass, charge, *, drag=0.2):
    return -drag + 0.0 * mass


def spread_state(key: jax.Array, trajectories: int, bodies: int, dims: int) -> State:
    """Unlike charges, and places on a grid about two units apart, moved by half a unit.

    For laws without softening, in which bodies that start near to each other would be thrown out.
    """
    place, other = jax.random.split(key)
    state = random_state(other, trajectories, bodies, dims)
    side = math.ceil(bodies ** (1 / dims) - 1e-9)
    grid = jnp.stack(jnp.meshgrid(*[jnp.arange(side) * 2.0] * dims, indexing="ij"), axis=-1)
    grid = grid.reshape(-1, dims)[:bodies] - (side - 1.0)
    moved = jax.random.uniform(place, state.position.shape, minval=-0.5, maxval=0.5)
    size = 0.5 + jnp.abs(state.charge)
    return state._replace(position=grid + moved, charge=jnp.sign(state.charge) * size)


def alike_state(key: jax.Array, trajectories: int, bodies: int, dims: int) -> State:
    """As `spread_state`, with charges of one sign."""
    state = spread_state(key, trajectories, bodies, dims)
    return state._replace(charge=jnp.abs(state.charge))


LAWS: dict[str, Law] = CENTRAL_LAWS | {
    law.name: law
    for law in (
        Law(
            # a pull along the line and one across it
            "swirl",
            _spring,
            terms=(LawTerm("across", _across),),
            conservative=False,
            dt=0.05,
            truth=Truth(_SPRING, _STILL, (("across", "{turning}/r**2"),)),
        ),
        Law(
            "viscous",
            _spring,
            terms=(LawTerm("relative velocity", _viscous),),
            conservative=False,
            dt=0.05,
            truth=Truth(_SPRING, _STILL, (("relative velocity", "{viscosity}"),)),
        ),
        Law(
            "flock",
            _nothing,
            terms=(LawTerm("relative velocity", _flock),),
            conservative=False,
            dt=0.05,
            truth=Truth("0", _STILL, (("relative velocity", "{strength}/(1 + (r/{reach})**2)"),)),
        ),
        Law(
            # charges in a magnetic field along z
            "magnetic",
            _soft_charge,
            terms=(LawTerm("magnetic", _field),),
            dt=0.05,
            initial=charged_state,
            truth=Truth(_SOFT_CHARGE, _STILL, (("magnetic", "{field}*q1"),)),
        ),
        Law(
            "trapped",
            _soft_charge,
            terms=(LawTerm("trap", _trap),),
            conservative=False,
            dt=0.05,
            initial=charged_state,
            truth=Truth(_SOFT_CHARGE, _STILL, (("trap", "-{trap}"),)),
        ),
        Law(
            # body 2 pulls with the square of its mass, whatever body 1 is
            "sender",
            _nothing,
            terms=(LawTerm("central", _sender),),
            conservative=False,
            dt=0.02,
            truth=Truth("{strength}*m2**2/((r + {softening})*r)"),
        ),
        Law(
            "braked",
            _spring,
            terms=(LawTerm("quadratic drag", _braked),),
            conservative=False,
            dt=0.05,
            truth=Truth(_SPRING, _STILL, (("quadratic drag", "-{drag}"),)),
        ),
        Law(
            # dust in a plasma, whose charges and masses differ, confined
            "dust",
            _nothing,
            terms=(LawTerm("central", _screened), LawTerm("trap", _trap)),
            conservative=False,
            dt=0.05,
            initial=alike_state,
            truth=Truth(_SCREENED, _STILL, (("trap", "-{trap}"),)),
        ),
        Law(
            "vortices",
            _nothing,
            terms=(LawTerm("across", _vortex),),
            order=1,
            conservative=False,
            dt=0.1,
            initial=spread_state,
            truth=Truth("0", _STILL, (("across", "-{strength}*q2/(2*pi*r**2)"),)),
        ),
        Law(
            # overdamped charged colloids, screened, in a trap
            "colloids",
            _nothing,
            terms=(LawTerm("central", _screened), LawTerm("trap", _trap)),
            order=1,
            conservative=False,
            dt=0.02,
            initial=alike_state,
            truth=Truth(_SCREENED, _STILL, (("trap", "-{trap}"),)),
        ),
    )
}
