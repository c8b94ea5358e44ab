"""Tables that cannot be worked with are told so; odd ones that can be are worked with."""

import traceback

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from jaxsym import SymbolicRegressor
from jaxsym.expr import Operator, parse
from jaxsym.search import NativeEngine
from jaxsym.search.native.budget import SearchBudget

X = np.random.default_rng(0).uniform(1.0, 5.0, (40, 2))
Y = X[:, 0] * X[:, 1]
TINY = NativeEngine(
    SearchBudget(
        library=200,
        terms=100,
        rows=32,
        pairs=20,
        refined=2,
        small=50,
        beams=6,
        factors=2,
        generations=1,
    )
)


def put(table, place, value):
    changed = table.astype(object)
    changed[place] = value
    return changed


BAD = {
    "nan": (put(X, (3, 1), np.nan), Y, "X, row 3, column 1 is NaN"),
    "infinite": (put(X, (3, 1), -np.inf), Y, "X, row 3, column 1 is infinity"),
    "nan in y": (X, put(Y, 5, np.nan), "y, row 5, column 0 is NaN"),
    "one row": (X[:1], Y[:1], "at least 2 rows"),
    "no rows": (X[:0], Y[:0], "X has no rows"),
    "no columns": (X[:, :0], Y, "X has no columns"),
    "one axis": (X[:, 0], Y, r"X has shape \(40,\)"),
    "three axes": (X[None], Y, r"X has shape \(1, 40, 2\)"),
    "other lengths": (X, Y[:-1], "y has 39 rows; X has 40"),
    "no y": (X, None, "the target y is None"),
    "three axes of y": (X, Y[None, None], r"y has shape \(1, 1, 40\)"),
    "words": (put(X, (2, 0), "far"), Y, "X, row 2, column 0 is 'far'"),
    "an object": (put(X, (2, 0), {"a": 1}), Y, "must be a string or a number"),
    "none": (put(X, (2, 0), None), Y, "row 2, column 0 is None"),
    "complex": (X + 1j, Y, "Complex data not supported"),
    "dates": (pd.date_range("2020-01-01", periods=40).to_numpy()[:, None], Y, "datetime64"),
    "too large an integer": (put(X, (1, 1), 10**400), Y, "beyond the range of float64"),
    "too large to square": (put(X, (1, 1), 1e200), Y, "the largest number of X is 1e\\+200"),
    "too small to square": (X, Y * 1e-200, "the largest number of y is .*e-199"),
    "same names": (pd.DataFrame(X, columns=["a", "a"]), Y, "not distinct: a"),
    "names of two kinds": (pd.DataFrame(X, columns=["a", 1]), Y, "string names"),
}


@pytest.mark.parametrize(("table", "target", "message"), BAD.values(), ids=BAD)
def test_bad_tables(table, target, message):
    with pytest.raises((TypeError, ValueError), match=message):
        SymbolicRegressor().fit(table, target)


def no_gradient(x):
    shape = jax.ShapeDtypeStruct(x.shape, x.dtype)
    return jax.pure_callback(np.floor, shape, x)


PARAMETERS = {
    "engine": ({"engine": "natvie"}, "did you mean 'native'"),
    "operator": ({"operators": ["add", "sine"]}, "unknown operator 'sine'"),
    "cost": ({"complexity_of_operators": {"exp": 0}}, "whole number, at least 1"),
    "cost of nothing": ({"complexity_of_operators": {"tan": 3}}, "unknown operator 'tan'"),
    "nesting": ({"nested_constraints": {"sin": {"cot": 0}}}, "unknown operator 'cot'"),
    "required": ({"required": ["x7"]}, "unknown variable 'x7'"),
    "guess": ({"guesses": ["x0 +"]}, "at character"),
    "guess of another": ({"guesses": [parse("q")]}, "unknown variable 'q'"),
    "template": ({"template": "A(x0)*q"}, "unknown variable 'q'"),
    "time": ({"time_limit": 0}, "expected a positive number"),
    "complexity": ({"max_complexity": 0}, "expected > 0"),
    "units alone": ({"units": [(1,), (1,)]}, "need y_units"),
    "target's units alone": ({"y_units": (1,)}, "need the variables' units"),
    "units unreadable": ({"units": [(1,), "x"], "y_units": (1,)}, "mix|cannot be read|pint"),
    "out of reach": ({"units": [(1, 0), (1, 0)], "y_units": (0, 1)}, "no expression of these"),
    "constant named as variable": ({"constants": {"x0": 1.0}}, "also a variable"),
    "constant of zero": ({"constants": {"k": 0.0}}, "'k' is 0.0; expected a finite number other"),
    "constant of NaN": ({"constants": {"k": np.nan}}, "'k' is nan; expected a finite number"),
    "constant as text": ({"constants": {"k": "1.0"}}, "'k' is '1.0'; expected a finite number"),
    "constant without unit": ({"constants": {"k": (1.0,)}}, r"expected \(number, unit\)"),
    "part named as constants": ({"template": "C(x0)*x1"}, "a part cannot be called 'C'"),
    "seed": ({"random_state": 1.5}, "random_state=1.5; expected a whole number"),
    "large seed": ({"random_state": 10**20}, "expected less than 2"),
    "nesting as number": ({"nested_constraints": 5}, "nested_constraints=5; expected a dict"),
    "nesting within": ({"nested_constraints": {"sin": 0}}, "expected a dictionary"),
    "no engine": ({"engine": None}, "engine is None; expected a name"),
    "letters": ({"required": "x0"}, r"required='x0'; expected a list, such as \['x0'\]"),
    "one guess": ({"guesses": "x0*x1"}, "guesses='x0.x1'; expected a list"),
    "a guess of no kind": ({"guesses": [2.0]}, "guess 2.0: expected a formula"),
    "operators as text": ({"operators": "add,mul"}, "operators='add,mul'; expected a list"),
    "operator of no kind": ({"operators": [5]}, "unknown operator '5'"),
    "selection": ({"selection": "best"}, "selection='best'; expected one of"),
    "callback": ({"callback": 5}, "callback=5; expected a function"),
    "time of no kind": ({"time_limit": "1"}, "time_limit='1'; expected a positive number"),
    "time that is NaN": ({"time_limit": np.nan}, "time_limit=nan; expected a positive number"),
    "half a complexity": ({"max_complexity": 2.5}, "max_complexity=2.5; expected > 0"),
    "no derivative": (
        {"operators": ["add", Operator("floor", 1, no_gradient, None)]},
        "operator 'floor' cannot be evaluated and differentiated",
    ),
    "not elementwise": (
        {"operators": [Operator("total", 1, jnp.sum, None)]},
        "expected it elementwise",
    ),
}


@pytest.mark.parametrize(("parameters", "message"), PARAMETERS.values(), ids=PARAMETERS)
def test_bad_parameters(parameters, message):
    with pytest.raises((ValueError, ModuleNotFoundError), match=message):
        SymbolicRegressor(**parameters).fit(X, Y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sample_weight": np.ones(3)}, "sample_weight has shape"),
        ({"sample_weight": -np.ones(40)}, "negative"),
        ({"sample_weight": np.zeros(40)}, "all zero"),
        ({"sigma": 0.0}, "not positive"),
        ({"sigma": 1.0, "sample_weight": np.ones(40)}, "not both"),
        ({"variables": ["a"]}, "1 variables named"),
        ({"variables": ["a", "a"]}, "not distinct"),
    ],
)
def test_bad_weights_and_names(options, message):
    with pytest.raises(ValueError, match=message):
        SymbolicRegressor().fit(X, Y, **options)


def quick(table, target, **options):
    return SymbolicRegressor(engine=TINY, time_limit=2, **options).fit(table, target)


def test_constant_targets_and_columns():
    assert quick(X, np.full(40, 2.5)).expression_ == parse("5/2")
    assert quick(X, np.zeros(40)).expression_ == parse("0")
    table = np.column_stack([X, np.full(40, 3.0), np.zeros(40)])
    assert quick(table, Y).expression_ == parse("x0*x1")


def test_more_columns_than_rows():
    table = np.random.default_rng(1).uniform(1.0, 2.0, (12, 30))
    model = quick(table, 3 * table[:, 17])
    assert model.n_features_in_ == 30 and np.isfinite(model.predict(table)).all()


def test_names_that_clash_with_functions():
    model = SymbolicRegressor(engine=TINY, time_limit=2).fit(X, Y, variables=["sin", "C"])
    assert set(model.expression_.variables) == {"sin", "C"}
    assert set(map(str, model.sympy().free_symbols)) == {"sin", "C"}


@pytest.mark.parametrize("scale", [1e30, 1e-30])
def test_huge_and_tiny_scales(scale):
    table = X * [scale, 1 / scale]
    assert quick(table, table[:, 0] * table[:, 1] ** 2).expression_ == parse("x0*x1**2")
    y = table[:, 0] + scale
    np.testing.assert_allclose(quick(table, y).predict(table), y, rtol=1e-9)


def test_integers_do_not_overflow():
    table = np.random.default_rng(2).integers(1, 100, (40, 2)) * 10**14
    y = table[:, 0].astype(float) ** 2 * table[:, 1]
    model = quick(table, y)
    np.testing.assert_allclose(model.predict(table), y, rtol=1e-9)
    assert quick(table.astype(object), y).expression_ == model.expression_


def test_numbers_as_objects_and_text():
    assert quick(X.astype(object), list(Y)).expression_ == parse("x0*x1")
    assert quick(X.astype(str).astype(object), Y).expression_ == parse("x0*x1")


NUMBERS = st.floats(width=64) | st.integers(-3, 3).map(float)


@st.composite
def tables(draw):
    """A table and a target that may have another length, with any numbers."""
    rows, columns = draw(st.integers(0, 8)), draw(st.integers(0, 3))
    finite = draw(st.booleans())
    elements = st.floats(-1e150, 1e150) | st.integers(-3, 3).map(float) if finite else NUMBERS
    table = draw(arrays.arrays(np.float64, (rows, columns), elements=elements))
    count = rows + draw(st.sampled_from([0, 0, 0, 1]))
    return table, draw(arrays.arrays(np.float64, count, elements=elements))


TINY_NUMBERS = np.array([[1.0], [6.13970218e-282], [1.19428630e-306], [2.22507386e-313]])
FAR_APART = np.array([[-1.17e-38], [7.9e127], [9.9e15], [2.0], [0.0], [-2.0], [-5.7e16], [0.0]])


@settings(max_examples=15, deadline=None)
@given(tables())
@example((TINY_NUMBERS, np.array([0.0, 0.0, 0.0, 1.0])))
@example((np.array([[0.0], [6.13970218e-282], [1.0], [2.22507386e-313]]), -np.eye(4)[3]))
@example((FAR_APART, FAR_APART[:, 0]))
@example((FAR_APART, FAR_APART[::-1, 0]))
def test_any_table_is_fitted_or_refused(given_table):
    table, target = given_table
    model = SymbolicRegressor(engine=TINY, time_limit=0.2)
    try:
        model.fit(table, target)
    except (TypeError, ValueError) as error:  # of a check of ours, not of an array's library
        assert "jaxsym" in traceback.extract_tb(error.__traceback__)[-1].filename
        return
    assert model.predict(table).shape == target.shape
    assert np.isfinite(model.front_["loss"]).all()


@settings(max_examples=100, deadline=None)
@given(text=st.text(alphabet="AB(x0,1.5)+-*/ e", max_size=20))
def test_any_text_is_a_template_or_refused(text):
    from jaxsym.search.reparametrize.templates import read_template

    try:
        template = read_template(text, variables=["x0", "x1"])
    except ValueError as error:
        assert str(error)
        return
    assert set(template.outer.variables) <= {"x0", "x1", *template.arguments}


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=12))
def test_any_unit_is_read_or_refused(text):
    pytest.importorskip("pint")
    from jaxsym.search.problem.dimensions import UnitsError, read_dimensions

    try:
        read_dimensions(["x"], [text], text)
    except UnitsError as error:
        assert "x" in str(error)


def test_a_table_that_does_not_fit_in_memory_is_refused(monkeypatch):
    monkeypatch.setenv("JAXSYM_MEMORY_GB", "0.61")
    X = np.ones((100_000, 5))
    with pytest.raises(ValueError, match="100,000 rows of 6 columns .* at most 37,282 rows"):
        SymbolicRegressor().fit(X, X[:, 0])
