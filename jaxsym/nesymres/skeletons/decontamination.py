"""Keeping the equations of test sets out of the training data, by form and by value."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from jaxsym._programs import bounded_jit
from jaxsym.expr import Expression, evaluate
from jaxsym.nesymres.pretraining.programs import to_program
from jaxsym.nesymres.skeletons.algebra import Algebra
from jaxsym.nesymres.skeletons.coefficients import UndefinedError
from jaxsym.nesymres.skeletons.sampling import Skeleton, skeleton_of
from jaxsym.nesymres.vocabulary import BINARY, ID, MOST_VARIABLES, UNARY, VARIABLES, to_ids

_POINTS = 64
_FEWEST = 8  # finite values that a comparison by value needs
_ARITY = {**dict.fromkeys(UNARY, 1), **dict.fromkeys(BINARY, 2)}
_BLOCK, _LENGTH = 1024, 64  # shape of what is evaluated together


class Exclusion:
    """Equations that training must not see, whatever their variables are called.

    A skeleton is refused if its canonical form, with or without constants, is that of an excluded
    equation, or if without constants it has the same values to three digits.

    Args:
      sets: named lists of equations, with the names of their columns.
      variables: number that the skeletons may have.

    >>> from jaxsym.expr import parse
    >>> exclusion = Exclusion({"mine": [(parse("2.5*a*b"), ["a", "b"])]})
    >>> product = ("mul", "c", "mul", "x_2", "x_3")
    >>> exclusion.keep([Skeleton(product, ("mul", "x_2", "x_3"), 3)])
    []
    """

    def __init__(
        self,
        sets: Mapping[str, Iterable[tuple[Expression, Sequence[str]]]],
        variables: int = MOST_VARIABLES,
    ):
        self.names = tuple(sets)
        self._variables = variables
        self._algebra = Algebra()
        self._forms: set[tuple[str, ...]] = set()
        for name in sets:
            for expression, columns in sets[name]:
                self._add(skeleton_of(expression, columns, self._algebra))
        bare = sorted(form for form in self._forms if "c" not in form)
        self._values = {value for value in signatures(bare) if value is not None}

    def keep(self, skeletons: Sequence[Skeleton]) -> list[Skeleton]:
        """Those skeletons that are none of the excluded equations."""
        kept = [s for s in skeletons if not {s.tokens, s.bare} & self._forms]
        values = signatures([s.bare for s in kept])
        return [s for s, value in zip(kept, values, strict=True) if value not in self._values]

    def _add(self, tokens: tuple[str, ...]) -> None:
        forms = [tokens]
        try:
            forms.append(without_constants(tokens, self._algebra))
        except UndefinedError:
            pass
        for form in forms:
            used = sorted(set(form) & set(VARIABLES))
            for names in itertools.permutations(VARIABLES[: self._variables], len(used)):
                renamed = dict(zip(used, names, strict=True))
                named = [renamed.get(token, token) for token in form]
                self._forms.add(self._algebra.canonical(named))


def without_constants(tokens: Sequence[str], algebra: Algebra) -> tuple[str, ...]:
    """A skeleton with its factors ``c`` set to 1 and its terms ``c`` to 0.

    Raises:
      UndefinedError: nothing with a value is left.

    >>> " ".join(without_constants("add c mul c x_1".split(), Algebra()))
    'x_1'
    """
    neutral = list(tokens)
    parents: list[str] = []
    for place, token in enumerate(tokens):
        parent = parents.pop() if parents else ""
        if token == "c":
            neutral[place] = "0" if parent == "add" else "1"
        parents += [token] * _ARITY.get(token, 0)
    return algebra.canonical(neutral)


def signatures(forms: Sequence[tuple[str, ...]]) -> list[bytes | None]:
    """Values without constants at fixed points, to three digits; None where too few are finite.

    >>> same = signatures([("add", "x_1", "x_2"), ("add", "x_2", "x_1"), ("x_1",)])
    >>> same[0] == same[1], same[0] == same[2]
    (True, False)
    """
    found: list[bytes | None] = []
    for start in range(0, len(forms), _BLOCK):
        part = forms[start : start + _BLOCK]
        usual = np.array([len(f) + 2 <= _LENGTH and all(t in ID for t in f) for f in part])
        ids = np.full((_BLOCK, _LENGTH), ID["1"], np.int32)
        for row, form in enumerate(part):
            if usual[row]:
                ids[row] = to_ids(form, _LENGTH)
        rounded, finite = _rounded(np.asarray(_values(ids, _points())))
        enough = usual & (finite >= _FEWEST)[: len(part)]
        found += [row.tobytes() if ok else None for row, ok in zip(rounded, enough, strict=False)]
    return found


@bounded_jit()
def _values(ids: Int[Array, "P L"], X: Float[Array, "n V"]) -> Float[Array, "P n"]:
    constants = jnp.ones((len(ids), 1))  # forms without constants have no use for it
    return evaluate(to_program(ids, constants, X.shape[1]), X)


def _points() -> Float[np.ndarray, "n V"]:
    rng = np.random.default_rng(0)
    return rng.uniform(-3, 3, (_POINTS, len(VARIABLES))).astype(np.float32)


def _rounded(values: Float[np.ndarray, "P n"]) -> tuple[np.ndarray, np.ndarray]:
    """Values to three digits, those not finite as 0, and how many are finite in each row."""
    finite = np.isfinite(values) & (np.abs(values) < 1e30)
    known = np.where(finite, values, 0).astype(np.float64)
    size = np.maximum(np.abs(known), 1e-30)
    digits = 10.0 ** (2 - np.floor(np.log10(size)))
    return np.round(known * digits) / digits, finite.sum(1)
