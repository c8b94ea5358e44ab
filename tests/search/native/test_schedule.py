"""The schedule as data: its own and a user's stages, what each costs, and when rows end."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from jaxsym.expr import OPERATORS, parse
from jaxsym.search import DEFAULT_OPERATORS, NativeEngine
from jaxsym.search.front.archive import Archive
from jaxsym.search.native.budget import SearchBudget, light
from jaxsym.search.native.pipeline import CLOSED_FORMS, SCHEDULE, Pipeline
from jaxsym.search.native.schedule import Branch, Row, follow, inserted
from jaxsym.search.native.state import SearchState
from jaxsym.search.problem.problem import make_problems

KEY = jax.random.key(0)
TRUTH = "sin(x*log(x) + 0.3*x**2)/(1.3 + tanh(x - 3))"
SMALL = SearchBudget(
    points=60, small=100, terms=100, library=100, rows=16, pairs=4, beams=2, entries=8, factors=2,
    refined=2, generations=2, patience=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def problem():
    X = np.linspace(1.0, 9.0, 60)[:, None]
    y = parse(TRUTH).evaluate(X, ["x"])[:, None]
    return make_problems(
        X, y, None, variables=["x"], operators=DEFAULT_OPERATORS, max_complexity=30
    )[0]


def names(problem, schedule, budget=SMALL):
    pipeline = Pipeline([problem], budget, KEY, schedule)
    return list(pipeline.run(Archive(problem)))


def mine(state):
    yield parse("x")
    yield parse(TRUTH)


def test_a_stage_of_the_user_wins_and_ends_the_search(problem):
    schedule = inserted(SCHEDULE, Row("mine", mine), after="power laws")
    pipeline, archive = Pipeline([problem], SMALL, KEY, schedule), Archive(problem)
    assert list(pipeline.run(archive)) == ["constants", "power laws", "mine"]
    best = archive.front().best().expression
    assert best == parse(TRUTH).canonical()
    assert archive.found_by(best) == "mine"
    cost = pipeline.costs["mine"]
    assert cost.calls == 1 and cost.added == 2 and cost.seconds >= 0


def test_the_engine_follows_the_users_schedule(problem):
    schedule = (CLOSED_FORMS[0], Row("mine", mine))
    engine = NativeEngine(schedule=schedule)
    told = []
    front = engine.search(
        problem.X, problem.y, variables=["x"], key=KEY, callback=lambda p: told.append(p.stage)
    )
    assert told == ["constants", "mine"]
    np.testing.assert_allclose(front.best().expression.evaluate(problem.X, ["x"]), problem.y, 1e-9)


def test_evolution_comes_early_where_time_is_short(problem):
    early = names(problem, SCHEDULE, SMALL.within(seconds=1.0))
    late = names(problem, SCHEDULE, SMALL.within(seconds=100.0))
    assert early.index("evolution") < early.index("products")
    assert "evolution" not in late[: late.index("transforms of terms")]


def test_every_row_of_the_schedule_runs_where_nothing_is_found(problem):
    told = names(problem, SCHEDULE, SMALL)
    rows = [row for row in SCHEDULE if isinstance(row, Row)]
    once = {row.name for row in rows if row.rounds(SMALL) and row.name != "evolution"}
    assert once <= set(told)
    assert told[-1] == "evolution in the full library"


def test_rows_end_when_nothing_gets_shorter(problem):
    calls = []

    def idle(state):
        calls.append(state.round)
        return [parse("x")]

    row = Row("idle", idle, rounds=lambda budget: 10)
    told = names(problem, (row, Row("next", lambda state: ())))
    assert calls == [0, 1, 2]  # the first adds x; two more are the patience
    assert told == ["idle"] * 3 + ["next"]


def test_a_row_has_its_own_budget_and_condition(problem):
    seen = []

    def look(state):
        seen.append(state.budget.rows)
        return ()

    rows = (
        Row("whole", look),
        Row("light", look, light),
        Row("never", look, when=lambda state: False),
    )
    assert names(problem, rows) == ["whole", "light"]
    assert seen == [16, 4]


def test_a_branch_brings_back_what_another_search_finds(problem):
    def doubled(state):
        twice = replace(state.problem, y=2 * state.problem.y)
        yield state.of_part(twice, state.budget, " doubled"), lambda e: e / 2

    branch = Branch(doubled, (Row("double", lambda state: [2 * parse(TRUTH)]),))
    pipeline, archive = Pipeline([problem], SMALL, KEY, (branch,)), Archive(problem)
    assert list(pipeline.run(archive)) == ["double doubled"]
    assert archive.exact
    assert archive.found_by(archive.front().best().expression) == "double doubled"
    assert pipeline.costs["double doubled"].calls == 1


def test_targets_have_costs_of_their_own_and_share_the_libraries():
    X = np.random.default_rng(0).uniform(1.0, 2.0, (40, 2))
    Y = np.stack([X[:, 0] * X[:, 1], X[:, 0] + 3 * X[:, 1]], axis=1)
    problems = make_problems(X, Y, None, variables="ab", operators=OPERATORS, max_complexity=9)
    sizes = []

    def look(state):
        sizes.append(id(state.libraries.small))
        return ()

    pipeline = Pipeline(problems, SMALL, KEY, (Row("look", look), *CLOSED_FORMS))
    for target, last in zip(problems, ["power laws", "sums of columns"], strict=True):
        archive = Archive(target)
        assert list(pipeline.run(archive))[-1] == last
        assert pipeline.costs["look"].calls == 1
        assert archive.found_by(archive.front().best().expression) == last
    assert len(set(sizes)) == 1


def test_no_row_of_that_name():
    with pytest.raises(ValueError, match="unknown stage 'power law'; did you mean 'power laws'?"):
        inserted(SCHEDULE, Row("mine", mine), after="power law")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rows": -1}, "rows=-1; expected at least 0"),
        ({"library": 0}, "library=0; expected at least 1"),
    ],
)
def test_bad_budgets(change, message):
    with pytest.raises(ValueError, match=message):
        SearchBudget(**change)


def test_rows_that_time_does_not_allow_are_noted(problem):
    def late(state):
        state.clock.deadline = 0.0
        return ()

    rows = (
        Row("first", lambda state: ()),
        Row("second", late),
        Branch(lambda state: (), (Row("inside", lambda state: ()),)),
        Row("never", lambda state: (), when=lambda state: False),
        Row("last", lambda state: ()),
    )
    own = SearchState.of([problem], SMALL, jax.random.key(0))
    assert list(follow(rows, own)) == ["first", "second"]
    assert list(own.cut_off) == ["second", "inside", "last"]
