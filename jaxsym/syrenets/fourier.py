"""Lagrangians as sums of terms that nothing can write in another way, and the gauge that is left.

Products of sines and cosines are sums over waves ``exp(i k . q)``; in powers, waves and velocities
an expression has one set of coefficients, so that two Lagrangians are compared by these.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from jaxsym._check import require
from jaxsym.expr import Expression, UnsupportedError
from jaxsym.expr.tokens import literal_value
from jaxsym.simulate import variable_names
from jaxsym.syrenets.library import LagrangianTerm, is_gauge

# Powers of q, wave vector, powers of qd: the coefficient of exp(i k . q) is a complex number.
_Key: TypeAlias = tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]
WaveSum: TypeAlias = dict[_Key, complex]

# A frequency this near to a whole number is one.
_WHOLE = 1e-9


def wave_terms(expression: Expression, coordinates: int) -> dict[LagrangianTerm, float]:
    """The coefficient of each term of an expression in ``q1 .. qD qd1 .. qdD``.

    Raises:
      UnsupportedError: an operator or an argument that such terms cannot say, such as ``exp(q1)``,
        ``sin(q1**2)`` or a frequency that is not a whole number.

    >>> from jaxsym.expr import parse
    >>> wave_terms(parse("2*sin(q1)*sin(q2) + qd1**2/2"), 2)  # doctest: +ELLIPSIS
    {LagrangianTerm(powers=(0, 0), waves=(0, 0), sine=False, rates=(2, 0)): 0.5, ...}
    """
    names = variable_names(coordinates)
    unknown = [name for name in expression.variables if name not in names]
    require(not unknown, f"{unknown} in {expression}; expected only {', '.join(names)}")
    total = expression.fold(
        variable=lambda name: variable_sum(names.index(name), coordinates),
        constant=lambda slot: _number(expression.constants[slot], coordinates),
        literal=lambda token: _number(literal_value(token), coordinates),
        apply=lambda operator, arguments: apply_rule(operator.name, arguments),
    )
    return real_terms(total)


def real_terms(total: WaveSum) -> dict[LagrangianTerm, float]:
    """Sums over waves as cosines and sines."""
    found: dict[LagrangianTerm, float] = {}
    for (powers, waves, rates), value in total.items():
        leading = next((e for e in waves if e), 0)
        if leading < 0:
            continue
        # exp(ikq) and its conjugate make a cosine of twice the real part
        twice = 2 if leading else 1
        for sine, part in ((False, twice * value.real), (True, -twice * value.imag)):
            if part:
                found[LagrangianTerm(powers, waves, sine, rates)] = part
    return dict(sorted(found.items(), key=_order))


def gauge_fixed(terms: Mapping[LagrangianTerm, float]) -> dict[LagrangianTerm, float]:
    """Without what no torque depends on: constants, and time derivatives ``dF(q)/dt``.

    >>> from jaxsym.expr import parse
    >>> lagrangian = parse("qd1**2 + 3 + qd1*cos(q1 + q2) + qd2*cos(q1 + q2)")
    >>> [str(term.rates) for term in gauge_fixed(wave_terms(lagrangian, 2))]
    ['(2, 0)']
    """
    left = {term: value for term, value in terms.items() if not is_gauge(term)}
    linear = {term: left.pop(term) for term in list(left) if sum(term.rates) == 1}
    gradients = [_gradient(shape) for shape in _potentials(linear)]
    basis = list(dict.fromkeys([*linear, *itertools.chain(*gradients)]))
    vector = np.array([linear.get(term, 0.0) for term in basis])
    span = np.array([[g.get(term, 0.0) for term in basis] for g in gradients])
    if gradients:
        # the part that is no gradient
        vector = vector - span.T @ np.linalg.lstsq(span.T, vector)[0]
    largest = max(map(abs, linear.values()), default=0.0)
    left |= {t: v for t, v in zip(basis, vector.tolist(), strict=True) if abs(v) > 1e-14 * largest}
    return dict(sorted(left.items(), key=_order))


def _potentials(linear: Iterable[LagrangianTerm]) -> set[LagrangianTerm]:
    """Functions of the coordinates whose gradients may be part of terms linear in velocities."""
    found: set[LagrangianTerm] = set()
    waiting = {term._replace(rates=(0,) * len(term.rates)) for term in linear if any(term.waves)}
    waiting |= {_integral(term) for term in linear if not term.waves[term.rates.index(1)]}
    while waiting:
        shape = waiting.pop()
        found.add(shape)
        if any(shape.waves):
            turned = shape._replace(sine=not shape.sine)
            lower = (_lowered(shape, i) for i, power in enumerate(shape.powers) if power > 0)
            waiting |= {turned, *lower} - found
    return found


def _gradient(shape: LagrangianTerm) -> dict[LagrangianTerm, float]:
    """``dF/dt`` of a function of the coordinates."""
    parts: dict[LagrangianTerm, float] = {}
    turned = shape._replace(sine=not shape.sine)
    for i, (power, wave) in enumerate(zip(shape.powers, shape.waves, strict=True)):
        unit = tuple(int(j == i) for j in range(len(shape.powers)))
        if power:
            parts[_lowered(shape, i)._replace(rates=unit)] = float(power)
        if wave:
            parts[turned._replace(rates=unit)] = float(wave if shape.sine else -wave)
    return parts


def _lowered(shape: LagrangianTerm, place: int) -> LagrangianTerm:
    powers = tuple(e - (i == place) for i, e in enumerate(shape.powers))
    return shape._replace(powers=powers)


def _integral(term: LagrangianTerm) -> LagrangianTerm:
    """Of a term ``f(q) qd_i`` by ``q_i``, on which its wave does not depend."""
    return term._replace(powers=_sums(term.powers, term.rates), rates=(0,) * len(term.rates))


def same_lagrangian(
    found: Expression, truth: Expression, coordinates: int, *, tolerance: float = 1e-8
) -> bool:
    """Whether two Lagrangians cause the same motion: equal terms up to the gauge.

    Args:
      tolerance: relative, of every coefficient.

    >>> from jaxsym.expr import parse
    >>> product = parse("qd1*qd2*(cos(q1)*cos(q2) + sin(q1)*sin(q2)) + 1")
    >>> same_lagrangian(parse("qd1*qd2*cos(q1 - q2)"), product, 2)
    True
    """
    one, other = (gauge_fixed(wave_terms(e.canonical(), coordinates)) for e in (found, truth))
    largest = max([abs(v) for v in other.values()], default=0.0)
    return all(
        abs(one.get(term, 0.0) - other.get(term, 0.0))
        <= max(tolerance * abs(other.get(term, 0.0)), 1e-15 * largest)
        for term in one.keys() | other.keys()
    )


def _order(item: tuple[LagrangianTerm, float]) -> Any:
    """Kinetic energy first, then by waves and powers."""
    term = item[0]
    return -sum(term.rates), tuple(-r for r in term.rates), term.powers, term.waves, term.sine


def _number(value: float, coordinates: int) -> WaveSum:
    zero = (0,) * coordinates
    return {(zero, zero, zero): complex(value)} if value else {}


def variable_sum(place: int, coordinates: int) -> WaveSum:
    """The variable at a place of ``q1 .. qD qd1 .. qdD``."""
    zero = [0] * coordinates
    unit = [int(i == place % coordinates) for i in range(coordinates)]
    powers, rates = (unit, zero) if place < coordinates else (zero, unit)
    return {(tuple(powers), tuple(zero), tuple(rates)): 1.0 + 0.0j}


def _add(a: WaveSum, b: WaveSum, sign: float = 1.0) -> WaveSum:
    total = dict(a)
    for key, value in b.items():
        total[key] = total.get(key, 0.0) + sign * value
    return {key: value for key, value in total.items() if value}


def _multiply(a: WaveSum, b: WaveSum) -> WaveSum:
    total: WaveSum = {}
    for (p, k, r), x in a.items():
        for (p2, k2, r2), y in b.items():
            key = _sums(p, p2), _sums(k, k2), _sums(r, r2)
            total[key] = total.get(key, 0.0) + x * y
    return total


def _sums(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(x + y for x, y in zip(a, b, strict=True))


def _wave(argument: WaveSum) -> WaveSum:
    """``exp(i argument)``, the argument a constant plus whole multiples of coordinates."""
    coordinates = len(next(iter(argument))[0]) if argument else 1
    waves, phase = [0] * coordinates, 0.0
    for (powers, k, rates), value in argument.items():
        if any(k) or any(rates) or sum(powers) > 1:
            raise UnsupportedError("a sine or cosine of more than a sum of coordinates")
        if not any(powers):
            phase = value.real
            continue
        whole = round(value.real)
        if abs(value.real - whole) > _WHOLE:
            raise UnsupportedError(f"a sine or cosine of {value.real} times a coordinate")
        waves[powers.index(1)] = whole
    zero = (0,) * coordinates
    return {(zero, tuple(waves), zero): complex(np.exp(1j * phase))}


def _conjugate(a: WaveSum) -> WaveSum:
    return {(p, tuple(-e for e in k), r): value.conjugate() for (p, k, r), value in a.items()}


def _scale(a: WaveSum, factor: complex) -> WaveSum:
    return {key: factor * value for key, value in a.items()}


def _cosine(argument: WaveSum) -> WaveSum:
    wave = _wave(argument)
    return _add(_scale(wave, 0.5), _scale(_conjugate(wave), 0.5))


def _sine(argument: WaveSum) -> WaveSum:
    wave = _wave(argument)
    return _add(_scale(wave, -0.5j), _scale(_conjugate(wave), 0.5j))


def _power(base: WaveSum, exponent: int) -> WaveSum:
    if exponent < 0:
        return _power(_inverse(base), -exponent)
    result = _multiply(base, base) if exponent > 1 else base
    for _ in range(exponent - 2):
        result = _multiply(result, base)
    return result if exponent else {next(iter(_multiply(base, _inverse(base)))): 1.0 + 0.0j}


def _inverse(a: WaveSum) -> WaveSum:
    if len(a) != 1:
        raise UnsupportedError("a division by a sum or by zero")
    ((powers, waves, rates), value) = next(iter(a.items()))
    if any(waves) or any(rates):
        raise UnsupportedError("a division by a wave or a velocity")
    return {(tuple(-e for e in powers), waves, rates): 1 / value}


def _to_whole(exponent: WaveSum) -> int:
    values = list(exponent.values())
    constant = not exponent or (len(values) == 1 and not any(map(any, next(iter(exponent)))))
    whole = round(values[0].real) if values else 0
    if not constant or (values and values[0].real != whole):
        raise UnsupportedError("a power that is not a whole number")
    return whole


_RULES: dict[str, Callable[..., WaveSum]] = {
    "add": _add,
    "sub": lambda a, b: _add(a, b, -1.0),
    "mul": _multiply,
    "div": lambda a, b: _multiply(a, _inverse(b)),
    "inv": _inverse,
    "neg": lambda a: _scale(a, -1.0),
    "square": lambda a: _multiply(a, a),
    "cube": lambda a: _power(a, 3),
    "pow": lambda a, b: _power(a, _to_whole(b)),
    "sin": _sine,
    "cos": _cosine,
}


def apply_rule(operator: str, arguments: list[WaveSum]) -> WaveSum:
    """An operator of sums over waves.

    Raises:
      UnsupportedError: the result is no such sum.
    """
    if operator not in _RULES:
        raise UnsupportedError(f"no sum of powers and waves says {operator}")
    return _RULES[operator](*arguments)
