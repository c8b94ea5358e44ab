"""Weights in files, proposals, and equations of tables."""

from __future__ import annotations

import os
from dataclasses import replace

import jax
import numpy as np
import pytest
from fuzzing import CHANGES, FUZZ, changed
from hypothesis import given

from jaxsym.expr import OPERATORS, parse
from jaxsym.nesymres import (
    CONFIGS,
    NeSymReS,
    Pretrained,
    Proposal,
    Weights,
    WeightsError,
    from_weights,
    load_pretrained,
    load_weights,
    save_weights,
    solve,
)
from jaxsym.nesymres.model.transformer import init_params
from jaxsym.nesymres.solving import fit_proposals
from jaxsym.nesymres.tables import make_table, stack_tables
from jaxsym.search.problem.problem import make_problems

CONFIG = replace(
    CONFIGS["small"], width=16, heads=2, inducing=3, seeds=2, latent_layers=1, decoder_layers=1,
    feedforward=16, length=8,
)  # fmt: skip


@pytest.fixture(scope="module")
def weights():
    params = init_params(NeSymReS(CONFIG), jax.random.key(0))
    return Weights(jax.tree.map(np.asarray, params), CONFIG, {"steps": 7})


@pytest.fixture(scope="module")
def network(weights):
    return from_weights(weights)


def line(n=30):
    X = np.linspace(1.0, 4.0, n)[:, None]
    return X, 2.5 * X[:, 0] + 1


def test_weights_survive_a_file(weights, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_weights(path, weights, np.float32)
    read = load_weights(path)
    assert read.config == CONFIG and read.about == {"steps": 7}
    for one, other in zip(
        jax.tree.leaves(read.params), jax.tree.leaves(weights.params), strict=True
    ):
        assert np.array_equal(one, other)
    save_weights(path, weights)
    assert load_pretrained(str(path)).about["steps"] == 7


def test_damaged_weights_are_refused_in_one_line(weights, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_weights(path, weights)
    assert os.listdir(tmp_path) == [path.name]
    whole = path.read_bytes()

    @FUZZ
    @given(CHANGES)
    def check(changes):
        path.write_bytes(changed(whole, changes))
        try:
            load_weights(path)
        except WeightsError as error:
            assert str(error).startswith(f"{path}: ") and "\n" not in str(error)

    check()
    path.write_bytes(whole.replace(b'"config":"{', b'"config":"['))
    with pytest.raises(WeightsError, match="not a file of weights"):
        load_weights(path)


def test_damaged_and_foreign_files_are_refused(weights, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_weights(path, weights)
    whole = path.read_bytes()
    path.write_bytes(whole[:-3] + b"abc")
    with pytest.raises(WeightsError, match="damaged"):
        load_weights(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="not a file of weights"):
        load_weights(path)
    path.write_bytes(whole.replace(b'"format":"1"', b'"format":"0"'))
    with pytest.raises(WeightsError, match="has format 0; expected weights of format 1"):
        load_weights(path)
    with pytest.raises(FileNotFoundError):
        load_weights(tmp_path / "none.safetensors")
    with pytest.raises(ValueError, match="unknown pretrained model 'smal'; did you mean 'small'"):
        load_pretrained("smal")


def test_weights_of_another_model_are_refused(weights):
    with pytest.raises(ValueError, match="expected"):
        from_weights(weights._replace(config=replace(CONFIG, width=32)))


def test_proposals_are_different_equations_in_the_tables_names(network):
    X, y = line()
    found = network.propose(X, y, beam=16, variables=["mass"])
    assert len({p.tokens for p in found}) == len(found) > 3
    assert all(set(p.expression.variables) == {"mass"} for p in found)
    scores = [p.log_probability for p in found]
    assert scores == sorted(scores, reverse=True)
    again = network.propose(X, y, beam=16, key=jax.random.key(1), variables=["mass"])
    assert again == network.propose(X, y, beam=16, key=jax.random.key(1), variables=["mass"])
    with_sine = network.propose(X, y, beam=16, tokens=["x_1", "sin"])
    assert {t for p in with_sine for t in p.tokens} == {"x_1", "sin"}


def test_tables_in_one_call_are_those_alone(network):
    X, y = line()
    wide = np.column_stack([X, X**2])[:20]
    together = network.propose_many([(X, y), (wide, y[:20])], beam=4)
    for table, found in zip([(X, y), (wide, y[:20])], together, strict=True):
        alone = network.propose(*table, beam=4)
        assert [p.tokens for p in alone] == [p.tokens for p in found]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        (np.ones((5, 4)), np.ones(5), "X has 4 columns; this network knows 1 to 3 variables"),
        (np.ones((1, 1)), np.ones(1), "at least 2"),
        (np.ones((3, 1)), np.ones(4), "y has shape"),
        (np.ones(3), np.ones(3), "X has shape"),
        ([[1.0], [np.nan]], np.ones(2), "X has a non-finite value"),
        ([[1.0], [2.0]], [1.0, np.inf], "y has a non-finite value"),
        (np.ones((3, 1)), np.ones(3, complex), "y has complex numbers"),
    ],
)
def test_bad_tables(network, X, y, message):
    with pytest.raises(ValueError, match=message):
        network.propose(X, y)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"beam": 0}, "beam=0; expected"),
        ({"beam": "8"}, "beam='8'; expected"),
        ({"tokens": ["x_1", "sinn"]}, "unknown token 'sinn'; did you mean 'sin'"),
        ({"variables": ["a", "b"]}, "2 variables named; X has 1 columns"),
    ],
)
def test_bad_options(network, options, message):
    with pytest.raises(ValueError, match=message):
        network.propose(np.ones((3, 1)), np.ones(3), **options)


def test_constant_columns_and_zeros_are_read(network):
    X = np.column_stack([np.zeros(10), np.full(10, 3.0)])
    assert network.propose(X, np.zeros(10), beam=4)


def test_scales_are_undone():
    X, y = np.array([[1e6, 1e-3], [4e6, 2e-3]]), np.array([1e-5, 4e-5])
    table = make_table(X, y, 3)
    scaled_X, scaled_y = table.scaled
    assert 0.1 < np.abs(scaled_X).max(0).min() and np.abs(scaled_X).max() < 10
    expression = parse("1.5*a*b + sin(a)")
    inner = expression.evaluate(scaled_X, ["a", "b"])
    outer = table.unscale(expression, ["a", "b"]).evaluate(X, ["a", "b"])
    np.testing.assert_allclose(outer, inner * table.scale_y, rtol=1e-12)
    assert np.abs(scaled_y).max() > 0.01


def test_long_tables_are_thinned_and_short_ones_padded():
    rng = np.random.default_rng(0)
    tables = [make_table(np.ones((n, 1)), np.ones(n), 3) for n in (5, 9000)]
    X, y, mask = stack_tables(tables, 3, rng)
    assert X.shape == (2, 4096, 3) and y.shape == (2, 4096)
    assert mask.sum(1).tolist() == [5, 4096] and not X[..., 1:].any()


def test_constants_of_all_proposals_are_fitted_together():
    X, y = line()
    problems = [
        make_problems(
            x, t[:, None], None, variables=[name], operators=OPERATORS, max_complexity=30
        )[0]
        for x, t, name in ((X, y, "a"), (X[:10], 3 / X[:10, 0], "b"))
    ]
    texts = (("1.0*a + 1.0", "a", "1.0*sin(a)"), ("1.0/b",))
    proposed = [[Proposal((), parse(text), 0.0) for text in row] for row in texts]
    fitted = fit_proposals(problems, proposed, key=jax.random.key(0))
    assert fitted[0][0] == parse("a")
    np.testing.assert_allclose(fitted[0][1].constants, [2.5, 1.0], rtol=1e-9)
    np.testing.assert_allclose(fitted[1][0].constants, [3.0], rtol=1e-9)


class Oracle(Pretrained):
    """Proposes the right skeleton among others."""

    def propose_many(self, tables, beam=32, *, variables=None, key=None, tokens=()):
        text = "1.0*{0}*sin(2*{0}) + 1.0"
        return [
            [Proposal((), parse(t.format(names[0])), -1.0) for t in ("{0}", text)]
            for names in variables
        ]


@pytest.fixture(scope="module")
def hard():
    X = np.linspace(1.0, 4.0, 60)[:, None]
    return X, 2.5 * X[:, 0] * np.sin(2 * X[:, 0]) + 0.5


def test_solve_finds_constants_and_writes_exact_numbers(network, hard):
    oracle = Oracle(*vars(network).values())
    front, other = solve(oracle, [hard, line()], variables=[["u"], ["v"]], key=jax.random.key(0))
    best = front.best()
    assert best.loss < 1e-20
    values = best.expression.evaluate([[2.0]], ["u"])
    np.testing.assert_allclose(values, 5 * np.sin(4.0) + 0.5, rtol=1e-9)
    assert len(other) > 0
