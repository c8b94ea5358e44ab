"""Engines of other projects behind the protocol, with what PySR was recorded to do."""

import ast
import importlib.util
import sys
import types
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest

from jaxsym import SymbolicRegressor
from jaxsym.expr import OPERATORS, parse
from jaxsym.search.engines import optional
from jaxsym.search.engines.external import ExternalEngine
from jaxsym.search.engines.protocol import DEFAULT_OPERATORS
from jaxsym.search.engines.pysr import PySREngine, pysr_settings
from jaxsym.search.engines.registry import ENGINES, make_engine
from jaxsym.search.engines.runner import read_expressions
from jaxsym.search.problem.problem import make_problems

X = np.random.default_rng(0).uniform(1.0, 5.0, (80, 3))
LAW = X[:, 0] * X[:, 1] / X[:, 2] ** 2


class Oracle(ExternalEngine):
    """Knows the answers, in single precision."""

    name = "oracle"

    def __init__(self, *texts):
        self.texts, self.asked = texts, []

    def equations(self, problem, *, names, seed, time_limit):
        self.asked.append((problem, names, seed, time_limit))
        return self.texts


def test_equations_of_others_become_a_front_in_double_precision():
    engine = Oracle("1.0000001 * (x1 * x2) / square(x3)", "(x1 ^ 1.0) * 0.2", "erf(x1)", "nan")
    model = SymbolicRegressor(engine=engine, time_limit=10).fit(X, LAW, variables=["a", "b", "c"])
    assert model.expression_ == parse("a*b/c**2")
    assert model.front_["loss"].iloc[-1] < 1e-28
    ((problem, names, _, limit),) = engine.asked
    assert names == ["x1", "x2", "x3"] and 5 < limit < 10 and problem.X.shape == X.shape


def test_tables_of_any_scale_are_scaled_for_others():
    engine = Oracle("1.1 * x1 * x2 / square(x3)")
    scales = np.array([1e20, 1e-15, 1.0])
    model = SymbolicRegressor(engine=engine).fit(X * scales, LAW * scales.prod())
    ((problem, *_),) = engine.asked
    assert np.all(np.abs(np.log10(np.median(problem.X, axis=0))) < 2)
    assert model.score(X * scales, LAW * scales.prod()) == pytest.approx(1.0)


def test_limits_guesses_and_targets_are_seen_to_for_others():
    Y = np.stack([LAW, LAW], axis=1)
    engine = Oracle("x1 + x2", "x3 * 2.0")
    told = []
    model = SymbolicRegressor(
        engine=engine, required=["x2"], guesses=["0.9*x0*x1/x2**2"], callback=told.append
    ).fit(X, Y)
    assert model.expression_ == [parse("x0*x1/x2**2")] * 2
    assert [progress.target for progress in told] == [0, 1]
    assert engine.asked[0][2] != engine.asked[1][2], "each target has a seed of its own"


def test_what_is_no_formula_is_left_out():
    (problem,) = make_problems(
        X[:, :1], LAW[:, None], None, variables=["x1"], operators=OPERATORS, max_complexity=30
    )
    texts = ["x1 ^ 2", "x9", "inf", "", "atan2(x1, x1)", "square(x1) + neg(x1)", parse("x1")]
    expected = [parse("x1**2"), parse("x1**2 - x1"), parse("x1")]
    assert list(read_expressions(texts, problem)) == expected


def test_engines_by_name():
    assert {"native", "operon", "pysr"} <= set(ENGINES)
    engine = Oracle()
    assert make_engine(engine) is engine
    with pytest.raises(ValueError, match="did you mean 'operon'"):
        make_engine("opern")


@pytest.mark.parametrize("name", ["operon", "pysr"])
def test_an_engine_that_is_missing_says_how_to_get_it(monkeypatch, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    with pytest.raises(ModuleNotFoundError, match=rf"jaxsym\[{name}\]"):
        make_engine(name)


@pytest.mark.skipif(importlib.util.find_spec("pyoperon") is None, reason="pyoperon is optional")
def test_operon_itself():
    model = SymbolicRegressor(engine="operon", time_limit=2).fit(X, LAW)
    assert model.score(X, LAW) > 0.9


RECORDED = pd.DataFrame(  # PySR's table of its hall of fame
    {
        "complexity": [1, 3, 7],
        "loss": [9.1, 3.2, 1e-15],
        "score": [0.0, 0.5, 8.9],
        "equation": ["x1", "x1 * x2", "(x1 * x2) / square(x3)"],
    }
)


@pytest.fixture
def pysr(monkeypatch):
    """A stand-in for PySR that records how it is called."""
    calls = []

    class PySRRegressor:
        def __init__(self, **settings):
            calls.append(settings)

        def fit(self, table, target, *, weights=None, variable_names=None):
            calls.append({"weights": weights, "variable_names": variable_names})
            self.equations_ = RECORDED

    module = types.ModuleType("pysr")
    module.PySRRegressor = PySRRegressor
    monkeypatch.setitem(sys.modules, "pysr", module)
    ready = optional.Backend("pysr", "", True, "2.7.2", "")
    monkeypatch.setattr("jaxsym.search.engines.pysr.backends", lambda: (ready,))
    return calls


def test_pysr_as_it_was_recorded(pysr):
    model = SymbolicRegressor(engine="pysr", time_limit=60, random_state=1).fit(X, LAW)
    assert model.expression_ == parse("x0*x1/x2**2")
    settings, fitted = pysr
    assert settings["binary_operators"] == ["+", "-", "*", "/", "^"]
    assert {"sin", "square", "inv"} <= set(settings["unary_operators"])
    assert settings["timeout_in_seconds"] == pytest.approx(54.0, abs=0.1)
    assert fitted == {"weights": None, "variable_names": ["x1", "x2", "x3"]}


def test_settings_and_weights_reach_pysr(pysr):
    weights = np.linspace(1.0, 2.0, len(X))
    engine = PySREngine(populations=5, precision=32)
    engine.search(X, LAW, variables=["a", "b", "c"], key=jax.random.key(0), weights=weights)
    assert pysr[0]["populations"] == 5 and pysr[0]["precision"] == 32
    np.testing.assert_allclose(pysr[1]["weights"], weights / weights.sum())


def test_a_broken_julia_is_an_import_error(pysr, monkeypatch):
    monkeypatch.setitem(sys.modules, "pysr", None)
    with pytest.raises(ModuleNotFoundError, match="cannot be started"):
        SymbolicRegressor(engine="pysr").fit(X, LAW)


@pytest.mark.skipif(importlib.util.find_spec("pysr") is None, reason="PySR is optional")
def test_pysr_knows_our_settings():
    """Read from its source, since importing it may download Julia."""
    spec = importlib.util.find_spec("pysr")
    source = Path(spec.submodule_search_locations[0], "sr.py").read_text()
    (known,) = (
        {argument.arg for argument in item.args.kwonlyargs}
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef) and node.name == "PySRRegressor"
        for item in node.body
        if isinstance(item, ast.FunctionDef) and item.name == "__init__"
    )
    (problem,) = make_problems(
        X, LAW[:, None], None, variables=list("abc"), operators=DEFAULT_OPERATORS, max_complexity=30
    )
    assert pysr_settings(problem, seed=0, time_limit=1.0).keys() <= known
