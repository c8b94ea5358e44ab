"""Contexts: formulas that lack a part, completed by entries or by functions of two entries."""

import numpy as np
import pytest
from made_tables import NAMES, TABLE, fits, sample, semantics

from jaxsym.expr import parse
from jaxsym.search.native.stages.contexts import completed, contexts, nested_formulas


def never():
    return False


@pytest.mark.parametrize("text", ["sin(0.3*a*b + 0.2)", "a - exp(-b/a)", "1/(a + sqrt(2*b - 0.1))"])
def test_a_context_is_completed_exactly(text):
    problem = sample(text)
    tool = semantics(problem)
    found = [c for deep in (False, True) for c in contexts(problem, tool, problem.y, deep=deep)]
    formulas = [formula for _, formula in completed(found, tool, never, each=3)]
    assert fits(problem, formulas)


@pytest.mark.parametrize("text", ["sin(a*b - a/b)", "b + 0.5*cos(a**2*b**2 + a)", "a/b*exp(a - b)"])
def test_functions_of_two_entries_are_found(text):
    problem = sample(text)
    assert fits(problem, nested_formulas(problem, semantics(problem), never))


def test_nothing_is_streamed_when_time_is_over():
    problem = sample("sin(a*b - a/b)")
    assert list(nested_formulas(problem, semantics(problem), lambda: True)) == []


def test_noise_is_told_from_signal_around_a_guess():
    truth = parse("a**2/(a**2 + b**2)")
    problem = sample(str(truth), noise=0.1)
    denoised = truth.evaluate(TABLE, NAMES) * (1 + 0.02 * np.sin(5 * TABLE[:, 0]))
    tool = semantics(problem, denoised=denoised)
    (plain, *_) = contexts(problem, tool, denoised, deep=False)
    formulas = [formula for _, formula in completed([plain], tool, never, each=5)]
    floor = problem.loss(truth) / problem.variance
    assert fits(problem, formulas, 1.02 * floor)
