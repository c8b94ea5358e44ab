"""Variables of any name: text, sympy, LaTeX, JAX and files speak of the same ones."""

import json

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import sympy

from jaxsym import SymbolicRegressor
from jaxsym.expr import parse, variable

NAMES = ["E", "e", "I", "pi", "beta", "gamma", "lambda", "S", "N", "Q", "C", "sin", "x'", "α", "Δx",
         "mass (kg)", "T [K]", "flow rate", "2nd", "x²", "if", "%"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_a_column_of_any_name_comes_back(name, tmp_path):
    X = np.random.default_rng(0).uniform(1.0, 2.0, (40, 2))
    frame = pd.DataFrame(X, columns=[name, "other"])
    model = SymbolicRegressor().fit(frame, 3 * X[:, 0] / X[:, 1] ** 2 + np.pi)
    (own, _) = model.variables_
    expression = model.expression_
    assert set(expression.variables) == {own, "other"}
    again = parse(str(expression))
    assert again == expression and set(again.variables) == {own, "other"}
    assert {symbol.name for symbol in model.sympy().free_symbols} == {own, "other"}
    f, constants = model.jax()
    np.testing.assert_allclose(f(jnp.array(X), constants), model.predict(frame), rtol=1e-5)
    model.save(tmp_path / "model.json")
    loaded = SymbolicRegressor.load(tmp_path / "model.json")
    assert loaded.expression_ == expression and loaded.variables_ == model.variables_
    text = json.loads((tmp_path / "model.json").read_text())
    assert text["feature_names"] == [name, "other"]


@pytest.mark.parametrize("name", ["E", "e", "pi"])
def test_text_tells_a_variable_from_a_number(name):
    both = variable(name) * parse("E*pi") + 2
    assert parse(str(both)) == both and parse(str(both)).variables == (name,)
    assert sympy.sympify(str(both)).free_symbols == {sympy.Symbol(name)}
    assert parse(f"Symbol('{name}')", variables=[name]) == variable(name)
    with pytest.raises(ValueError, match="unknown variable"):
        parse(str(both), variables=["x"])


def test_latex_spells_letters_and_primes():
    names = ["β", "ω_0", "Δx", "x_prime", "lambda_", "mass_kg"]
    written = [r"\beta", r"\omega_{0}", r"\Delta x", "{x}'", r"\lambda", "mass_{kg}"]
    assert [variable(name).latex() for name in names] == written


def test_names_that_become_alike_stay_apart():
    X = np.random.default_rng(1).uniform(1.0, 2.0, (40, 3))
    frame = pd.DataFrame(X, columns=["v (m/s)", "v [m/s]", "v_m_s"])
    model = SymbolicRegressor().fit(frame, X[:, 0] * X[:, 1] / X[:, 2])
    assert model.variables_ == ("v_m_s", "v_m_s_2", "v_m_s_3")
    assert str(model.expression_) == "v_m_s*v_m_s_2/v_m_s_3"
