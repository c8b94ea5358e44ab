"""Templates: a known outer structure with unknown parts, such as `A(r)*d`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jaxsym._check import require
from jaxsym.expr import OPERATORS, Expression, Operator, apply, constant, literal, parse, variable
from jaxsym.expr.tokens import CONSTANT, is_literal
from jaxsym.search.reparametrize.change import Change, solvable

_CALL = re.compile(r"([^\W\d]\w*)\s*\(")


@dataclass(frozen=True)
class Template:
    """Known structure around unknown parts; without any, only constants are fitted.

    Attributes:
      outer: the target by variables and the names of the parts.
      arguments: for each part, the expressions that it is a function of.
    """

    outer: Expression
    arguments: Mapping[str, tuple[Expression, ...]]

    def change(self, part: str, others: Mapping[str, Expression]) -> Change:
        """The change of variables that makes a part the target.

        Args:
          part: which.
          others: what the other parts are taken to be, in the table's variables.
        """
        names = _argument_names(part, self.arguments[part])
        inner = dict(zip(names, self.arguments[part], strict=True))
        return Change(inner, self.outer.substitute(others), part)


def read_template(
    text: str, *, variables: Sequence[str], operators: Mapping[str, Operator] = OPERATORS
) -> Template:
    """Read a template: calls of functions that no operator has are its unknown parts.

    Numbers with a decimal point are constants to be fitted, integers stay as they are.

    Raises:
      ParseError: text that is no formula.
      ValueError: a part that occurs twice, is named as a variable, or for which the template cannot
        be solved.

    >>> template = read_template("A(r)*d + B(m1, m2)", variables=["r", "d", "m1", "m2"])
    >>> template.outer, list(template.arguments)
    (Expression(A*d + B), ['A', 'B'])
    """
    parts = dict(_unknown_calls(text, operators))
    for name in parts:
        require(name not in variables, f"template: '{name}' is a variable; it cannot be a part too")
        reserved = name == CONSTANT or is_literal(name)
        require(not reserved, f"template: a part cannot be called '{name}', which means a number")
    rows = {**OPERATORS, **operators}
    table = rows | {name: Operator(name, arity, _first, _first) for name, arity in parts.items()}
    whole = parse(text, variables=variables, operators=table)
    arguments: dict[str, tuple[Expression, ...]] = {}

    def join(operator: Operator, inside: list[Expression]) -> Expression:
        if operator.name in rows:
            return apply(operator.name, *inside, operators=rows)
        require(operator.name not in arguments, f"template: {operator.name} occurs more than once")
        arguments[operator.name] = tuple(inside)
        return variable(operator.name)

    outer = whole.fold(
        variable=variable,
        constant=lambda slot: constant(whole.constants[slot]),
        literal=literal,
        apply=join,
    )
    for name in arguments:
        require(
            solvable(outer, name),
            f"template {text!r} cannot be solved for {name}; each part occurs once, and what is "
            "around it has an inverse",
        )
    return Template(outer, {name: arguments[name] for name in parts})


def _first(*arguments: Any) -> Any:
    return arguments[0]


def _unknown_calls(text: str, operators: Mapping[str, Operator]) -> Iterator[tuple[str, int]]:
    """Names that are called but known to nobody, with their numbers of arguments."""
    for match in _CALL.finditer(text):
        name = match[1]
        if name not in operators and name not in OPERATORS and not _readable(name):
            yield name, 1 + _commas(text[match.end() :])


def _readable(name: str) -> bool:
    """Whether the parser knows a function by that name (`Max`, `arcsin`, ...)."""
    try:
        parse(f"{name}(x)")
    except ValueError as error:
        return "unknown function" not in str(error)
    return True


def _commas(text: str) -> int:
    """Commas before the bracket closes that is open before the text."""
    depth = count = 0
    for character in text:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            break
        count += character == "," and depth == 0
    return count


def _argument_names(part: str, arguments: Sequence[Expression]) -> list[str]:
    """Variables keep their names; other arguments get one."""
    plain = [len(a.tokens) == 1 and len(a.variables) == 1 for a in arguments]
    return [
        a.variables[0] if is_plain else f"{part}_{place}"
        for place, (a, is_plain) in enumerate(zip(arguments, plain, strict=True))
    ]
