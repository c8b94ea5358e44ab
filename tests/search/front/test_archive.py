"""The archive: one candidate of each form, what dominates what, and where candidates come from."""

import numpy as np
import pytest

from jaxsym.expr import OPERATORS, parse
from jaxsym.search.front.archive import Archive
from jaxsym.search.problem.constraints import Constraints
from jaxsym.search.problem.problem import make_problems

X = np.random.default_rng(0).uniform(1.0, 2.0, (50, 2))


def problem(text="2*x*y + 0.5", max_complexity=12, operators=OPERATORS, **options):
    y = parse(text).evaluate(X, ["x", "y"])[:, None]
    return make_problems(
        X, y, None, variables=["x", "y"], operators=operators, max_complexity=max_complexity,
        **options,
    )[0]  # fmt: skip


def texts(archive):
    return [str(candidate.expression) for candidate in archive.front()]


def test_of_one_form_the_better_constants_stay_and_have_their_source():
    archive = Archive(problem())
    assert archive.add([parse("1.9*x*y + 0.5")], source="first") == 1
    assert archive.add([parse("1.8*x*y + 0.5")], source="worse") == 0
    assert archive.add([parse("0.5 + 2.0*y*x")], source="better") == 1
    (candidate,) = archive.front()
    assert candidate.loss < 1e-28
    assert archive.found_by(candidate.expression) == "better"


def test_what_a_simpler_candidate_beats_by_far_is_left_out():
    archive = Archive(problem())
    archive.add([parse("2*x*y + 1/2")])
    assert archive.add([parse("x*y + exp(x - y)*sin(x)")]) == 0


def test_neither_complex_nor_forbidden_candidates_are_taken():
    some = {name: OPERATORS[name] for name in ("add", "mul")}
    assert Archive(problem(max_complexity=4)).add([parse("x + y + x*y")]) == 0
    assert Archive(problem(operators=some)).add([parse("x/y")]) == 0
    limits = Constraints(allowed=lambda e: "y" in e.variables)
    assert Archive(problem(constraints=limits)).add([parse("x"), parse("y")]) == 1


def test_losses_that_are_not_finite_are_left_out():
    assert Archive(problem()).add([parse("log(-x)"), parse("1/(x - x)")]) == 0


def test_time_that_is_over_still_allows_the_first():
    archive = Archive(problem(), stop=lambda: True)
    assert archive.add([parse("x"), parse("2*x*y + 1/2")]) == 1
    assert texts(archive) == ["x"]


def test_exact_means_up_to_rounding_and_simple_enough():
    archive = Archive(problem(max_complexity=5))
    archive.add([parse("2.0*x*y + 0.5")])  # simple enough if its factor turned out to be 1
    assert not archive.exact and len(archive.wide_front()) == 1 and not len(archive.front())
    archive = Archive(problem())
    archive.add([parse("2*x*y + 1/2")])
    assert archive.exact


def test_a_final_form_replaces_its_candidate_and_keeps_its_source():
    archive = Archive(problem())
    archive.add([parse("2.0000001*x*y + 0.5")], source="pairs")
    (candidate,) = archive.front()
    archive.replace(candidate, parse("2*x*y + 1/2"))
    assert texts(archive) == ["2*x*y + 1/2"]
    assert archive.found_by(parse("2*x*y + 1/2")) == "pairs"
    assert archive.front().candidates[0].complexity == candidate.complexity


def test_the_best_of_every_complexity_and_those_near_the_front():
    archive = Archive(problem())
    archive.add([parse(t) for t in ("x", "y", "x*y", "1.9*x*y", "1.99*x*y + 0.5")])
    assert {str(e) for e in archive.best(3)} >= {"x*y", "1.99*x*y + 0.5"}
    near = [str(c.expression) for c in archive.near(10)]
    assert "1.99*x*y + 0.5" in near
    assert archive.description_length() == pytest.approx(
        min(map(archive.front().description_length, archive.front()))
    )


def test_an_empty_archive_describes_nothing():
    archive = Archive(problem())
    assert not len(archive.front()) and archive.description_length() == np.inf
    assert archive.found_by(parse("x")) == ""
