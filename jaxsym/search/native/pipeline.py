"""The native search's strategy: which stages run, in which order, with which budget.

The cheap stages come first, each of which may end the search with an exact answer: closed forms,
then the same in fewer variables, then what needs a library, from a small one to the full one, with
generations of the evolution in between.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import attrgetter

import numpy as np
from jaxtyping import Array, Key

from jaxsym.expr import Expression, constant, literal
from jaxsym.expr.subtrees import to_formula
from jaxsym.search.front.archive import Archive
from jaxsym.search.native.budget import SearchBudget, few_rows, half, light, whole
from jaxsym.search.native.schedule import Back, Branch, Row, Schedule, follow
from jaxsym.search.native.stages.contexts import deep_contexts, functions, nested_functions
from jaxsym.search.native.stages.factors import factors, products
from jaxsym.search.native.stages.inner_constants import inner_constants
from jaxsym.search.native.stages.pair_sums import LibraryName, pairs, sums, transforms
from jaxsym.search.native.stages.piecewise import edge_laws, piecewise_laws
from jaxsym.search.native.stages.power_laws import power_laws
from jaxsym.search.native.stages.pursuit import linear_sums
from jaxsym.search.native.stages.rational import ratios, ratios_of_functions
from jaxsym.search.native.stages.separable import (
    exponentials,
    simple_exponentials,
    simple_sinusoids,
    sinusoids,
)
from jaxsym.search.native.state import Clock, SearchState, StageCost
from jaxsym.search.problem.problem import Problem

_FEW = 2  # variables of which waves and decays are looked for before there is a library
_DESCRIBED = 0.5  # share of the variance that a candidate may leave to tell noise from signal


def constants(state: SearchState) -> Iterator[Expression]:
    """Stage: zero, and the mean of the target."""
    yield literal(0)
    yield constant(float(state.problem.weights @ state.problem.y))


def evolution(state: SearchState) -> Iterator[Expression]:
    """Stage: a generation of the evolution with parts from the small library."""
    _seed(state)
    yield from state.evolution.generation(state.semantics)


def full_evolution(state: SearchState) -> Iterator[Expression]:
    """Stage: a generation of the evolution with parts from the full library."""
    _seed(state)
    yield from state.evolution.generation(state.full_semantics)


def _seed(state: SearchState) -> None:
    """Begin with the best candidates so far."""
    if state.round == 0:
        state.evolution.seed(to_formula(e) for e in state.archive.best(state.budget.starts))


def in_fewer_variables(state: SearchState) -> Iterator[tuple[SearchState, Back]]:
    """Branch: the problem in fewer variables, in the ways that the data allow."""
    for reduction, other in state.reduced:
        if not other.archive.exact:
            yield other, reduction.back


def in_fewer_variables_for_a_share(state: SearchState) -> Iterator[tuple[SearchState, Back]]:
    """Branch: the same, each for a share of the time that is left."""
    for other, back in in_fewer_variables(state):
        other.clock.limit(state.clock, state.budget.share)
        yield other, back


def around_the_best(state: SearchState) -> Iterator[tuple[SearchState, None]]:
    """Branch: the same problem with noise told from signal by the best candidate so far."""
    front = state.archive.front()
    if not len(front):  # nothing yet that the user allows
        return
    best = front.best()
    values = best.expression.evaluate(state.sample.X, state.sample.variables)
    if best.loss < _DESCRIBED * state.problem.variance and np.all(np.isfinite(values)):
        yield state.around(values), None


def operators(*names: str) -> Callable[[SearchState], bool]:
    """The condition that expressions may be made of some operators."""
    return functools.partial(_has_operators, frozenset(names))


def _has_operators(names: frozenset[str], state: SearchState) -> bool:
    return names <= state.problem.operators.keys()


# Stages are named functions, so that engines can be pickled and sent to other processes.
def _power_laws(state: SearchState) -> Iterable[Expression]:
    return power_laws(state.problem)


def _linear_sums(state: SearchState) -> Iterable[Expression]:
    return linear_sums(state.problem)


def _ratios(state: SearchState) -> Iterable[Expression]:
    return ratios(state.sample)


def _ratios_of_functions(state: SearchState) -> Iterable[Expression]:
    return ratios_of_functions(state.sample, state.stop)


CLOSED_FORMS: Schedule = (
    Row("constants", constants),
    Row("power laws", _power_laws),
    Row("sums of columns", _linear_sums),
)

RATIOS: Schedule = (
    Row("ratios", _ratios),
    Row("ratios of functions", _ratios_of_functions),
)


def _of_few_variables(names: frozenset[str], state: SearchState) -> bool:
    return len(state.problem.variables) <= _FEW and _has_operators(names, state)


_waves = functools.partial(_of_few_variables, frozenset({"sin", "cos"}))
_decays = functools.partial(_of_few_variables, frozenset({"exp", "log", "pow"}))

# What one variable explains, or two, is mostly found here: it takes a tenth of a second.
WAVES_AND_DECAYS: Schedule = (
    Row("simple sinusoids", simple_sinusoids, light, when=_waves),
    Row("simple exponentials", simple_exponentials, light, when=_decays),
)


# Pieces of one table: what is quickly found alone.
AT_THE_EDGE: Schedule = (*CLOSED_FORMS, *WAVES_AND_DECAYS)


def one_variable(state: SearchState) -> bool:
    """The condition that there is one variable, and that pieces may be written."""
    return len(state.problem.variables) == 1 and "if_greater" in state.problem.operators


def several_variables(state: SearchState) -> bool:
    """The condition that there are more, and that pieces may be written."""
    return len(state.problem.variables) > 1 and "if_greater" in state.problem.operators


def pairs_and_sums(
    library: LibraryName, name: str, budget: Callable[[SearchBudget], SearchBudget]
) -> Schedule:
    """The rows that make sums of the entries of one library."""
    return (
        Row(f"pairs of {name}", functools.partial(pairs, library=library), budget),
        Row(f"sums of {name}", functools.partial(sums, library=library), budget),
        Row(f"transforms of {name}", functools.partial(transforms, library=library), budget),
    )


def _edge_laws(state: SearchState) -> Iterable[Expression]:
    return edge_laws(state, AT_THE_EDGE)


ONE_SIDE: Schedule = (
    *CLOSED_FORMS,
    Row("pairs of entries", functools.partial(pairs, library="full"), light),
)

AROUND_THE_BEST: Schedule = (
    Row("functions", functions),
    Row("products", products, half),
    Row("factors", factors),
    Row("transforms of simple entries", functools.partial(transforms, library="small"), light),
)

THOROUGH: Schedule = (
    Row("functions", functions),
    Row("evolution", evolution, rounds=attrgetter("early_generations")),
    Row("products", products, half),
    Row("factors", factors),
    Row("sinusoids", sinusoids, when=operators("sin", "cos")),
    Row("evolution", evolution, rounds=attrgetter("early_generations")),
    Row("exponentials", exponentials, when=operators("exp", "log", "pow")),
    *pairs_and_sums("terms", "terms", few_rows),
    Row("evolution", evolution, rounds=attrgetter("first_generations")),
    *pairs_and_sums("small", "simple entries", light),
    Row("nested functions", nested_functions),
    Row(
        "piecewise laws",
        functools.partial(piecewise_laws, side=ONE_SIDE),
        when=operators("if_greater"),
    ),
    Row("laws at the edge", _edge_laws, when=several_variables),
    Row("constants inside functions", inner_constants),
    Branch(around_the_best, AROUND_THE_BEST),
    Row("contexts", deep_contexts),
    Row("evolution", evolution, rounds=attrgetter("second_generations")),
    *pairs_and_sums("full", "entries", whole),
    Row("evolution in the full library", full_evolution, rounds=attrgetter("generations")),
)

SCHEDULE: Schedule = (
    *CLOSED_FORMS,
    Branch(in_fewer_variables, (*CLOSED_FORMS, *RATIOS, *WAVES_AND_DECAYS)),
    *RATIOS,
    *WAVES_AND_DECAYS,
    Row("laws at the edge", _edge_laws, when=one_variable),
    Branch(in_fewer_variables_for_a_share, THOROUGH),
    *THOROUGH,
)


class Pipeline:
    """The search for the targets of one table, which share libraries and random numbers.

    Args:
      problems: one per target.
      budget: sizes of the stages.
      key: PRNG key.
      schedule: rows that are followed for each target.

    Attributes:
      clock: when no more work begins; its deadline may be moved.
      costs: what each stage has cost for the last target, by its name.
      cut_off: the stages that time did not allow for it, or not to the end.

    >>> import jax
    >>> from jaxsym.expr import OPERATORS, parse
    >>> from jaxsym.search.native.schedule import inserted
    >>> from jaxsym.search.problem.problem import make_problems
    >>> def my_stage(state):
    ...     yield parse("sin(x)/x")
    >>> X = np.linspace(1.0, 9.0, 50)[:, None]
    >>> problems = make_problems(X, np.sin(X) / X, None, variables=["x"], operators=OPERATORS,
    ...     max_complexity=9)
    >>> mine = inserted(SCHEDULE, Row("a stage of mine", my_stage), after="constants")
    >>> pipeline = Pipeline(problems, SearchBudget(), jax.random.key(0), mine)
    >>> archive = Archive(problems[0])
    >>> list(pipeline.run(archive))
    ['constants', 'a stage of mine']
    >>> archive.found_by(archive.front().best().expression)
    'a stage of mine'
    >>> pipeline.costs["a stage of mine"].added
    1
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        budget: SearchBudget,
        key: Key[Array, ""],
        schedule: Schedule = SCHEDULE,
    ):
        self.schedule, self.clock = schedule, Clock()
        self.costs: dict[str, StageCost] = {}
        self.cut_off: dict[str, None] = {}
        self._start = SearchState.of(problems, budget, key, self.clock)

    def run(self, archive: Archive) -> Iterator[str]:
        """Fill the archive of one of the targets; yields the name of each stage after it ran."""
        state = self._start.of_target(archive)
        self.costs, self.cut_off = state.costs, state.cut_off
        return follow(self.schedule, state)
