"""From the network's pair forces to the law: search, refit in the model, and search again."""

from __future__ import annotations

import contextlib
import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import jax
import numpy as np

from jaxsym._indices import spread
from jaxsym.distill.learning import Learned
from jaxsym.distill.pair_forces import PairForces
from jaxsym.distill.phases import Run
from jaxsym.distill.profiles import radial_profile
from jaxsym.distill.refitting import Refit
from jaxsym.distill.selection import RefitData, Selector
from jaxsym.distill.tasks import Task
from jaxsym.distill.verdict import symbolic_errors
from jaxsym.expr import Expression, variable
from jaxsym.graphs import Snapshots, Topology, snapshots
from jaxsym.laws.neighborhood import cut_off, neighbors, softened
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.laws.units import NaturalUnits, coefficient_in_data_units
from jaxsym.search import Constraints, ParetoFront, search
from jaxsym.search import Progress as SearchProgress
from jaxsym.training import interrupt_flag

# Snapshots that laws are fitted to: of few bodies these are thousands of numbers, which tell a few
# constants to a part in a thousand of their errors; more would cost time alone.
_SNAPSHOTS_FITTED = 128
_PAIRS_FITTED = 50_000  # at most in these, and in those that tell the function of distance
# Of a front the equations of the shortest descriptions: the true one should be among them even
# where the network's errors favor another. Each refit takes some 20 ms.
_CANDIDATES, _SOFTENED = 10, 10
# Share of pairs without a force from which on laws are also cut off at a distance: where fewer are
# without one, the law is fitted to nearly all of its pairs anyway.
_NON_INTERACTING = 0.1
_FITS = 0.01  # error of a law that needs no cutting off: a missing range costs the tenth above
# Of each search: another, twice as long, follows while the network knows more than the best
# equation, so that easy laws are found soon and all three together take some two minutes.
_SEARCH_SECONDS = (20.0, 40.0, 80.0)
# Times that the equation's error is the network's, or the data's: a difference that no choice of
# held-out samples makes, since their medians are over hundreds of numbers.
_KNOWS_MORE = 2.0
_ROUNDING = 10.0  # times the data's precision: what rounding adds up to over many bodies


def find_law(
    pair_forces: PairForces,
    learned: Learned,
    task: Task,
    units: NaturalUnits,
    neural: float,
    run: Run,
    key: jax.Array,
) -> Selector:
    """Search and refit, again for longer where the network is right and the equation is not.

    Each search goes on from the front of the one before. Where the data tell more of the law's
    function of distance than the law does, that function is searched for by itself.

    Args:
      pair_forces: what the network says of pairs, in natural units.
      learned: the network.
      task: whose training data laws are fitted to.
      units: the natural ones.
      neural: the network's median relative error on held-out data.
      run: whose time is taken.
      key: of the searches.
    Returns:
      what chose among the laws, with all of them.
    """
    finding = _Finding(pair_forces, learned, task, units, run)
    found: list[Expression] = []
    note = ""
    with interrupt_flag() as interrupted:
        for turn, most in enumerate(_SEARCH_SECONDS):
            keys = jax.random.split(jax.random.fold_in(key, turn), 3)
            with run.phase("search", note):
                front = search_table(_forces(pair_forces), keys[0], run.share(0.5, most), found)
            found = [candidate.expression for candidate in front]
            finding.refit_front(front)
            finding.search_profile(keys[1])
            finding.improve()
            if finding.search_profile(keys[2]):  # what bodies do on their own may be known only now
                finding.improve()
            symbolic = finding.held_out_error()
            if run.over() or interrupted() or symbolic <= _KNOWS_MORE * neural:
                break
            note = f"again: the equation's error is {symbolic:.2g}, the network's {neural:.2g}"
    return finding.selector


class Table(NamedTuple):
    """What a search is given: names and values of inputs, the target, its inverse variances."""

    names: Sequence[str]
    inputs: np.ndarray
    target: np.ndarray
    weights: np.ndarray


class _Finding:
    """Laws that were refitted so far, and the ways to more.

    Attributes:
      selector: of the laws.
    """

    def __init__(
        self, pair_forces: PairForces, learned: Learned, task: Task, units: NaturalUnits, run: Run
    ):
        self.selector = _selector(learned, task)
        self._pair_forces, self._task, self._units, self._run = pair_forces, task, units, run
        self._masses_known = not learned.model.third_law
        self._typical = float(np.median(pair_forces.inputs[:, 0])) * units.length
        self._told = math.inf  # error of the profile that was last searched

    @property
    def best(self) -> Refit:
        """The shortest description so far."""
        assert self.selector.best is not None
        return self.selector.best

    def held_out_error(self) -> float:
        """Median relative error of the best law on data that nothing saw."""
        law, log_mass = self.best.law, self.best.log_mass
        return float(np.median(symbolic_errors(law, log_mass, self._task.held_out)))

    def refit_front(self, front: ParetoFront) -> None:
        """Refit the front's shortest formulas of the force, also cut off at a distance."""
        scale = variable("r") if self._pair_forces.force else variable("r") * variable("m1")
        laws = []
        for row in _shortest(front):
            pull = (row / scale).canonical()
            coefficient = coefficient_in_data_units(pull, self._units, self._masses_known)
            laws.append(ParticleLaw(coefficient, self._pair_forces.force, self._task.train.dims))
        with self._refitting():
            self._offer(laws, None)
            if self._pair_forces.non_interacting > _NON_INTERACTING and self._least_error() > _FITS:
                self._offer([cut for law in laws for cut in cut_off(law, self._typical)], None)

    def search_profile(self, key: jax.Array) -> bool:
        """Search the function of distance by itself, where the data know it better than the law.

        How masses and charges enter, and what bodies do on their own, is kept. Returns whether
        there was anything to search.
        """
        best = self.best
        if self._run.over() or best.error <= _ROUNDING * self.selector.precision:
            return False
        edges = self.selector.problem.edges
        data = some_pairs(snapshots(self._task.train), edges)
        known = radial_profile(best, data, edges)
        if known is None or _KNOWS_MORE * known.error >= min(best.error, self._told):
            return False
        self._told = known.error
        note = f"for f(r): the law's error is {best.error:.2g}, the data's {known.error:.2g}"
        with self._run.phase("search", note):
            table = Table(("r",), known.distance[:, None], known.size, known.sigma**-2.0)
            front = search_table(table, key, self._run.share(0.5, _SEARCH_SECONDS[0]), [])
        laws = []
        for row in _shortest(front):
            pull = (row * known.factor / variable("r")).canonical()
            law = dataclasses.replace(best.law, coefficient=pull, force=False)
            laws.append(law.as_force() if best.law.force else law)
        with self._refitting():
            self._offer(laws, best.log_mass)
        return True

    def improve(self) -> None:
        """Move to better neighbors, and to exact numbers."""
        with self._refitting():
            self.selector.improve(lambda law: neighbors(law, self._typical))
            self.selector.snap()

    def _offer(self, laws: Sequence[ParticleLaw], log_mass: np.ndarray | None) -> None:
        """Refit laws, and the best so far with their distances softened."""
        for law in laws:
            self.selector.offer(law, log_mass)
        for fit in sorted(self.selector.fits, key=self.selector.cost)[:_SOFTENED]:
            self.selector.offer(softened(fit.law, self._typical), fit.log_mass)

    def _least_error(self) -> float:
        return min(fit.error for fit in self.selector.fits)

    @contextlib.contextmanager
    def _refitting(self) -> Iterator[None]:
        """The phase, which the end of time and Ctrl-C end early."""
        with self._run.phase("refit"), interrupt_flag() as interrupted:
            self.selector.stop = lambda: self._run.over() or interrupted()
            yield


def _forces(pair_forces: PairForces) -> Table:
    """The force between two bodies, which is shorter than the coefficient of their displacement.

    Inputs that never vary are left out.
    """
    scale = pair_forces.inputs[:, 0] * (1.0 if pair_forces.force else pair_forces.inputs[:, 1])
    varies = np.ptp(pair_forces.inputs, axis=0) > 0
    names = [name for name, keep in zip(VARIABLES, varies, strict=True) if keep]
    target, weights = pair_forces.coefficient * scale, pair_forces.weights / scale**2
    return Table(names, pair_forces.inputs[:, varies], target, weights)


def search_table(
    table: Table, key: jax.Array, seconds: float | None, start: Sequence[Expression]
) -> ParetoFront:
    """The front of equations for a table, begun from those of an earlier one."""
    with interrupt_flag() as interrupted:

        def stop(progress: SearchProgress) -> None:
            if interrupted():
                raise KeyboardInterrupt

        return search(
            table.inputs,
            table.target,
            variables=table.names,
            key=key,
            weights=table.weights,
            constraints=Constraints(guesses=start),
            time_limit=seconds,
            callback=stop,
        )


def _selector(learned: Learned, task: Task) -> Selector:
    """What fits laws in the network's place, to a part of the snapshots that it saw."""
    log_mass = None
    if learned.model.third_law:
        log_mass = np.asarray(learned.params["log_mass"], np.float64)
    data = some_pairs(snapshots(task.train), learned.edges, _SNAPSHOTS_FITTED)
    return Selector(RefitData(data, learned.edges, log_mass))


def _shortest(front: ParetoFront) -> list[Expression]:
    """The candidates of the shortest description."""
    best = sorted(front, key=front.description_length)[:_CANDIDATES]
    return [candidate.expression for candidate in best]


def some_pairs(data: Snapshots, edges: Topology, count: int | None = None) -> Snapshots:
    """As many snapshots as have `_PAIRS_FITTED` together, at least one, spread evenly.

    Args:
      data: snapshots.
      edges: of one.
      count: at most so many.
    """
    most = max(1, _PAIRS_FITTED // len(edges.senders))
    total = len(data.acceleration)
    chosen = spread(total, most if count is None else min(count, most))
    return jax.tree.map(lambda a: np.asarray(a)[chosen], data)
