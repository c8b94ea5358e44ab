"""Parts of models that are modules, as taps: by their path in Flax, or as attributes of objects."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from typing import Any

from flax import linen as nn

from jaxsym._check import require
from jaxsym.taps.marks import tap, wanted


def exposed(
    apply: Callable[..., Any], *, where: Callable[[Any], Any] | None = None, name: str = "part"
) -> Callable[..., Any]:
    """The same model, with a tap at each of its modules.

    Modules of `flax.linen` are taps of their paths, such as ``encoder/Dense_0``.

    Args:
      apply: ``(params, batch) -> prediction``.
      where: what to take from the first argument, a model that is an object (a module of Equinox or
        of `flax.nnx`, or anything that holds callables as attributes): a callable part of it.
      name: of the tap at ``where``.

    >>> import jax, jax.numpy as jnp
    >>> from jaxsym.taps import seen_names
    >>> class Net(nn.Module):
    ...     @nn.compact
    ...     def __call__(self, x):
    ...         return nn.Dense(1, name="last")(nn.silu(nn.Dense(4)(x)))
    >>> params = Net().init(jax.random.key(0), jnp.ones(2))
    >>> seen_names(exposed(Net().apply), params, jnp.ones(2))
    ('Dense_0', 'last')
    """

    def run(params: Any, *args: Any) -> Any:
        if where is not None:
            params = with_tap(params, where, name)
        with nn.intercept_methods(_intercepted):
            return apply(params, *args)

    return run


class _Root(threading.local):
    """Where in the whole model the module lies that is applied by itself."""

    path: tuple[str, ...] = ()


_ROOT = _Root()


def _intercepted(next_function: Callable[..., Any], args: tuple, kwargs: dict, context: Any) -> Any:
    """A module's call as a tap of its path."""
    place = (*_ROOT.path, *context.module.path)
    inner = context.method_name == "__call__" and context.module.path
    if not (inner and wanted("/".join(place))):
        return next_function(*args, **kwargs)
    return tap("/".join(place), _pure(context.module, place), *args, **kwargs)


def _pure(module: nn.Module, place: tuple[str, ...]) -> Callable[..., Any]:
    """A module's call as a function, which may be called more than once."""
    free, variables = module.unbind()
    assert module.scope is not None
    rngs = {name: module.make_rng(name) for name in module.scope.rngs}

    def call(*args: Any, **kwargs: Any) -> Any:
        before, _ROOT.path = _ROOT.path, place
        try:
            return free.apply(variables, *args, rngs=rngs, **kwargs)
        finally:
            _ROOT.path = before

    return call


def with_tap(model: Any, where: Callable[[Any], Any], name: str) -> Any:
    """A copy of a model, in which a part that is called is a tap.

    Args:
      model: an object, which stays as it is.
      where: from the model to the part.
      name: of the tap.

    Raises:
      ValueError: nothing that can be called is there, or it is not found among the attributes.

    >>> from types import SimpleNamespace
    >>> import jax.numpy as jnp
    >>> model = SimpleNamespace(layers=[jnp.sin, jnp.cos])
    >>> tapped = with_tap(model, lambda model: model.layers[1], "second")
    >>> float(tapped.layers[1](0.0)), model.layers[1] is jnp.cos
    (1.0, True)
    """
    part = where(model)
    require(
        callable(part), f"where gives a {type(part).__name__}; expected a part that can be called"
    )

    def tapped(*args: Any, **kwargs: Any) -> Any:
        return tap(name, part, *args, **kwargs)

    found = _with(model, part, tapped, set())
    require(
        found is not None,
        f"where gives a {type(part).__name__} that is no attribute of the model, nor of what it "
        "holds; expected a part of it",
    )
    return found


def _with(holder: Any, part: Any, new: Any, met: set[int]) -> Any:
    """A copy of what holds a part, at any depth, with another object in its place; or None."""
    if holder is part:
        return new
    children = _children(holder)
    if children is None or id(holder) in met:
        return None
    met.add(id(holder))
    for key, child in children:
        changed = _with(child, part, new, met)
        if changed is not None:
            return _copied(holder, key, changed)
    return None


def _children(holder: Any) -> list[tuple[Any, Any]] | None:
    if isinstance(holder, list | tuple):
        return list(enumerate(holder))
    if isinstance(holder, dict):
        return list(holder.items())
    own = getattr(holder, "__dict__", None)
    return None if own is None or isinstance(holder, type) else list(own.items())


def _copied(holder: Any, key: Any, child: Any) -> Any:
    if isinstance(holder, tuple):
        parts = [child if k == key else old for k, old in enumerate(holder)]
        return type(holder)(*parts) if hasattr(holder, "_fields") else tuple(parts)
    made = copy.copy(holder)
    if isinstance(holder, list | dict):
        made[key] = child
    else:
        object.__setattr__(made, key, child)  # modules may be frozen
    return made
