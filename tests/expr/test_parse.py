"""The parser: Python's grammar, sympy's output, and a clear error for everything else."""

import random
import re

import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st
from random_expressions import expressions
from sympy.parsing.sympy_parser import parse_expr

from jaxsym.expr import OPERATORS, Expression, ParseError, apply, parse, variable

FUZZ = settings(max_examples=500, deadline=None, derandomize=True)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("x - y - z", "sub sub x y z"),
        ("x - (y - z)", "sub x sub y z"),
        ("x / y * z", "mul div x y z"),
        ("x + y * z ** a", "add x mul y pow z a"),
        ("x ** y ** z", "pow x pow y z"),
        ("-x ** y", "neg pow x y"),
        ("x ** -y", "pow x neg y"),
        ("-x * y", "mul neg x y"),
        ("+x", "x"),
        ("-2", "-2"),
        ("-2 ** 2", "neg square 2"),
        ("(-2) ** 2", "square -2"),
        ("x ** (1/2)", "sqrt x"),
        ("x ** (-1/2)", "inv sqrt x"),
        ("1 / x", "inv x"),
        ("1 / 3", "div 1 3"),
        ("3 ** -1", "div 1 3"),
        ("x ** 0.5", "pow x C"),
        ("007 + E + e + pi", "add add add 7 e e pi"),
        ("ln(x) + arcsin(y)", "add log x asin y"),
        ("Max(x, y, 1)", "max max x y 1"),
        ("pow(x, y)", "pow x y"),
        ("a if x > y else b", "if_greater x y a b"),
        ("a if x < y else b", "if_greater y x a b"),
        ("a if x >= y else b", "if_greater y x b a"),
        ("a if x <= y else b", "if_greater x y b a"),
        ("a if x == y else b", "if_greater x y b if_greater y x b a"),
        ("a if x != y else b", "if_greater x y a if_greater y x a b"),
        ("a if (x + 1 > y) else b if y > 1 else c", "if_greater add x 1 y a if_greater y 1 b c"),
        ("Piecewise((a, x > y), (b, y <= 1), (c, True))", "if_greater x y a if_greater y 1 c b"),
        ("θ_1*if_", "mul θ_1 if_"),
    ],
)
def test_grammar(text, tokens):
    assert " ".join(parse(text).tokens) == tokens


def test_numbers_with_a_point_or_exponent_are_constants():
    f = parse("1e-30*x + .5 - 2. + 1E3 + 0.1")
    assert f.constants == (1e-30, 0.5, 2.0, 1000.0, 0.1)


def test_given_variables_go_before_numbers_and_exclude_other_names():
    f = parse("e*pi", variables=["e"])
    assert f.variables == ("e",)
    np.testing.assert_allclose(f.evaluate([[2.0]]), 2 * np.pi)
    with pytest.raises(ParseError, match="unknown variable 'mas'; did you mean 'mass'"):
        parse("mas*x", variables=["mass", "x"])


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", 0, "expected a number, name or bracket, got the end"),
        ("2*(x + ", 7, "expected a number, name or bracket, got the end"),
        ("(x", 2, "expected ')', got the end"),
        ("x y", 2, "expected an operator or the end, got 'y'"),
        ("2x", 1, "expected an operator or the end, got 'x'"),
        ("x ^ 2", 2, "unexpected character '^'"),
        ("x + $", 4, "unexpected character"),
        ("sine(x)", 0, "unknown function 'sine'; did you mean 'sin'"),
        ("sin(x, y)", 0, "sin takes 1 argument, got 2"),
        ("sin()", 4, "expected a number, name or bracket"),
        ("x > y", 2, "expected a number, got a comparison"),
        ("(x > y) + 1", 3, "expected a number, got a comparison"),
        ("x < y < z", 2, "expected a number, got a comparison"),
        ("a if x else b", 5, "expected a comparison such as x > y, got a number"),
        ("a if x > y", 10, "expected 'else', got the end"),
        ("a and b", 2, "expected an operator or the end"),
        ("True", 0, "expected a variable, got 'True'"),
        ("nan", 0, "expected a variable, got 'nan'"),
        ("1e999", 0, "1e999 is out of float64's range"),
        ("9" * 309, 0, "more than 308 digits"),
        ("Piecewise((a, x > y))", 20, "expected ',', got"),
        ("x.real", 1, "unexpected character"),
        ("lambda: x", 6, "unexpected character ':'"),
        ("__import__('os')", 11, "unexpected character"),
    ],
)
def test_errors_say_where_and_what(text, position, message):
    with pytest.raises(ParseError, match=re.escape(message)) as error:
        parse(text)
    assert error.value.position == position
    assert str(error.value).startswith(f"at character {position}: ")


@pytest.mark.parametrize("text", ["(" * 10_000 + "x", "-" * 10_000 + "x", "x**" * 5_000 + "x"])
def test_deep_nesting_is_an_error(text):
    with pytest.raises(ParseError, match="nested more than 100 levels deep"):
        parse(text)


def test_long_text_is_an_error_and_long_sums_are_not():
    with pytest.raises(ParseError, match="20001 characters; expected at most 20000"):
        parse("x" * 20_001)
    assert parse("+".join(["x"] * 10_000)) == 10_000 * variable("x")


@FUZZ
@given(st.text(max_size=40))
def test_any_text_gives_an_expression_or_a_parse_error(text):
    try:
        assert isinstance(parse(text), Expression)
    except ParseError as error:
        assert 0 <= error.position <= len(text)


_WORDS = ["x", "y1", "2", "0.5", "1e5", "pi", "E", "+", "-", "*", "/", "**", "(", ")", ",", ">",
          "<=", "==", "if", "else", "sin", "Max", "Piecewise", "True", "pow", " "]  # fmt: skip


@FUZZ
@given(st.lists(st.sampled_from(_WORDS), max_size=25).map("".join))
def test_any_words_give_an_expression_or_a_parse_error(text):
    try:
        f = parse(text)
    except ParseError:
        return
    assert parse(str(f)) == f


@FUZZ
@given(expressions(st.floats(allow_nan=False, allow_infinity=False)))
def test_text_reads_back_to_an_equal_expression_with_the_same_bits(f):
    assert parse(str(f)) == f
    assert parse(str(parse(str(f)))).tokens == parse(str(f)).tokens
    assert parse(repr(f.canonical())[len("Expression(") : -1]).constants == f.canonical().constants


def random_formula(rng: random.Random, depth: int) -> str:
    """Text with as few brackets as the grammar lets it have, to test precedence."""
    if depth == 0:
        return rng.choice(["x", "y", "z", "2", "3"])
    left, right = random_formula(rng, depth - 1), random_formula(rng, depth - 1)
    return rng.choice(
        [
            f"{left} + {right}",
            f"{left} - {right}",
            f"{left}*{right}",
            f"{left}/{right}",
            f"({left})/{right}",
            f"{left} - ({right})",
            f"-{left}",
            f"{left}**2",
            f"{left}**-x",
            f"sin({left})",
        ]
    )


@pytest.mark.parametrize("seed", range(60))
def test_precedence_is_that_of_sympys_parser(seed):
    text = random_formula(random.Random(seed), 3)
    values = [1.3, 0.7, 1.9]
    expected = parse_expr(text).subs(dict(zip("xyz", values, strict=True)))
    got = parse(text).evaluate(values, ["x", "y", "z"])
    assert float(got) == pytest.approx(complex(expected), rel=1e-9)


@pytest.mark.parametrize("operator", OPERATORS.values(), ids=list(OPERATORS))
def test_both_parsers_read_what_is_printed_and_what_sympy_prints(operator):
    f = apply(operator.name, *map(variable, "xyab"[: operator.arity]))
    assert parse(str(f)) == f
    assert parse_expr(str(f)) == f.sympy()
    assert parse(str(f.sympy())) == f
    assert parse(sympy.sstr(f.sympy() / 3 + sympy.pi)) == f / 3 + parse("pi")
