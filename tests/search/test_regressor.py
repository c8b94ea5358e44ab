"""`SymbolicRegressor`: what a user gets, and the ways to steer it."""

import json
import logging
import signal
import sys

import jax
import numpy as np
import pandas as pd
import pytest
from scipy import special

import jaxsym.search
from jaxsym import SymbolicRegressor
from jaxsym.expr import Operator, parse
from jaxsym.search import NativeEngine
from jaxsym.search.native.budget import SearchBudget

COUNT = 200
X = np.random.default_rng(0).uniform(1.0, 5.0, (COUNT, 3))
LAW = X[:, 0] * X[:, 1] / X[:, 2] ** 2
QUICK = NativeEngine(
    SearchBudget(
        library=200,
        terms=100,
        rows=32,
        pairs=20,
        refined=4,
        small=50,
        beams=6,
        factors=2,
        generations=1,
    )
)
ARITHMETIC = ("add", "sub", "mul", "div", "square")


def fit(y, table=X, variables=None, **parameters):
    parameters = {"engine": QUICK, "time_limit": 3} | parameters
    return SymbolicRegressor(**parameters).fit(table, y, variables=variables)


def test_what_a_fit_gives():
    model = fit(LAW)
    assert model.expression_ == parse("x0*x1/x2**2")
    assert list(model.front_.columns) == ["complexity", "loss", "score", "expression"]
    assert model.front_["loss"].is_monotonic_decreasing
    assert str(model.sympy()) == "x0*x1/x2**2" and r"\frac" in model.latex()
    np.testing.assert_allclose(model.predict(X), LAW)
    assert model.score(X, LAW) == pytest.approx(1.0)
    f, constants = model.jax()
    np.testing.assert_allclose(f(X, constants), LAW, rtol=1e-5)
    assert jax.grad(lambda x: f(x, constants))(X[0]).shape == (3,)
    first = model.front_["expression"][0]
    np.testing.assert_allclose(model.predict(X, index=0), first.evaluate(X, ["x0", "x1", "x2"]))


def test_a_data_frame_names_the_variables():
    frame = pd.DataFrame(X, columns=["mass (kg)", "sin", "lambda"])
    model = fit(LAW, frame)
    assert model.expression_ == parse("mass_kg*s/l**2").substitute(
        {"s": parse("sin", variables=["sin"]), "l": parse("lambda_")}
    )
    assert model.feature_names_in_.tolist() == list(frame.columns)
    np.testing.assert_allclose(model.predict(frame), LAW)
    with pytest.raises(ValueError, match="should match those that were passed"):
        model.predict(frame.rename(columns={"sin": "cos"}))
    with pytest.raises(ValueError, match="same order"):
        model.predict(frame[frame.columns[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)


def test_several_targets():
    Y = np.stack([2 * X[:, 0], X[:, 1] * X[:, 2]], axis=1)
    model = fit(Y)
    assert model.expression_ == [parse("2*x0"), parse("x1*x2")]
    assert len(model.front_) == len(model.latex()) == len(model.jax()) == 2
    np.testing.assert_allclose(model.predict(X), Y)
    assert fit(Y[:, :1]).predict(X).shape == (COUNT, 1)


def test_targets_of_one_form_have_constants_of_their_own():
    Y = np.stack([np.exp(-0.7 * X[:, 0]) + 2, 3 * np.exp(-1.9 * X[:, 0]) + 0.5], axis=1)
    guess = "1.0*exp(-1.0*x0) + 1.0"
    first, second = fit(Y, X[:, :1], shared_form=True, guesses=[guess]).expression_
    assert first.tokens == second.tokens and len(first.constants) == 3
    np.testing.assert_allclose(second.evaluate(X[:, :1], ["x0"]), Y[:, 1], rtol=1e-6)


MECHANICS = {"m": (1, 0, 0), "v": (0, 1, -1), "g": (0, 1, -2), "h": (0, 1, 0)}


def test_units_shape_the_answer():
    table = np.random.default_rng(1).uniform(1.0, 5.0, (COUNT, 4))
    m, v, g, h = table.T
    options = {"units": MECHANICS, "y_units": (1, 2, -2), "variables": list(MECHANICS)}
    model = fit(m * v**2 / 2 + m * g * h, table, **options)
    assert model.expression_ == parse("m*v**2/2 + m*g*h")
    noisy = fit(m * g * h + np.random.default_rng(2).normal(size=COUNT), table, **options)
    for expression in noisy.front_["expression"]:
        assert set(expression.variables) <= set(MECHANICS) and "m" in expression.variables


def test_every_target_has_its_unit():
    Y = np.stack([X[:, 0] * X[:, 1], X[:, 0] / X[:, 1]], axis=1)
    options = {"units": [(1, 0), (0, 1)], "table": X[:, :2]}
    model = fit(Y, y_units=[(1, 1), (1, -1)], **options)
    assert model.expression_ == [parse("x0*x1"), parse("x0/x1")]
    for expression in fit(Y, y_units=(1, 1), **options).expression_:
        assert expression.variables == ("x0", "x1")
    with pytest.raises(ValueError, match="3 y_units given for 2 targets"):
        fit(Y, y_units=["N"] * 3, **options)


def test_a_constant_with_a_unit_stands_where_its_dimension_is_needed():
    model = fit(
        9.81 * X[:, 0] * X[:, 1],
        X[:, :2],
        variables=["m", "h"],
        units={"m": (1, 0, 0), "h": (0, 1, 0)},
        y_units=(1, 2, -2),
        constants={"g": (9.81, (0, 1, -2))},
    )
    assert model.expression_ == parse("9.81*m*h")
    free = fit(
        2.5 * X[:, 0],
        X[:, :1],
        units=[(1, 0)],
        y_units=(0, 1),
        dimensionless_constants_only=False,
    )
    assert free.expression_ == parse("5*x0/2")


def test_constants_of_any_dimension_may_have_none():
    stages: list[str] = []
    model = fit(
        X[:, 0] * (np.cos(X[:, 1] * X[:, 2]) + 0.3 * np.cos(X[:, 1] * X[:, 2]) ** 2),
        units=[(1, 0), (0, 1), (0, -1)],
        y_units=(1, 0),
        dimensionless_constants_only=False,
        callback=lambda progress: stages.append(progress.stage),
    )
    loss = model.fronts_[0].candidates[-1].loss
    assert loss < 1e-20  # a polynomial of the cosine of the one group, which no data had to show
    assert not any("variables" in stage or stage == "pairs" for stage in stages)


def test_a_factor_of_one_may_have_a_dimension():
    model = fit(
        1e4 * X[:, 0] * X[:, 1],
        1e2 * X[:, :2],  # scaled to 1 inside, where the factor is 1 too
        units=[(1, 0), (0, 1)],
        y_units=(2, 1),
        dimensionless_constants_only=False,
    )
    assert model.expression_ == parse("1.0*x0*x1")


def test_groups_that_cannot_explain_a_target_are_left_out():
    stages: list[str] = []
    model = fit(
        np.exp(-X[:, 1] / 2.5) * X[:, 0],
        X[:, :2],
        units=[(1, 0), (0, 1)],
        y_units=(1, 0),
        dimensionless_constants_only=False,
        callback=lambda progress: stages.append(progress.stage),
    )
    assert model.expression_ == parse("x0*exp(-0.4*x1)")
    assert stages.count("constants") == 1


def test_named_constants_are_found_again():
    rng = np.random.default_rng(3)
    y = 6.674e-3 * X[:, 0] * (1 + 1e-5 * rng.normal(size=COUNT))
    assert fit(y).expression_ != parse("6.674e-3*x0")
    assert fit(y, constants={"G": 6.674e-3}).expression_ == parse("6.674e-3*x0")


@pytest.mark.parametrize(
    ("template", "law"),
    [
        ("A(x0, x2)*x1", "x1*exp(-x0)/x2"),
        ("sqrt(A(x0) + x1**2)", "sqrt(3*x0**2 + x1**2)"),
        ("A(x0/x1) + x2", "(x0/x1)**3 + x2"),
        ("1.0*exp(-1.0*x0) + 1.0", "2.3*exp(-0.3*x0) + 1.7"),
    ],
)
def test_templates(template, law):
    truth = parse(law)
    y = truth.evaluate(X[:, [int(name[1]) for name in truth.variables]])
    model = fit(y, template=template)
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-9)


def test_the_parts_of_a_template_are_found_by_turns():
    y = (X[:, 0] + 1) / X[:, 1] ** 2
    model = fit(y, template="A(x0)*B(x1)", operators=ARITHMETIC, time_limit=60)
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-6)


def test_limits_are_obeyed():
    y = np.sin(X[:, 0]) + 0.1 * X[:, 2]
    nesting = {"sin": {"sin": 0, "exp": 0}, "exp": {"exp": 0}}
    model = fit(y, required=["x2"], nested_constraints=nesting, max_complexity=9, time_limit=30)
    assert all("x2" in e.variables for e in model.front_["expression"])
    assert model.front_["complexity"].max() <= 9
    with pytest.raises(ValueError, match="no equation was found that obeys"):
        fit(y, required=["x0", "x1", "x2"], max_complexity=2)


def test_operators_of_ones_own_and_their_costs():
    erf = Operator("erf", 1, jax.scipy.special.erf, parse, special.erf, cost=2)
    y = special.erf(X[:, 0] / X[:, 1])
    model = fit(y, operators=[*ARITHMETIC, erf], time_limit=60)
    assert model.expression_.tokens[0] == "erf" and model.front_["complexity"].iloc[-1] == 5
    options = {"complexity_of_operators": {"erf": 3}, "guesses": ["erf(x0/x1)"]}
    dear = fit(y, operators=[*ARITHMETIC, erf], **options)
    assert dear.front_["complexity"].iloc[-1] == 6


def test_guesses_and_warm_starts():
    truth = parse("2.2*sin(1.7*x0*x1 + 0.4) + x2/(x0 + x1*x2)")
    y = truth.evaluate(X, ["x0", "x1", "x2"])
    guess = "2.0*sin(1.7*x0*x1 + 0.3) + x2/(x0 + x1*x2)"
    tiny = {"engine": QUICK, "time_limit": 0.5}
    model = fit(y, guesses=[guess], **tiny)
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-6)
    model.set_params(guesses=(), warm_start=True, time_limit=0.01).fit(X, y)
    np.testing.assert_allclose(model.predict(X), y, rtol=1e-6)


def test_sigma_and_weights():
    rng = np.random.default_rng(4)
    sigma = np.where(np.arange(COUNT) % 2, 1e-6, 3.0)
    y = 2.5 * X[:, 0] + sigma * rng.normal(size=COUNT)
    for noise in ({"sigma": sigma}, {"sample_weight": sigma**-2.0}):
        model = SymbolicRegressor(engine=QUICK, time_limit=2).fit(X, y, **noise)
        slope = model.predict(np.ones((1, 3))).item()
        assert slope == pytest.approx(2.5, abs=1e-5)


def test_no_equation_explains_more_than_the_noise():
    rng = np.random.default_rng(8)
    y = 2 * X[:, 0] + 0.5 + 0.05 * np.sin(9 * X[:, 1]) + 0.3 * rng.normal(size=COUNT)
    model = SymbolicRegressor(engine=QUICK, time_limit=2).fit(X, y, sigma=0.3)
    assert set(model.expression_.variables) == {"x0"}
    assert model.residual_.floor == pytest.approx(0.3) and not model.residual_.exact
    assert "times the noise given" in str(model.residual_)
    assert model.fronts_[0].noise == pytest.approx(0.09)
    exact = fit(LAW)
    assert exact.residual_.exact and "rounding" in str(exact.residual_)


def test_a_seed_decides():
    y = X[:40, 0] + 0.3 * np.random.default_rng(5).normal(size=40)
    fronts = [fit(y, X[:40], random_state=7, time_limit=None).front_ for _ in range(2)]
    assert fronts[0]["expression"].map(str).tolist() == fronts[1]["expression"].map(str).tolist()


def test_saved_models_come_back(tmp_path):
    y = 2.31 * np.exp(-0.37 * X[:, 0]) + 1e-3 * np.random.default_rng(6).normal(size=COUNT)
    frame = pd.DataFrame(X, columns=["sin", "b", "c"])
    model = fit(y, frame, guesses=["b + 1"], max_complexity=20)
    model.save(tmp_path / "model.json")
    again = SymbolicRegressor.load(tmp_path / "model.json")
    assert again.fronts_ == model.fronts_ and again.max_complexity == 20
    np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
    content = json.loads((tmp_path / "model.json").read_text())
    content["fronts"][0]["candidates"][0]["expression"] = "__import__('os')"
    (tmp_path / "model.json").write_text(json.dumps(content))
    with pytest.raises(ValueError, match="at character"):
        SymbolicRegressor.load(tmp_path / "model.json")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("fronts",), [], r"fronts is \[\]; expected a list of fronts"),
        (("fronts",), None, "fronts is None; expected a list of fronts"),
        (("fronts", 0, "candidates"), [], "no candidates"),
        (("fronts", 0, "candidates", 0, "complexity"), float("inf"), "not a front as it is saved"),
        (("fronts", 0, "candidates", 0, "loss"), float("nan"), "negative or not finite"),
        (("fronts", 0, "samples"), "many", "could not convert"),
        (("parameters",), [1], r"parameters is \[1\]; expected an object"),
        (("parameters", "enigne"), 1, "did you mean 'engine'"),
    ],
)
def test_damaged_models_are_refused(tmp_path, place, value, message):
    path = tmp_path / "model.json"
    model = SymbolicRegressor(callback=stop).fit(X, LAW)
    model.save(path)
    content = inner = json.loads(path.read_text())
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = value
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        SymbolicRegressor.load(path)


def stop(progress):
    raise KeyboardInterrupt


OLD_NAMES = {
    "costs": ("complexity_of_operators", {"sin": 3}),
    "nesting": ("nested_constraints", {"sin": {"sin": 0}}),
    "dimensionless_constants": ("dimensionless_constants_only", False),
    "target_units": ("y_units", "m"),
}


@pytest.mark.parametrize(("old", "new", "value"), [(k, *v) for k, v in OLD_NAMES.items()])
def test_parameters_are_accepted_by_their_old_names(old, new, value):
    with pytest.warns(DeprecationWarning, match=f"'{old}' is now called '{new}'"):
        model = SymbolicRegressor(**{old: value})
    assert getattr(model, new) == value and old not in model.get_params()
    with pytest.warns(DeprecationWarning, match=f"'{old}' is now called '{new}'"):
        model.set_params(**{old: None})
    assert getattr(model, new) is None
    with pytest.raises(TypeError, match="both given"):
        SymbolicRegressor(**{old: value, new: value})


def test_arguments_and_names_are_accepted_by_their_old_names():
    model = SymbolicRegressor(callback=stop)
    with pytest.warns(DeprecationWarning, match="'weights' is now called 'sample_weight'"):
        model.fit(X, LAW, weights=np.ones(COUNT))
    with pytest.warns(DeprecationWarning, match="SEARCHED is now called DEFAULT_OPERATORS"):
        assert jaxsym.search.SEARCHED is jaxsym.search.DEFAULT_OPERATORS
    with pytest.warns(DeprecationWarning, match="Steering is now called Constraints"):
        steering = jaxsym.search.Steering(guesses=[parse("1.0*a")])
    with pytest.warns(DeprecationWarning, match="'steering' is now called 'constraints'"):
        front = jaxsym.search.search(
            X[:, :1], 2 * X[:, 0], variables=["a"], key=jax.random.key(0), steering=steering
        )
    assert front.best().expression == parse("2*a")
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        jaxsym.search.nothing  # noqa: B018


@pytest.mark.parametrize("text", ["", "[1]", "{}", '{"jaxsym_model": 1}'])
def test_files_that_are_no_models(tmp_path, text):
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(ValueError):
        SymbolicRegressor.load(tmp_path / "model.json")


@pytest.mark.parametrize("units", [None, [(1, 0), (1, 0), (0, 1)]])
@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("my own")])
def test_an_end_from_the_callback_keeps_what_is_found(caplog, units, error):
    told = []

    def callback(progress):
        told.append(progress)
        if len(told) == 2:
            raise error

    y = LAW + np.sin(X[:, 0])
    with caplog.at_level(logging.CRITICAL):
        model = fit(y, callback=callback, units=units, y_units=units and (2, -2))
    assert model.interrupted_ and len(told) == 2 and len(model.front_)
    for progress in told:
        names = {name for c in progress.front for name in c.expression.variables}
        assert names <= {"x0", "x1", "x2"}


@pytest.mark.main_thread
def test_ctrl_c_ends_all_searches_of_a_fit():
    told = []

    def callback(progress):
        told.append(progress)
        if len(told) == 3:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    y = X[:, 0] * np.sin(X[:, 1] / X[:, 0])
    try:
        model = fit(y, callback=callback, units=[(1,)] * 3, y_units=(1,), time_limit=60)
    finally:
        signal.signal(signal.SIGINT, before)
    assert model.interrupted_ and len(told) == 3 and len(model.front_)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Estimator SymbolicRegressor does not inherit")
@pytest.mark.filterwarnings("ignore:Can't check dok sparse matrix")
def test_scikit_learn_finds_nothing_wrong():
    checks = pytest.importorskip("sklearn.utils.estimator_checks")
    checks.check_estimator(
        SymbolicRegressor(engine=QUICK, time_limit=1),
        expected_failed_checks={
            "check_sample_weight_equivalence_on_dense_data": "weights are inverse variances up to "
            "a factor, not counts: a row measured twice says more about the noise than one of "
            "twice the weight"
        },
        on_skip=None,
    )


def test_scikit_learn_is_not_needed():
    from jaxsym.search import regressor

    assert "sklearn" not in regressor.__dict__
    model = SymbolicRegressor()
    assert model.get_params()["engine"] == "native"
    with pytest.raises(ValueError, match="did you mean 'engine'"):
        model.set_params(enigne="native")
    if "sklearn" not in sys.modules:
        with pytest.raises(ValueError, match="not fitted"):
            model.predict(X)
