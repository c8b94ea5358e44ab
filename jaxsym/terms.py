"""Kinds of terms that laws of motion are sums of: a vector that turns with the coordinates.

Every kind is one row of `KINDS`. A term of a law is such a vector times a coefficient, a formula in
what no change of coordinates changes. The vector is one function of arrays: NumPy's, JAX's, or
arrays of expressions, from which the term's coordinates in a report are made.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float

from jaxsym._check import unknown_name
from jaxsym.expr import Expression, apply, literal, variable

AXES = ("x", "y", "z")
_TINY = 1e-30  # beside squares of speeds: a body at rest has a slope, too
# a quarter turn about the last axis, to be multiplied from the right
_TURN = np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 0]])
_SCALED = 2.0  # lengths or speeds, to see with which power of them a vector grows

Vector = Callable[[Any, Any], Any]


class Kind(NamedTuple):
    """A kind of term.

    Attributes:
      name: in words.
      between: whether it is of a pair of bodies, else of one body alone.
      vector: of a pair's ``d = x2 - x1`` and ``v2 - v1``, or of a body's position and velocity,
        ``[..., D]`` each.
      symbol: of the vector in a line of text.
      tex: the same in LaTeX.
      along: whether the vector has the length r: a coefficient is a function of distance over r.
    """

    name: str
    between: bool
    vector: Vector
    symbol: str
    tex: str
    along: bool = False

    def components(self, dims: int) -> tuple[Expression, ...]:
        """The vector by coordinates, in ``dx dvx`` or ``x1 vx1`` and so on.

        >>> [str(part) for part in KINDS["across"].components(2)]
        ['-dy', 'dx']
        >>> [str(part) for part in KINDS["quadratic drag"].components(2)][0]
        'vx1*sqrt(vx1**2 + vy1**2)'
        """
        ends = ("d{}", "dv{}") if self.between else ("{}1", "v{}1")
        arrays = [
            np.array([variable(form.format(axis)) for axis in AXES[:dims]], object) for form in ends
        ]
        return tuple(_formula(part) for part in self.vector(*arrays))

    @property
    def powers(self) -> tuple[int, int]:
        """With which powers of lengths and of speeds the vector grows.

        >>> KINDS["quadratic drag"].powers, KINDS["central"].powers
        ((0, 2), (1, 0))
        """
        return _powers(self.name)

    def unit(self, length: float, speed: float) -> float:
        """The vector's unit where those of lengths and speeds are these."""
        of_length, of_speed = self.powers
        return length**of_length * speed**of_speed


def _turned(vector: Any) -> Any:
    """By a quarter turn, in the plane; about the last axis in space."""
    dims = vector.shape[-1]
    return vector @ _TURN[:dims, :dims].astype(vector.dtype)


def _size(vector: Any) -> Any:
    square = _square(vector)
    if vector.dtype == object:
        return np.array([apply("sqrt", square[0])], object)
    return (square + _TINY) ** 0.5


def _square(vector: Any) -> Any:
    return (vector * vector).sum(axis=-1, keepdims=True)


def _approach(d: Any, dv: Any) -> Any:
    return d * ((d * dv).sum(axis=-1, keepdims=True) / _square(d))


def _constant(axis: int) -> Vector:
    return lambda x, v: 0 * x + np.eye(x.shape[-1], dtype=int)[axis].astype(x.dtype)


KINDS = {
    kind.name: kind
    for kind in (
        Kind("central", True, lambda d, dv: d, "d", r"(\vec{x}_2 - \vec{x}_1)", along=True),
        Kind(
            "across", True, lambda d, dv: _turned(d), "turned(d)",
            r"\hat{z} \times (\vec{x}_2 - \vec{x}_1)", along=True,
        ),
        Kind(
            "relative velocity", True, lambda d, dv: dv, "(v2 - v1)", r"(\vec{v}_2 - \vec{v}_1)"
        ),
        Kind(
            "approach", True, _approach, "(d.(v2 - v1)/r^2) d",
            r"\frac{(\vec{x}_2 - \vec{x}_1) \cdot (\vec{v}_2 - \vec{v}_1)}{r^2} "
            r"(\vec{x}_2 - \vec{x}_1)",
        ),
        Kind("drag", False, lambda x, v: v, "v1", r"\vec{v}_1"),
        Kind(
            "quadratic drag", False, lambda x, v: v * _size(v), "|v1| v1",
            r"\lVert \vec{v}_1 \rVert \vec{v}_1",
        ),
        Kind("magnetic", False, lambda x, v: _turned(v), "turned(v1)", r"\hat{z} \times \vec{v}_1"),
        Kind("trap", False, lambda x, v: x, "x1", r"\vec{x}_1"),
        *(
            Kind(f"constant along {axis}", False, _constant(k), f"e_{axis}", rf"\hat{{{axis}}}")
            for k, axis in enumerate(AXES)
        ),
    )
}  # fmt: skip

# names for several kinds at once
SETS: dict[str, tuple[str, ...]] = {
    "pair": ("central",),
    "friction": ("relative velocity", "approach", "drag", "quadratic drag"),
    "field": tuple(f"constant along {axis}" for axis in AXES),
}


def kinds(names: Iterable[str] | None, dims: int, order: int = 2) -> list[Kind]:
    """The kinds of terms that may occur.

    Args:
      names: of kinds or of several at once (`SETS`); None for all.
      dims: D; there are no constants along other axes.
      order: 1 where velocities are what terms add up to: none then depends on velocities.

    Raises:
      ValueError: a name that is not known, with the nearest one.

    >>> [kind.name for kind in kinds(["pair", "trap"], 2)]
    ['central', 'trap']
    >>> kinds(["frction"], 2)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    ValueError: unknown kind of term 'frction'; did you mean 'friction'? known: pair, friction, ...
    """
    wanted: list[str] = []
    for name in KINDS if names is None else names:
        if name not in KINDS and name not in SETS:
            raise unknown_name("kind of term", name, [*SETS, *KINDS])
        wanted += SETS.get(name, (name,))
    there = [KINDS[name] for name in dict.fromkeys(wanted)]
    there = [kind for kind in there if not _is_beyond(kind, dims)]
    return [kind for kind in there if order == 2 or kind.powers[1] == 0]


def _is_beyond(kind: Kind, dims: int) -> bool:
    return kind.name in SETS["field"] and AXES.index(kind.name[-1]) >= dims


def turns_with(kind: Kind, change: Float[np.ndarray, "D D"]) -> bool:
    """Whether a vector turns with the coordinates under a rotation or a reflection.

    Args:
      kind: of term.
      change: an orthogonal matrix.

    >>> turns_with(KINDS["across"], np.diag([1.0, -1.0])), turns_with(KINDS["drag"], np.eye(2))
    (False, True)
    """
    first, second = np.random.default_rng(0).normal(size=(2, 20, len(change)))
    before, after = kind.vector(first, second), kind.vector(first @ change, second @ change)
    return bool(np.allclose(before @ change, after))


@functools.cache
def _powers(name: str) -> tuple[int, int]:
    first, second = np.random.default_rng(0).normal(size=(2, 1, 2))
    kind = KINDS[name]
    if _is_beyond(kind, 2):
        return (0, 0)
    usual = np.abs(kind.vector(first, second)).max()
    larger = ((_SCALED * first, second), (first, _SCALED * second))
    ratio = [np.abs(kind.vector(*ends)).max() / usual for ends in larger]
    return round(np.log2(ratio[0])), round(np.log2(ratio[1]))


def _formula(part: Any) -> Expression:
    return part.canonical() if isinstance(part, Expression) else literal(int(part))
