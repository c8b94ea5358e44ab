"""Whatever the input: reading, writing and converting end soon, or refuse with a clear reason."""

import pytest
import sympy

from jaxsym.expr import ParseError, UnsupportedError, apply, from_sympy, parse, variable
from jaxsym.expr.tokens import MOST_TOKENS, TooLargeError
from jaxsym.search.problem.dimensions import UnitsError, read_dimensions


def _nested(levels: int, comparison: str) -> str:
    text = "y"
    for _ in range(levels):
        text = f"(1 if {text}{comparison}y else 2)"
    return text


@pytest.mark.parametrize("comparison", ["==", "!="])
def test_conditions_that_double_are_bounded(comparison):
    assert len(parse(_nested(10, comparison)).tokens) < MOST_TOKENS
    with pytest.raises(ParseError, match="expected at most 20000"):
        parse(_nested(40, comparison))


def test_conditions_of_sympy_are_bounded():
    x, formula = sympy.symbols("x y")
    for level in range(3):
        test = sympy.Or(*(sympy.Eq(x, 40 * level + k) for k in range(40)))
        formula = sympy.Piecewise((formula, test), (x, True), evaluate=False)
    with pytest.raises(TooLargeError, match="expected at most 20000"):
        from_sympy(formula)


def test_built_expressions_are_bounded():
    f = variable("x")
    with pytest.raises(TooLargeError, match="expected at most 20000"):
        for _ in range(40):
            f = f * f
    long = parse("+".join(["x"] * 500))
    with pytest.raises(TooLargeError, match="tokens"):
        long.substitute({"x": long})
    with pytest.raises(TooLargeError, match="tokens"):
        apply("max", *[parse("+".join(["x"] * 6000))] * 2)


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9*x",
        "(2*x)**(9**9)",
        "sqrt(2)**(10**9)",
        "(sqrt(2)*x)**1000000",
        "2**(10**9/3)",
        "cube(2**600)*x",
        "2**600*(2**600*x + 1)",
        "exp(exp(exp(1000.0)))",
        "2.5**(2.5**1e300)",
        "1/9**9**9",
    ],
)
def test_numbers_beyond_floats_are_refused(text):
    formula = parse(text)
    for convert in (formula.sympy, formula.latex):
        with pytest.raises(UnsupportedError, match="beyond the range of float64"):
            convert()
    assert parse(str(formula)) == formula


def test_long_exact_numbers_become_floats():
    ratio = "10**300/(10**300 + 1)"
    text = f"x*{'square(' * 12}{ratio}{')' * 12}"
    assert str(parse(text).sympy()) == "1.0*x"
    assert parse("9**320*x").sympy().as_coeff_Mul()[0].is_Float
    assert parse("9**300*x").sympy().as_coeff_Mul()[0].is_Integer


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (_nested(7, "=="), "nested too deeply"),
        (f"Max({','.join(f'x{i}*y{i}' for i in range(40))})", "Max has more than 16 arguments"),
        ("+".join(["x"] * 1500), "at most 2000"),
    ],
)
def test_what_sympy_would_take_long_for_is_refused(text, reason):
    with pytest.raises(UnsupportedError, match=reason):
        parse(text).sympy()


@pytest.mark.parametrize(
    "text",
    ["neg(3)", "inv(5)", "pow(2, 3)", "inv(neg(2))", "neg(neg(2.5))", "pow(x, -1)", "inv(inv(3))"],
)
def test_text_gives_the_same_expression_though_numbers_are_not_folded(text):
    """Beside a number that is too long to be folded the canonical form keeps everything."""
    for whole in (text, f"{text}*9**9**9", f"9**9**9 - sin({text})", f"max({text}, 9**9**9)"):
        f = parse(whole)
        assert parse(str(f)) == f
        assert f.canonical().canonical() == f.canonical()


def test_symbols_of_one_name_are_refused():
    x = sympy.Symbol("x")
    for other in (sympy.Dummy("x"), sympy.Symbol("x", positive=True)):
        with pytest.raises(UnsupportedError, match="two symbols are named x"):
            from_sympy(x + other)
    assert from_sympy(sympy.Dummy("x") ** 2) == variable("x") ** 2


@pytest.mark.parametrize(
    ("formula", "reason"),
    [
        (sympy.Float("1e-400") * sympy.Symbol("x"), "beyond the range of float64"),
        (sympy.Float("1e400") * sympy.Symbol("x"), "beyond the range of float64"),
        (sympy.Integer(10) ** 400, "1329 bits"),
        (sympy.Rational(1, 10**400), "1329 bits"),
        ("x + 1", "`parse` reads text"),
        (None, "no formula of sympy's"),
        (sympy.Derivative(sympy.Function("f")(sympy.Symbol("x"))), r"formula.doit\(\)"),
        (sympy.Integral(sympy.Symbol("x")), r"formula.doit\(\)"),
    ],
)
def test_formulas_that_have_no_expression(formula, reason):
    with pytest.raises(UnsupportedError, match=reason):
        from_sympy(formula)


def test_formulas_nested_too_deeply_are_refused():
    f = variable("x")
    for _ in range(1500):
        f = apply("sin", f)
    with pytest.raises(UnsupportedError, match="recursion"):
        f.latex()


@pytest.mark.parametrize(
    "unit",
    [
        "m**9**9**9",
        "9**9**9*m",
        "9^9^9*m",
        "((9**99)**99)**99*m",
        "m⁹⁹⁹⁹⁹⁹⁹⁹",
        "9 squared squared squared squared squared squared",
        "m**(9**9)",
        "m**9e9",
        "m*" * 200 + "m",
        "m**(1/0)",
    ],
)
def test_units_are_bounded(unit):
    pytest.importorskip("pint")
    with pytest.raises(UnitsError, match="unit of x"):
        read_dimensions(["x"], [unit], "", free_constants=True)


@pytest.mark.parametrize(
    ("unit", "exponents"),
    [
        ("m**(-1/2)", (-0.5,)),
        ("m**2/s^3", (2.0, -3.0)),
        ("m³ s⁻²", (3.0, -2.0)),
        ("square meter", (2.0,)),
        ("meter squared", (2.0,)),
        ("m ** 0.5", (0.5,)),
    ],
)
def test_usual_units_are_read(unit, exponents):
    pytest.importorskip("pint")
    found = read_dimensions(["x"], [unit], "", free_constants=True)
    assert found.variables["x"] == exponents


def test_no_exported_function_hides_a_module():
    import importlib.util

    import jaxsym.expr as room

    hidden = [n for n in room.__all__ if importlib.util.find_spec(f"jaxsym.expr.{n}")]
    assert hidden == []
