"""A user's model with parts that may be recorded and replaced, and its loss."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from jaxsym._check import finite, require, shown
from jaxsym.taps import exposed, replacing

Replacement = Callable[[Array, Array], Array]


class Split(NamedTuple):
    """A tree as its arrays and what puts them back.

    Attributes:
      arrays: numbers, which may be traced.
      rebuild: from such arrays to the tree; everything else in it stays as it is.
    """

    arrays: list[Any]
    rebuild: Callable[[list[Any]], Any]


def split(tree: Any) -> Split:
    """A tree of any kind of leaves in two.

    >>> arrays, rebuild = split({"f": jnp.sin, "w": np.ones(2)})
    >>> len(arrays), rebuild([np.zeros(2)])["w"].tolist()
    (1, [0.0, 0.0])
    """
    leaves, structure = jax.tree.flatten(tree)
    places = [k for k, leaf in enumerate(leaves) if isinstance(leaf, Array | np.ndarray)]

    def rebuild(arrays: list[Any]) -> Any:
        filled = list(leaves)
        for place, array in zip(places, arrays, strict=True):
            filled[place] = array
        return jax.tree.unflatten(structure, filled)

    return Split([leaves[k] for k in places], rebuild)


def compiled(function: Callable[..., Any], *args: Any) -> Any:
    """A pure function's value at trees of any kind of leaves, computed in one program.

    >>> float(compiled(lambda f, x: f(x).sum(), jnp.sin, np.zeros(2)))
    0.0
    """
    arrays, rebuild = split(args)
    return jax.jit(lambda arrays: function(*rebuild(arrays)))(arrays)


class Model:
    """``apply`` and ``loss`` of a user, in which parts may be other functions.

    Args:
      apply: ``(params, batch) -> prediction``, pure.
      loss: ``(prediction, batch) -> scalar``, not negative, zero where all is right.
      where: where the first part is, if it is an attribute of an object; see `exposed`.
      name: of that part.
      columns: how many columns parts have, by name; see `jaxsym.taps.Call.of`.
    """

    def __init__(
        self,
        apply: Callable[[Any, Any], Any],
        loss: Callable[[Any, Any], Any],
        *,
        where: Callable[[Any], Any] | None = None,
        name: str = "part",
        columns: Mapping[str, int] | None = None,
    ):
        self.apply = exposed(apply, where=where, name=name)
        self.loss = loss
        self.columns = dict(columns or {})
        self.fixed: dict[str, Replacement] = {}

    def replace(self, name: str, replacement: Replacement) -> None:
        """From now on a part is another function."""
        self.fixed[name] = replacement

    def predict(
        self, params: Any, batch: Any, replacements: Mapping[str, Replacement] | None = None
    ) -> Any:
        """The prediction with these and all earlier replacements. Pure; to be traced."""
        with replacing({**self.fixed, **(replacements or {})}, columns=self.columns):
            return self.apply(params, batch)

    def score(self, prediction: Any, batch: Any) -> Array:
        """The loss of a prediction. Pure; to be traced."""
        return jnp.asarray(self.loss(prediction, batch)).reshape(())


def check_model(model: Model, params: Any, batch: Any) -> None:
    """Raise unless ``apply`` and ``loss`` are functions of what they are given.

    Raises:
      ValueError: parameters that do not fit, a loss that is not one real number, not finite or
        negative, predictions without numbers, or a function that is not pure.
    """
    prediction = _tried("apply", lambda: compiled(model.predict, params, batch))
    numbers = [np.asarray(leaf) for leaf in jax.tree.leaves(prediction)]
    require(bool(numbers), "apply gives no array; expected a prediction")
    for array in numbers:
        finite("the prediction of the model", array)
    shape = _tried("loss", lambda: model.loss(prediction, batch))
    one = jnp.shape(shape) == () and jnp.issubdtype(jnp.result_type(shape), jnp.floating)
    require(
        one,
        f"loss gives {'an array of shape ' + str(jnp.shape(shape)) if jnp.shape(shape) else shape}"
        "; expected one real number",
    )
    value = float(shape)
    require(np.isfinite(value), f"the loss of the model is {value}; expected a finite number")
    require(value >= 0, f"the loss of the model is {value:.4g}; expected one that is not negative")
    again = _tried("apply", lambda: compiled(model.predict, params, batch))
    for first, second in zip(jax.tree.leaves(prediction), jax.tree.leaves(again), strict=True):
        first, second = np.asarray(first, float), np.asarray(second, float)
        scale = np.max(np.abs(first), initial=0.0)
        require(
            bool(np.allclose(first, second, rtol=1e-2, atol=1e-2 * scale)),
            "apply is not pure: it gives different values for the same parameters and batch, "
            f"{np.max(np.abs(first - second)):.3g} apart; expected a function of these alone",
        )


def _tried(what: str, call: Callable[[], Any]) -> Any:
    """What a user's function gives; what it raises is said to be its own."""
    try:
        return call()
    except jax.errors.UnexpectedTracerError as error:
        raise ValueError(
            f"{what} is not pure: it keeps a value of an earlier call, in a global variable or an "
            f"attribute ({shown(str(error).split('.')[0])})"
        ) from error
    except ValueError:
        raise
    except Exception as error:
        raise ValueError(
            f"{what} cannot be evaluated with these params and this batch: "
            f"{type(error).__name__}: {shown(error)}"
        ) from error
