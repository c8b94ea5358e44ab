"""`tap` marks an inner function; contexts record its calls or put another function in its place.

Outside of a context, `tap` calls the function and leaves no trace in the program that JAX makes. A
context changes what is traced within it. It is a part of the key of JAX's caches, so that functions
that were compiled before are traced again, and as they were afterwards.

Recorded values leave the program by a primitive operation, the mark, which is the identity on the
function's value. Under `jax.vmap` it takes up the mapped axis, under `jax.grad` it stays with the
values, and `collect` evaluates the program, loops included, with what each mark holds as a further
result.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jaxtyping import Array, Float

from jaxsym.taps.calls import Call
from jaxsym.taps.programs import Record, evaluate

__all__ = ["Record", "collect", "replacing", "seen_names", "tap", "wanted"]

Replacement: TypeAlias = Callable[[Float[Array, "*lead V"], Float[Array, "*lead k"]], Array]

_CONTEXT = jax.make_user_context(None)
_NUMBERS = itertools.count(1)


class _Watcher(NamedTuple):
    """What a context does with calls.

    Attributes:
      wants: whether those of a name are given to ``takes``.
      takes: a name, the function and its arguments; its value takes the place of the function's.
      outer: the context around it, whose calls are those that this one does not want.
    """

    wants: Callable[[str], bool]
    takes: Callable[[str, Callable[..., Any], tuple, dict], Any]
    outer: _Watcher | None = None

    def of(self, name: str) -> _Watcher | None:
        """The innermost context that wants the calls of a name."""
        if self.wants(name):
            return self
        return None if self.outer is None else self.outer.of(name)


class _Watching(threading.local):
    """The innermost context of this thread."""

    watcher: _Watcher | None = None


_WATCHING = _Watching()


def tap(name: str, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Mark an inner function of a model: ``tap("force", f, x)`` is ``f(x)``.

    Works under every transformation of JAX. Outside of `jaxsym.symbolify` it costs nothing in a
    compiled program.

    Args:
      name: of the function, by which it is asked for.
      function: pure, with rows of columns ``[..., V]`` as its arrays and ``[..., k]`` as its value.
      args: its arguments.
      kwargs: the same by name.

    Returns:
      what the function returns.

    >>> import jax, jax.numpy as jnp
    >>> model = jax.jit(lambda x: tap("square", lambda x: x**2, x).sum())
    >>> float(model(jnp.array([1.0, 2.0])))
    5.0
    """
    watcher = _WATCHING.watcher and _WATCHING.watcher.of(name)
    if watcher is None:
        return function(*args, **kwargs)
    return watcher.takes(name, function, args, kwargs)


def wanted(name: str) -> bool:
    """Whether a context asks for the calls of a tap; to be asked once a call."""
    return _WATCHING.watcher is not None and _WATCHING.watcher.of(name) is not None


@contextmanager
def _watched(watcher: _Watcher) -> Iterator[None]:
    """A context in which calls are given to ``watcher``, and functions are traced anew."""
    before = _WATCHING.watcher
    _WATCHING.watcher = watcher._replace(outer=before)
    try:
        with _CONTEXT(next(_NUMBERS)):
            yield
    finally:
        _WATCHING.watcher = before


def seen_names(function: Callable[..., Any], *args: Any) -> tuple[str, ...]:
    """Names of the taps that a function meets, each once, in order.

    Args:
      function: pure.
      args: its arguments, of any kind.

    >>> seen_names(lambda x: tap("f", jnp.sin, tap("g", jnp.cos, x)), 1.0)
    ('g', 'f')
    """
    names: dict[str, None] = {}

    def wants(name: str) -> bool:
        names[name] = None
        return False

    with _watched(_Watcher(wants, lambda *call: None)):
        jax.eval_shape(lambda: function(*args))
    return tuple(names)


def collect(
    name: str, function: Callable[..., Any], *args: Any, columns: int | None = None
) -> tuple[Any, list[Record]]:
    """The value of a function, and every call of a tap in it. Pure; may be jitted.

    Args:
      name: of the tap.
      function: pure, of arrays.
      args: its arguments.
      columns: see `Call.of`.

    Returns:
      its value, and a record for each place in the program where the tap is called.

    Raises:
      ValueError: see `Call.of`.

    >>> value, (record,) = collect("f", jax.vmap(lambda x: tap("f", jnp.sum, x)), jnp.ones((3, 2)))
    >>> record.inputs.shape, record.outputs.shape, record.slopes.shape
    ((3, 2), (3, 1), (3, 1, 2))
    """

    def recorded(name: str, function: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
        call = Call.of(name, function, args, kwargs, columns)
        held = call.columns, call.slopes(), call.mixing()
        return call.as_output(_mark.bind(call.own(), *held, name=name))

    with _watched(_Watcher(name.__eq__, recorded)):
        program, shape = jax.make_jaxpr(function, return_shape=True)(*args)
    values, records = evaluate(_mark, program, jax.tree.leaves(args))
    return jax.tree.unflatten(jax.tree.structure(shape), values), records


@contextmanager
def replacing(
    replacements: Mapping[str, Replacement], *, columns: Mapping[str, int] | None = None
) -> Iterator[None]:
    """A context in which taps of some names are other functions.

    Args:
      replacements: by name, functions of a call's columns ``[..., V]`` and of what the tap itself
        would give, ``[..., k]``, to what it is to give.
      columns: how many columns there are by name, see `Call.of`.

    >>> with replacing({"f": lambda columns, own: own + 1.0}):
    ...     float(tap("f", jnp.sin, jnp.zeros(())))
    1.0
    """

    def replaced(name: str, function: Callable[..., Any], args: tuple, kwargs: dict) -> Any:
        call = Call.of(name, function, args, kwargs, (columns or {}).get(name))
        return call.as_output(replacements[name](call.columns, call.own()))

    with _watched(_Watcher(replacements.__contains__, replaced)):
        yield


# The identity on its first operand, which holds the others.
_mark = Primitive("jaxsym_mark")
_mark.def_impl(lambda value, *held, name: value)
_mark.def_abstract_eval(lambda value, *held, name: value)
mlir.register_lowering(
    _mark, mlir.lower_fun(lambda value, *held, name: value, multiple_results=False)
)


def _batched(operands: tuple, axes: tuple, *, name: str) -> tuple[Array, int]:
    """The mark of all mapped values, the mapped axis first."""
    size = next(
        operand.shape[axis]
        for operand, axis in zip(operands, axes, strict=True)
        if axis is not batching.not_mapped
    )
    moved = [
        jnp.broadcast_to(operand, (size, *operand.shape))
        if axis is batching.not_mapped
        else jnp.moveaxis(operand, axis, 0)
        for operand, axis in zip(operands, axes, strict=True)
    ]
    return _mark.bind(*moved, name=name), 0


def _changed(primals: tuple, tangents: tuple, *, name: str) -> tuple[Array, Any]:
    return _mark.bind(*primals, name=name), tangents[0]


batching.primitive_batchers[_mark] = _batched
ad.primitive_jvps[_mark] = _changed
