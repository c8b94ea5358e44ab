"""Trees, canonical forms and constants of skeletons."""

from __future__ import annotations

import collections
import itertools
import operator
import random

import numpy as np
import pytest
import sympy

from jaxsym.expr import parse
from jaxsym.nesymres import Prior
from jaxsym.nesymres.skeletons.algebra import Algebra
from jaxsym.nesymres.skeletons.coefficients import UndefinedError
from jaxsym.nesymres.skeletons.sampling import place_constants, sample_skeletons, skeleton_of
from jaxsym.nesymres.skeletons.trees import sample_trees, tree_counts
from jaxsym.nesymres.vocabulary import VARIABLES, to_expression

BINARY = {
    "add": operator.add,
    "sub": operator.sub,
    "mul": operator.mul,
    "div": operator.truediv,
    "pow": operator.pow,
}
SHORT = {"pow2": 2, "pow3": 3, "pow4": 4, "pow5": 5}


def to_sympy(tokens, real=True):
    """The oracle: sympy's automatic rules on the raw tree."""
    stack = []
    for token in reversed(tokens):
        if token in VARIABLES:
            stack.append(sympy.Symbol(token, real=real))
        elif token.lstrip("-").isdecimal():
            stack.append(sympy.Integer(token))
        elif token in SHORT:
            stack.append(stack.pop() ** SHORT[token])
        elif token in ("add", "sub", "mul", "div", "pow"):
            left, right = stack.pop(), stack.pop()
            stack.append(BINARY[token](left, right))
        else:
            name = {"ln": "log", "abs": "Abs"}.get(token, token)
            stack.append(getattr(sympy, name)(stack.pop()))
    return stack.pop()


def random_trees(seed, count, **options):
    return sample_trees(np.random.default_rng(seed), Prior(**options), count)[0]


def test_canonical_forms_keep_the_values_that_sympy_gives():
    algebra = Algebra()
    X = np.random.default_rng(1).uniform(0.2, 1.4, (60, 3)) * [1, -1, 1]
    names = [sympy.Symbol(f"x_{i + 1}", real=True) for i in range(3)]
    compared = 0
    for tree in random_trees(0, 150):
        try:
            form = algebra.canonical(tree)
        except UndefinedError:
            continue
        oracle = sympy.lambdify(names, to_sympy(tree), "numpy")
        with np.errstate(all="ignore"):
            truth = np.asarray(oracle(*X.T.astype(complex)))
            ours = to_expression_of_any_number(form, X)
        truth = np.broadcast_to(truth, ours.shape)
        smooth = np.abs(truth) < 1e6
        real = np.isfinite(truth) & (np.abs(truth.imag) < 1e-12) & np.isfinite(ours) & smooth
        np.testing.assert_allclose(ours[real], truth.real[real], rtol=1e-5, atol=1e-7)
        compared += real.any()
    assert compared > 100


def to_expression_of_any_number(form, X):
    names = [sympy.Symbol(f"x_{i + 1}", real=True) for i in range(3)]
    value = sympy.lambdify(names, to_sympy(form), "numpy")(*X.T)
    return np.broadcast_to(np.asarray(value, float), len(X))


def test_trees_that_sympy_finds_equal_have_one_form():
    algebra, draw = Algebra(), random.Random(0)
    for tree in random_trees(3, 300):
        try:
            form = algebra.canonical(tree)
        except UndefinedError:
            continue
        assert algebra.canonical(form) == form
        assert Algebra().canonical(shuffled(tree, draw)) == form


def shuffled(tree, draw):
    """The tree with the arguments of sums and products exchanged at random."""
    stack = []
    for token in reversed(tree):
        if token in ("add", "mul", "sub", "div"):
            left, right = stack.pop(), stack.pop()
            if token in ("add", "mul") and draw.random() < 0.5:
                left, right = right, left
            stack.append([token, *left, *right])
        elif token in VARIABLES:
            stack.append([token])
        else:
            stack.append([token, *stack.pop()])
    return stack.pop()


@pytest.mark.parametrize(
    ("raw", "canonical"),
    [
        ("sub x_1 x_1", "0"),
        ("sqrt pow2 x_1", "abs x_1"),
        ("pow2 sqrt x_1", "x_1"),
        ("exp ln x_1", "x_1"),
        ("sin mul -1 x_1", "mul -1 sin x_1"),
        ("cos sub x_2 x_1", "cos add x_1 mul -1 x_2"),
        ("mul exp x_1 exp x_2", "exp add x_1 x_2"),
        ("add c add x_1 c", "add c x_1"),
        ("mul c add 1 mul c x_1", "add c mul c x_1"),
        ("mul c add 1 x_1", "mul c add 1 x_1"),
        ("exp add c x_1", "mul c exp x_1"),
        ("ln mul c x_1", "add c ln x_1"),
        ("sqrt mul c x_1", "mul c sqrt x_1"),
        ("div 1 sqrt x_1", "pow x_1 div -1 2"),
        ("cos asin x_1", "sqrt add 1 mul -1 pow x_1 2"),
        ("mul add x_1 1 add 2 mul 2 x_1", "mul 2 pow add 1 x_1 2"),
    ],
)
def test_rules(raw, canonical):
    assert " ".join(Algebra().canonical(raw.split())) == canonical


@pytest.mark.parametrize("raw", ["div 1 sub x_1 x_1", "ln -1", "sqrt -2", "asin 2"])
def test_what_has_no_value_is_refused(raw):
    with pytest.raises(UndefinedError):
        Algebra().canonical(raw.split())


def test_trees_of_one_size_are_equally_likely():
    prior = Prior(weights={"add": 1.0, "sin": 1.0}, fewest=3, most=3, variables=1)
    trees, _ = sample_trees(np.random.default_rng(0), prior, 22_000)
    counts = collections.Counter(" ".join(tree) for tree in trees)
    assert len(counts) == tree_counts(3)[1][3] == 22
    deviation = sum((n - 1000) ** 2 / 1000 for n in counts.values())
    assert deviation < 47  # chi-square of 21 degrees of freedom, 0.1 %


def test_operators_come_by_weight_within_their_arity():
    trees, _ = sample_trees(np.random.default_rng(0), Prior(), 20_000)
    counts = collections.Counter(token for tree in trees for token in tree)
    binary = sum(counts[name] for name in ("add", "mul", "sub", "div"))
    assert abs(counts["add"] / binary - 1 / 3) < 0.01
    assert abs(counts["pow5"] / counts["sin"] - 1 / 4) < 0.02


def test_variables_appear_in_order_unless_shuffled():
    def gaps(**options):
        trees, columns = sample_trees(np.random.default_rng(0), Prior(**options), 2000)
        found = [sorted({t for t in tree if t in VARIABLES}) for tree in trees]
        return sum(used != list(VARIABLES[: len(used)]) for used in found), max(columns)

    assert gaps() == (0, 3)
    count, columns = gaps(shuffled=True, variables=6)
    assert count > 500 and columns == 6


def test_skeletons_are_the_same_for_the_same_seed():
    first, again, other = (
        [s.tokens for s in itertools.islice(sample_skeletons(Prior(), seed), 50)]
        for seed in (0, 0, 1)
    )
    assert first == again != other


def test_limits_of_the_prior_hold():
    prior = Prior(constants=2, deepest=3, length=14)
    for skeleton in itertools.islice(sample_skeletons(prior, 0), 500):
        assert len(skeleton.tokens) <= 12
        assert skeleton.tokens.count("c") <= 2
        assert any(token in VARIABLES for token in skeleton.tokens)


def test_constants_stand_around_variables_and_functions():
    for seed in range(50):
        placed = place_constants(("add", "x_1", "ln", "x_2"), 3, random.Random(seed))
        text = " ".join(placed)
        assert "c ln" not in text and placed.count("c") <= 3


def test_skeleton_of_an_expression():
    tokens = skeleton_of(parse("3.7*a/b**2 + pi"), ["b", "a"], Algebra())
    assert " ".join(tokens) == "add c mul c mul pow x_1 -2 x_2"
    expression = to_expression(tokens, ["b", "a"])
    assert expression.variables == ("b", "a") and len(expression.constants) == 2
    with pytest.raises(ValueError, match="vocabulary"):
        skeleton_of(parse("Max(a, b)"), ["a", "b"], Algebra())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variables": 7}, "variables=7; expected 1 to 6"),
        ({"fewest": 4, "most": 3}, "expected 1 <= fewest <= most"),
        ({"weights": {}}, "weights is empty"),
        ({"weights": {"sin": 0.0}}, "expected a positive number"),
        ({"weights": {"erf": 1.0}}, "unknown operator 'erf'"),
    ],
)
def test_bad_priors(options, message):
    with pytest.raises(ValueError, match=message):
        Prior(**options)


def test_skeletons_as_drawn_mean_the_same():
    prior = Prior(canonical=False, constants=0)
    drawn = list(itertools.islice(sample_skeletons(prior, 0), 200))
    algebra = Algebra()
    assert all(algebra.canonical(s.tokens) == s.bare for s in drawn)
    assert any(s.tokens != s.bare for s in drawn)


def test_as_many_constants_as_asked_for():
    tokens = ("add", "x_1", "sin", "x_2")
    for seed in range(20):
        placed = place_constants(tokens, 5, random.Random(seed), fewest=4)
        assert placed.count("c") in (4, 5)
    assert place_constants(tokens, 9, random.Random(0), fewest=9).count("c") == 6
