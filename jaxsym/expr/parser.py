"""A parser for formulas in Python's or sympy's syntax; nothing is ever evaluated.

Top-down operator precedence (Pratt 1973): each token binds the operand on its left with a
strength, Python's, and the loop in `_Parser.expression` goes on while that is strong enough.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from jaxsym._check import unknown_name
from jaxsym.expr.codes import Code, Table, choose, divide, integer, join, negate, raise_to
from jaxsym.expr.expression import Expression
from jaxsym.expr.operators import OPERATORS
from jaxsym.expr.tokens import CONSTANT, NUMBERS, TooLargeError, variable_token

_LONGEST = 20_000
_DEEPEST = 100
_MOST_DIGITS = 308

_TOKEN = re.compile(
    r"""\s*(?:
    (?P<float>(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)
    |(?P<integer>[0-9]+)
    |(?P<symbol>Symbol\(['"]\w+['"]\))
    |(?P<name>[^\W\d]\w*)
    |(?P<sign>\*\*|[<>=!]=|[-+*/(),<>])
    |(?P<end>\Z)
    )""",
    re.VERBOSE,
)

_STRENGTH = {"if": 1, "+": 3, "-": 3, "*": 4, "/": 4, "**": 6} | dict.fromkeys(
    (">", "<", ">=", "<=", "==", "!="), 2
)
_UNARY = 5
_OPERATORS = {"+": "add", "-": "sub", "*": "mul"}
_ALIASES = {
    "Abs": "abs",
    "Max": "max",
    "Min": "min",
    "ln": "log",
    "arcsin": "asin",
    "arccos": "acos",
    "arctan": "atan",
    "arcsinh": "asinh",
}
_RESERVED = {"if", "else", "and", "or", "not", "True", "False", "inf", "nan", "oo", "zoo"}


class ParseError(ValueError):
    """Text that is not a formula.

    Attributes:
      position: index of the character where reading stopped.
    """

    def __init__(self, position: int, message: str) -> None:
        super().__init__(f"at character {position}: {message}")
        self.position = position


class _Token(NamedTuple):
    kind: str
    text: str
    position: int


class _Condition(NamedTuple):
    """A comparison: it may only decide between two values."""

    comparison: str
    left: Code
    right: Code
    position: int


def parse(
    text: str, *, variables: Sequence[str] | None = None, operators: Table = OPERATORS
) -> Expression:
    """Read a formula.

    Understood are ``+ - * / **``, calls of the table's operators by their own, numpy's or sympy's
    names, ``a if x > y else b`` and ``Piecewise((a, x > y), (b, True))`` with any comparison.
    ``Symbol('E')`` is the variable of that name, whatever else it may mean.
    Integers and ``pi``, ``e``, ``E`` become exact literals, other numbers constants that a fit may
    change; all other names are variables. ``parse(str(f))`` equals ``f``.

    Args:
      variables: the names that may occur; they go before ``pi``, ``e`` and ``E``.
      operators: the table of functions.

    Raises:
      ParseError: the text is not a formula, has an unknown name, or is too long or too deep (20,000
        characters or tokens, 100 levels); the message says where, what was got, and what was
        expected.

    >>> parse("2*x**2 - sqrt(y)/1.5").tokens
    ('sub', 'mul', '2', 'square', 'x', 'div', 'sqrt', 'y', 'C')
    >>> parse("2*(x + ")
    Traceback (most recent call last):
        ...
    jaxsym.expr.parser.ParseError: at character 7: expected a number, name or bracket, got the end
    """
    if len(text) > _LONGEST:
        raise ParseError(_LONGEST, f"{len(text)} characters; expected at most {_LONGEST}")
    parser = _Parser(_tokenize(text), variables, operators)
    try:
        code = parser.value(0)
    except TooLargeError as error:
        raise ParseError(parser.next.position, str(error)) from error
    parser.expect("end")
    return Expression(*code, operators)


def _tokenize(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    while not tokens or tokens[-1].kind != "end":
        match = _TOKEN.match(text, position)
        if match is None or match.lastgroup is None:
            start = position + len(text[position:]) - len(text[position:].lstrip())
            raise ParseError(start, f"unexpected character {text[start]!r}")
        kind, position = match.lastgroup, match.end()
        word = match[kind]
        symbol = kind == "sign" or word in ("if", "else")
        tokens.append(_Token(word if symbol else kind, word, match.start(kind)))
    return tokens


class _Parser:
    """A cursor over tokens, and what names mean."""

    def __init__(
        self, tokens: list[_Token], variables: Sequence[str] | None, operators: Table
    ) -> None:
        self.tokens = tokens
        self.place = 0
        self.depth = 0
        self.variables = variables
        self.operators = operators

    @property
    def next(self) -> _Token:
        return self.tokens[self.place]

    def advance(self) -> _Token:
        token = self.next
        self.place += 1
        return token

    def expect(self, kind: str) -> None:
        if self.next.kind != kind:
            wanted = "an operator or the end" if kind == "end" else repr(kind)
            raise self.unexpected(self.next, wanted)
        self.place += 1

    def unexpected(self, token: _Token, wanted: str) -> ParseError:
        got = "the end" if token.kind == "end" else repr(token.text)
        return ParseError(token.position, f"expected {wanted}, got {got}")

    def value(self, strength: int) -> Code:
        """An expression that is a number."""
        return self.number(self.expression(strength))

    def number(self, node: Code | _Condition) -> Code:
        if isinstance(node, _Condition):
            raise ParseError(node.position, "expected a number, got a comparison")
        return node

    def condition(self, strength: int) -> _Condition:
        """An expression that is a comparison."""
        start = self.next
        node = self.expression(strength)
        if not isinstance(node, _Condition):
            raise ParseError(start.position, "expected a comparison such as x > y, got a number")
        return node

    def expression(self, strength: int) -> Code | _Condition:
        """Read on as long as operators bind more strongly than ``strength``."""
        if self.depth == _DEEPEST:
            raise ParseError(self.next.position, f"nested more than {_DEEPEST} levels deep")
        self.depth += 1
        left = self.operand()
        while _STRENGTH.get(self.next.kind, 0) > strength:
            left = self.binary(self.number(left), self.advance())
        self.depth -= 1
        return left

    def binary(self, left: Code, sign: _Token) -> Code | _Condition:
        strength = _STRENGTH[sign.kind]
        match sign.kind:
            case "if":
                test = self.condition(strength)
                self.expect("else")
                return self.choice(test, left, self.value(0))
            case "/":
                return self.known(divide(left, self.value(strength), self.operators), sign)
            case "**":
                return self.known(raise_to(left, self.value(_UNARY), self.operators), sign)
            case "+" | "-" | "*":
                return self.known(join(_OPERATORS[sign.kind], left, self.value(strength)), sign)
            case _:
                return _Condition(sign.kind, left, self.value(strength), sign.position)

    def operand(self) -> Code | _Condition:
        token = self.advance()
        match token.kind:
            case "integer":
                if len(token.text) > _MOST_DIGITS:
                    raise ParseError(token.position, f"more than {_MOST_DIGITS} digits")
                return integer(int(token.text))
            case "float":
                if math.isinf(float(token.text)):
                    raise ParseError(token.position, f"{token.text} is out of float64's range")
                return (CONSTANT,), (float(token.text),)
            case "name":
                return self.call(token) if self.next.kind == "(" else self.leaf(token)
            case "symbol":
                return self.named(token, token.text[len("Symbol('") : -len("')")])
            case "(":
                inner = self.expression(0)
                self.expect(")")
                return inner
            case "-":
                return self.known(negate(self.value(_UNARY)), token)
            case "+":
                return self.value(_UNARY)
        raise self.unexpected(token, "a number, name or bracket")

    def leaf(self, token: _Token) -> Code:
        """A variable, or a number that has a name."""
        name = token.text
        if name not in (self.variables or ()):
            if name in NUMBERS:
                return (NUMBERS[name],), ()
            if name in _RESERVED:
                raise self.unexpected(token, "a variable")
        return self.named(token, name)

    def named(self, token: _Token, name: str) -> Code:
        """A variable, if there may be one of that name."""
        if not name.isidentifier():
            raise self.unexpected(token, "a variable")
        if self.variables is not None and name not in self.variables:
            error = unknown_name("variable", name, self.variables)
            raise ParseError(token.position, str(error))
        return (variable_token(name, self.operators),), ()

    def call(self, token: _Token) -> Code:
        """A function of arguments in brackets."""
        name = token.text
        if name not in self.operators:
            if name == "Piecewise":
                return self.piecewise()
            name = _ALIASES.get(name, name)
        if name not in self.operators:
            error = unknown_name("function", name, self.operators)
            raise ParseError(token.position, str(error))
        args = self.arguments()
        arity = self.operators[name].arity
        if name in ("min", "max") and len(args) > arity:
            return functools.reduce(functools.partial(join, name), args)
        if len(args) != arity:
            message = f"{name} takes {arity} argument{'s' * (arity > 1)}, got {len(args)}"
            raise ParseError(token.position, message)
        return join(name, *args)

    def arguments(self) -> list[Code]:
        self.expect("(")
        args = [self.value(0)]
        while self.next.kind == ",":
            self.advance()
            args.append(self.value(0))
        self.expect(")")
        return args

    def piecewise(self) -> Code:
        """``(value, condition), ..., (value, True))``, the opening bracket still ahead."""
        branches: list[tuple[_Condition, Code]] = []
        self.expect("(")
        while True:
            self.expect("(")
            value = self.value(0)
            self.expect(",")
            if self.next.text == "True":
                break
            branches.append((self.condition(0), value))
            self.expect(")")
            self.expect(",")
        self.advance()
        self.expect(")")
        self.expect(")")
        for test, branch in reversed(branches):
            value = self.choice(test, branch, value)
        return value

    def choice(self, test: _Condition, yes: Code, no: Code) -> Code:
        code = choose(test.comparison, test.left, test.right, yes, no)
        return self.known(code, _Token("name", test.comparison, test.position))

    def known(self, code: Code, sign: _Token) -> Code:
        """The code, unless the table lacks the operator that a sign stands for."""
        tokens = code[0]
        if len(tokens) > 1 and tokens[0] not in self.operators:
            error = unknown_name("operator", tokens[0], self.operators)
            raise ParseError(sign.position, str(error))
        return code
