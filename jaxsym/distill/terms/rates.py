"""Constants of laws of any terms, fitted to given rates by least squares in NumPy.

A law's rates are sums over its terms of a vector, which no constant changes, times a coefficient:
the vectors are computed once, and a step of the fit evaluates formulas on tables alone.
"""

from __future__ import annotations

import numpy as np
import scipy.optimize
from jaxtyping import Float

from jaxsym.distill.measured.constants import flat_constants, with_constants
from jaxsym.distill.refitting import Refit, error_scale
from jaxsym.expr import Expression, constant
from jaxsym.expr.fitting.errors import covariance
from jaxsym.graphs import Snapshots, Topology
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.particle_law import OWN_VARIABLES, ParticleLaw, Term
from jaxsym.terms import AXES

_STEP = 1e-6  # of differences, relative to the constants
_EVALUATIONS = 60
_FAR = 1e6  # relative residuals are cut here: forms that diverge stay finite


class RateTable:
    """Snapshots as tables on which the rates of any law can be evaluated.

    Args:
      data: snapshots, whose accelerations are the rates.
      edges: of one of them, directed.
    """

    def __init__(self, data: Snapshots, edges: Topology):
        bodies = data.bodies
        x, v, m, q = (np.asarray(a, np.float64) for a in bodies[:4])
        acted_on, acting = edges.receivers, edges.senders
        self._ends = (x[:, acting] - x[:, acted_on], v[:, acting] - v[:, acted_on])
        r = np.linalg.norm(self._ends[0], axis=-1)
        columns = (r, m[:, acted_on], m[:, acting], q[:, acted_on], q[:, acting])
        self._pairs, self._own = np.stack(columns, axis=-1), np.stack([m, q], axis=-1)
        self._onto = np.zeros((edges.nodes, len(acted_on)))
        self._onto[acted_on, np.arange(len(acted_on))] = 1.0
        self._states, self._mass = (x, v), m
        self.rate = np.asarray(data.acceleration, np.float64)
        self.scale = error_scale(data)[..., None]

    def rates(self, law: ParticleLaw) -> Float[np.ndarray, "S N D"]:
        """What a law's terms add up to."""
        total = np.zeros_like(self.rate)
        for term in law.terms:
            total += self.part(law, term, self._size(term, term.coefficient))
        return total

    def part(self, law: ParticleLaw, term: Term, size: np.ndarray) -> Float[np.ndarray, "S N D"]:
        """A term's share of the rates, from the values of its coefficient."""
        if not term.kind.between:
            return size[..., None] * term.kind.vector(*self._states)
        forces = np.einsum(
            "ne,sed->snd", self._onto, size[..., None] * term.kind.vector(*self._ends)
        )
        return forces / self._mass[..., None] if law.force else forces

    def _size(self, term: Term, coefficient: Expression) -> np.ndarray:
        table = self._pairs if term.kind.between else self._own
        names = VARIABLES if term.kind.between else OWN_VARIABLES
        values = coefficient.evaluate(table.reshape(-1, len(names)), names)
        return np.broadcast_to(values, table[..., 0].size).reshape(table.shape[:-1])

    def residuals(self, law: ParticleLaw) -> Float[np.ndarray, " n"]:
        """Relative errors of the law's rates, coordinate by coordinate."""
        with np.errstate(all="ignore"):
            off = (self.rates(law) - self.rate) / self.scale
        return np.clip(np.nan_to_num(off, nan=_FAR, posinf=_FAR, neginf=-_FAR), -_FAR, _FAR).ravel()

    def slopes(self, law: ParticleLaw) -> Float[np.ndarray, "n K"]:
        """Of the residuals by `flat_constants`; each is a constant of one term."""
        columns = []
        for term in _terms_of(law):
            constants = term.coefficient.constants
            for slot, value in enumerate(constants):
                step = _STEP * (abs(value) or 1.0)
                ends = []
                for sign in (1.0, -1.0):
                    moved = list(constants)
                    moved[slot] += sign * step
                    ends.append(self._size(term, term.coefficient.with_constants(moved)))
                with np.errstate(all="ignore"):
                    slope = self.part(law, term, (ends[0] - ends[1]) / (2 * step)) / self.scale
                columns.append(np.clip(np.nan_to_num(slope), -_FAR, _FAR).ravel())
        return np.stack(columns, axis=-1) if columns else np.zeros((self.rate.size, 0))


def _terms_of(law: ParticleLaw) -> list[Term]:
    """Terms in the order of `flat_constants`, those that are zero as well."""
    drag = [] if law.drag is None else [Term("drag", law.drag)]
    field = [
        Term(f"constant along {axis}", constant(push))
        for axis, push in zip(AXES, law.field, strict=False)
    ]
    return [Term("central", law.coefficient), *drag, *field, *law.further]


def fit_rates(
    law: ParticleLaw,
    data: Snapshots,
    edges: Topology,
    *,
    log_mass: Float[np.ndarray, " N"] | None = None,
    steps: int = _EVALUATIONS,
) -> Refit:
    """Least squares of the relative residuals of all bodies' rates, for any terms, as `refit`.

    Args:
      law: where to start.
      data: snapshots to fit, whose accelerations are the rates.
      edges: of one snapshot, directed.
      log_mass: none; masses are known here.
      steps: most evaluations.

    >>> from jaxsym.expr import parse
    >>> from jaxsym.graphs import snapshots, topology
    >>> from jaxsym.simulate import particles
    >>> import jax
    >>> swirl = particles("swirl", bodies=3, dims=2)
    >>> data = snapshots(swirl.simulate(jax.random.key(0), trajectories=4, steps=5))
    >>> across = Term("across", parse("0.1/r**2"))
    >>> start = ParticleLaw(parse("1.5*(r - 1.2)/r"), True, 2, further=(across,))
    >>> [round(c, 3) for c in flat_constants(fit_rates(start, data, topology(3)).law)]
    [2.0, 1.0, 0.5]
    """
    table = RateTable(data, edges)
    start = np.asarray(flat_constants(law), np.float64)
    scale = np.where(start == 0, 1.0, np.abs(start))
    at = lambda numbers: with_constants(law, numbers * scale)  # noqa: E731
    found = start / scale
    if len(start):
        found = scipy.optimize.least_squares(
            lambda numbers: table.residuals(at(numbers)),
            found,
            jac=lambda numbers: table.slopes(at(numbers)) * scale,
            method="lm" if table.rate.size >= len(start) else "trf",
            max_nfev=steps,
        ).x
    best = at(found)
    residuals = table.residuals(best)
    loss = float(np.mean(residuals**2))
    spread = np.zeros(len(start))
    if len(start):
        slopes = table.slopes(best)
        curvature = slopes.T @ slopes / len(slopes)
        spread = np.sqrt(np.diag(covariance(curvature, loss / len(slopes))))
    return Refit(best, None, float(np.sqrt(loss)), spread, residuals.size)


def rates_error(
    law: ParticleLaw,
    data: Snapshots,
    edges: Topology,
    log_mass: Float[np.ndarray, " N"] | None = None,
) -> float:
    """Root mean square of the relative residuals of a law as it is, as `rms_relative_error`.

    Args:
      law: the equations.
      data: snapshots.
      edges: of one, directed.
      log_mass: none; masses are known here.
    """
    return float(np.sqrt(np.mean(RateTable(data, edges).residuals(law) ** 2)))
