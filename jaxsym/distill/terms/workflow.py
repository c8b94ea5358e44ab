"""Laws of any terms from given rates: terms by evidence, formulas for each, fits of all together.

Where accelerations are exact no network is needed to tell what kinds of terms act: sums of all
kinds, with splines as functions of distance, are fitted to them, and what has evidence stays.
"""

from __future__ import annotations

import contextlib
import dataclasses
import warnings
from collections.abc import Iterator, Sequence

import jax
import numpy as np

from jaxsym._check import require
from jaxsym._indices import spread
from jaxsym.distill.discovery import Discovery
from jaxsym.distill.finding import Table, search_table
from jaxsym.distill.measured.candidates import Terms, candidate_laws, told_apart
from jaxsym.distill.measured.constants import flat_constants
from jaxsym.distill.measured.observed import in_motion_units
from jaxsym.distill.measured.restating import StatedLaw, in_data_units
from jaxsym.distill.phases import Run
from jaxsym.distill.refitting import Refit, error_scale
from jaxsym.distill.selection import INDEPENDENT, RefitData, Selector, rounded
from jaxsym.distill.tasks import Task
from jaxsym.distill.terms.completeness import completeness
from jaxsym.distill.terms.rates import RateTable, fit_rates, rates_error
from jaxsym.distill.terms.symmetries import symmetries_of
from jaxsym.distill.verdict import Errors, pair_samples, recovered
from jaxsym.graphs import Snapshots, Topology, snapshots, topology
from jaxsym.inference import PointwiseTerms, RateSnapshots, pointwise_terms
from jaxsym.laws.neighborhood import neighbors, softened
from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.terms import kinds
from jaxsym.training import interrupt_flag
from jaxsym.trajectories import Trajectories

_NUMBERS_READ = 4000  # coordinates of bodies: enough for all groups' columns many times over
_NUMBERS_FITTED = 4000
_FITS = 0.01  # relative error of a law that needs no search for other functions of distance
_FIRST_ORDER = 0.02  # of velocities that are functions of where the bodies are
_SLIGHT = 1e-3  # share of the rate from which on terms are tried
_SEARCH_SECONDS = 20.0


def discover_terms(
    task: Task,
    run: Run,
    key: jax.Array,
    seed: int,
    order: int | None = None,
    names: Sequence[str] | None = None,
) -> Discovery | None:
    """The law of motion whose rates are given, as a sum of terms.

    Args:
      task: what was given.
      run: whose time is taken.
      key: of a search.
      seed: which the key is of.
      order: of the equation of motion; the data choose by default.
      names: of kinds of terms that may occur; all by default.
    Returns:
      None where nothing was asked for by name, and no term shows but those that networks read: then
      they do.
    """
    asked = order is not None or names is not None
    with run.phase("read terms"):
        detected = order_of(task.train, names)
    if order is not None and order != detected:
        warnings.warn(
            f"order is {order}, but the velocities are "
            f"{'' if detected == 1 else 'no '}sums of terms in the bodies' places",
            stacklevel=2,
        )
    order = order or detected
    selector = find_term_law(task, run, key, order, names, central_too=asked or order == 1)
    if selector is None:
        require(not asked, "no term shows in the data; expected motion that some force makes")
        return None
    return discovery_of(task, run, selector, order, seed, names)


def with_rates(data: Trajectories, order: int) -> Trajectories:
    """The data with what terms add up to in the place of accelerations.

    Args:
      data: with velocities and accelerations.
      order: 1 for velocities, 2 for accelerations.
    """
    return data if order == 2 else dataclasses.replace(data, acceleration=data.velocity)


def read_terms(
    data: Trajectories, order: int, names: Sequence[str] | None = None
) -> PointwiseTerms:
    """The terms that show in given rates.

    Args:
      data: with rates in the place of accelerations.
      order: of the equation of motion.
      names: of kinds of terms that may occur; all by default.
    """
    some = _some(snapshots(data), _NUMBERS_READ)
    edges = _edges(data)
    bodies = jax.tree.map(lambda a: np.asarray(a, np.float64), some.bodies)
    return pointwise_terms(
        RateSnapshots(
            bodies.position,
            bodies.velocity,
            np.asarray(some.acceleration, np.float64),
            error_scale(some),
            None if data.mass is None else bodies.mass,
            None if data.charge is None else bodies.charge,
            np.stack([edges.receivers, edges.senders], axis=1),
        ),
        order=order,
        terms=names,
    )


def order_of(data: Trajectories, names: Sequence[str] | None = None) -> int:
    """1 where terms of the bodies' places add up to their velocities, else 2.

    Args:
      data: with given velocities and accelerations.
      names: of kinds of terms that may occur; all by default.
    """
    first = read_terms(with_rates(data, 1), 1, names)
    return 1 if first.terms and first.error < _FIRST_ORDER else 2


def find_term_law(
    task: Task,
    run: Run,
    key: jax.Array,
    order: int,
    names: Sequence[str] | None = None,
    *,
    central_too: bool = True,
) -> Selector | None:
    """Laws fitted to rates, and the choice among them; None if no term shows.

    Args:
      task: whose training data laws are fitted to.
      run: whose time is taken.
      key: of a search.
      order: of the equation of motion.
      names: of kinds of terms that may occur; all by default.
      central_too: also where nothing shows but pulls along the line, drag and a shared field.
    """
    data = with_rates(task.train, order)
    with run.phase("read terms"):
        in_units, units = in_motion_units(data)
        reading = read_terms(in_units, order, names)
    shown = told_apart(reading.terms)
    if not (shown.pairs or shown.own) or not (central_too or _is_further(shown)):
        return None
    inputs = pair_samples(data, None)[1]
    edges = _edges(data)
    selector = Selector(
        RefitData(_some(snapshots(data), _NUMBERS_FITTED), edges, None), fit=fit_rates
    )
    typical = float(np.median(inputs[:, 0]))

    def offer(share: float | None = None, found=()) -> None:
        terms = told_apart(reading.terms, *(() if share is None else (share,)))
        for candidate in candidate_laws(terms, data.dims, found, order):
            count = len(flat_constants(candidate.law))
            given = StatedLaw(candidate.law, np.zeros((count, count)))
            law = in_data_units(given, units, inputs).law
            selector.offer(law)
            if law.pair_terms:
                selector.offer(softened(law, typical))

    with _refitting(run, selector):
        offer()
    leading = told_apart(reading.terms).pairs[:1]
    if leading and _best(selector).error > _FITS and not run.over():
        with run.phase("search"):
            term = leading[0]
            table = Table(("r",), term.distance[:, None], term.size, term.error**-2.0)
            front = search_table(table, key, run.share(0.5, _SEARCH_SECONDS), [])
        with _refitting(run, selector):
            offer(found=[candidate.expression for candidate in front])
    with _refitting(run, selector):
        if _best(selector).error > selector.precision:
            offer(_SLIGHT)
        selector.improve(lambda law: _allowed(neighbors(law, typical), names))
        selector.snap()
    return selector


def _is_further(shown: Terms) -> bool:
    """Whether there are terms that networks' laws have no place for."""
    central = all(term.vector == "central" for term in shown.pairs)
    own = all(
        term.vector == "drag" or (term.vector.startswith("constant") and term.factor == "1")
        for term in shown.own
    )
    return not (central and own)


def discovery_of(
    task: Task,
    run: Run,
    selector: Selector,
    order: int,
    seed: int,
    names: Sequence[str] | None = None,
) -> Discovery:
    """Tests of the best law, and everything that is told of it.

    Args:
      task: with data that nothing was fitted to.
      run: whose time was taken.
      selector: with all laws.
      order: of the equation of motion.
      seed: of everything random.
      names: of kinds of terms that may occur; all by default.
    """
    with run.phase("verify"):
        best = rounded(_best(selector), selector.problem, selector.precision, rates_error)
        law = shortest(best.law)
        tests = [task.held_out] + ([task.outside] if task.outside is not None else [])
        errors = [relative_errors_of(law, test) for test in tests]
        medians = [float(np.median(error)) for error in errors]
        table = RateTable(snapshots(with_rates(task.held_out, order)), _edges(task.held_out))
        floor = selector.precision**2

        def loss_of(trial: ParticleLaw) -> tuple[float, int]:
            fit = fit_rates(trial, selector.problem.data, selector.problem.edges)
            return max(fit.error**2, floor), min(fit.residuals, INDEPENDENT)

        return Discovery(
            task=task,
            model="none",
            law=law,
            candidates=tuple(sorted(selector.fits, key=selector.cost)),
            masses=None,
            free_exponent=None,
            message_r2=None,
            neural=None,
            symbolic=Errors(medians[0], medians[1] if len(medians) > 1 else None),
            by_body=None,
            pair_forces=None,
            network=None,
            recovered=recovered(law, task.truth, tests, None),
            interrupted=False,
            out_of_time=run.over(),
            seconds=run.seconds,
            seed=seed,
            compile_seconds=run.compile_seconds(),
            completeness=completeness(table.rates(law), task.held_out, order),
            symmetries=symmetries_of(law, pair_samples(task.train, None)[1], loss_of, names),
        )


def relative_errors_of(law: ParticleLaw, data: Trajectories) -> np.ndarray:
    """Relative error of the law's rate of each body in each snapshot."""
    table = RateTable(snapshots(with_rates(data, law.order)), _edges(data))
    off = np.linalg.norm(table.rates(law) - table.rate, axis=-1)
    return off / np.maximum(np.linalg.norm(table.rate, axis=-1), 1e-300)


def _edges(data: Trajectories) -> Topology:
    return topology(data.bodies, data.pairs)


def shortest(law: ParticleLaw) -> ParticleLaw:
    """The law as a force or as an acceleration, whichever is shorter."""
    if law.order == 1:
        return law
    forms = (law.as_acceleration(), law.as_force())
    return min(forms, key=lambda form: (form.complexity, len(flat_constants(form))))


def _allowed(laws: Iterator[ParticleLaw], names: Sequence[str] | None) -> Iterator[ParticleLaw]:
    """Laws without kinds of terms that may not occur."""
    for law in laws:
        known = {kind.name for kind in kinds(names, law.dims, law.order)}
        if all(term.name in known for term in law.terms):
            yield law


def _best(selector: Selector) -> Refit:
    assert selector.best is not None
    return selector.best


def _some(data: Snapshots, numbers: int) -> Snapshots:
    """Snapshots spread evenly, with so many numbers together."""
    total, bodies, dims = np.shape(data.acceleration)
    chosen = spread(total, min(total, max(20, numbers // (bodies * dims))))
    return jax.tree.map(lambda a: np.asarray(a)[chosen], data)


@contextlib.contextmanager
def _refitting(run: Run, selector: Selector) -> Iterator[None]:
    with run.phase("refit"), interrupt_flag() as interrupted:
        selector.stop = lambda: run.over() or interrupted()
        yield
