"""Compiled programs, of which a process keeps a bounded number.

JAX keeps what it has compiled for as long as the function lives, a program for each shape of the
arguments. Functions of a module live for ever, and every new table or motion has new shapes: a
process of many discoveries would grow by some hundred megabytes with each.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from functools import partial, update_wrapper
from typing import Any

import jax
import numpy as np

_SHAPES = 4  # of a function's arguments: what one piece of work needs


class BoundedJit:
    """`jax.jit` that keeps the programs of the last shapes of arguments that it was called with."""

    def __init__(self, function: Callable[..., Any], shapes: int, options: dict[str, Any]):
        update_wrapper(self, function)
        self._function, self._shapes, self._options = function, shapes, options
        self._static = _places(options.get("static_argnums", ()))
        self._static_names = _names(options.get("static_argnames", ()))
        self._within = jax.jit(function, **options)  # within other programs it has none of its own
        self._programs: OrderedDict[Hashable, Callable[..., Any]] = OrderedDict()
        self._lock = threading.Lock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        static = [args[place] for place in self._static if place < len(args)]
        static += [kwargs[name] for name in self._static_names if name in kwargs]
        traced = [arg for place, arg in enumerate(args) if place not in self._static]
        named = {name: arg for name, arg in kwargs.items() if name not in self._static_names}
        leaves, tree = jax.tree.flatten((traced, named))
        if any(isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            return self._within(*args, **kwargs)
        shapes = tuple(map(np.shape, leaves))
        return self._program((tree, shapes, *static))(*args, **kwargs)

    @property
    def latest(self) -> Any:
        """The compiled function that was called last, for all arguments of those shapes."""
        return next(reversed(self._programs.values()))

    def _program(self, key: Hashable) -> Callable[..., Any]:
        """The function compiled for some shapes; the one unused for longest makes room for it."""
        with self._lock:
            if key not in self._programs:
                # a new function object: JAX forgets its programs when it is gone
                self._programs[key] = jax.jit(partial(self._function), **self._options)
                if len(self._programs) > self._shapes:
                    self._programs.popitem(last=False)
            self._programs.move_to_end(key)
            return self._programs[key]


def bounded_jit(*, shapes: int = _SHAPES, **options: Any) -> Callable[[Callable], BoundedJit]:
    """A decorator like `jax.jit`, for functions that live as long as the process.

    Args:
      shapes: of arguments for which programs are kept.
      options: of `jax.jit`.

    >>> @bounded_jit(static_argnums=0, shapes=2)
    ... def times(factor, x):
    ...     return factor * x
    >>> [times(2, np.ones(size)).sum().item() for size in (1, 2, 3)], len(times._programs)
    ([2.0, 4.0, 6.0], 2)
    """
    return lambda function: BoundedJit(function, shapes, options)


def _places(given: int | Sequence[int]) -> tuple[int, ...]:
    return (given,) if isinstance(given, int) else tuple(given)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)
