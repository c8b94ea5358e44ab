"""Equations in a part's place: the model's loss with them, and their constants fitted to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.flatten_util import ravel_pytree
from jaxtyping import Array, Bool, Float

from jaxsym._check import require
from jaxsym.distill.parts.model import Model, split
from jaxsym.distill.parts.terms import LawData, PartLaw, law_data, run_data
from jaxsym.expr import Expression
from jaxsym.expr.fitting.errors import standard_errors
from jaxsym.expr.fitting.levenberg_marquardt import Point, levenberg_marquardt

# Residuals of one model are alike in neighboring rows: more do not make an equation more certain.
_INDEPENDENT = 2000
_STEPS = 30  # most evaluations of a fit
# Relative error of predictions below which a loss is rounding, by bytes of the data's numbers: a
# hundred times their precision, as sums of opposite terms and integrations amplify it.
_ROUNDING = {2: 3e-2, 4: 1e-5, 8: 1e-9}
_FAR = 4.0, 8.0  # times the prediction: errors so large tell the loss's power of them


class Scale(NamedTuple):
    """What a loss means.

    Attributes:
      power: of the error in the loss: 2 for mean squares, 1 for absolute values or a root.
      rounding: the loss that rounding of the data leaves.
      neural: of the model as it is.
      nothing: of the model with the part's mean in its place.
      numbers: how many are predicted, as far as they are independent.
    """

    power: float
    rounding: float
    neural: float
    nothing: float
    numbers: int

    @property
    def error(self) -> float:
        """The model's error relative to that without the part's knowledge."""
        return self.relative(self.neural)

    def relative(self, loss: float) -> float:
        """An error relative to that without the part's knowledge, 1."""
        least = max(self.nothing, self.rounding, 1e-300)
        return float((max(loss, 0.0) / least) ** (1.0 / self.power))


class Fit(NamedTuple):
    """Equations in a part's place, fitted.

    Attributes:
      law: with its constants.
      loss: of the model.
      spread: standard errors of each term's constants.
    """

    law: PartLaw
    loss: float
    spread: list[np.ndarray]


class InPlace:
    """A model and data, with laws as data in the place of one part.

    The model is computed in the precision that its user computes it in.

    Args:
      model: with the parts replaced that were found before.
      params: of the model.
      batch: what the loss is taken on.
      part: the part's name.
      inputs: names of its columns.
      features: further columns.
    """

    def __init__(
        self,
        model: Model,
        params: Any,
        batch: Any,
        part: str,
        inputs: Sequence[str],
        features: Mapping[str, Expression],
    ):
        self.model, self.part = model, part
        self._inputs, self._features = tuple(inputs), dict(features)
        arrays, self._rebuild = split((params, batch))
        self._arrays = [jnp.asarray(array) for array in arrays]
        self._linearized = jax.jit(self._fit)
        self._lost = jax.jit(self._loss)
        self._projected = jax.jit(self._projection_loss)
        self._moved = jax.jit(self._movements)

    def loss(self, law: PartLaw) -> float:
        """The model's loss with a law."""
        data, _ = law_data(law)
        return float(self._lost(self._arrays, data, data.program.constants))

    def refit(self, law: PartLaw, steps: int = _STEPS) -> Fit:
        """The law with its constants fitted through the whole model by its loss.

        Method: Levenberg-Marquardt on the generalized Gauss-Newton matrix (Schraudolph 2002):
        derivatives of the prediction by the constants, exact and forward, and the curvature of the
        loss by the prediction; where that is nothing, as for absolute values, one of the same size
        that the gradient implies.
        """
        data, used = law_data(law)
        point, count = self._linearized(self._arrays, data, used.ravel(), steps)
        constants = np.asarray(point.constants, np.float64).reshape(used.shape)
        errors = np.zeros(used.size)
        kept = np.flatnonzero(used)
        loss = float(point.loss)
        curvature = np.asarray(point.curvature, np.float64)[np.ix_(kept, kept)]
        if len(kept) and np.isfinite(loss) and np.all(np.isfinite(curvature)):
            errors[kept] = standard_errors(curvature, loss / min(int(count), _INDEPENDENT))
        if not np.isfinite(loss) or not np.all(np.isfinite(constants)):
            return Fit(law, np.inf, [np.full(len(t.constants), np.inf) for t in law.terms])
        terms = [
            term.with_constants(constants[k, used[k]].tolist()) for k, term in enumerate(law.terms)
        ]
        spread = [errors.reshape(used.shape)[k, used[k]] for k in range(len(terms))]
        return Fit(law.with_terms(terms), loss, spread)

    def scale(self, mean: Float[np.ndarray, " k"]) -> Scale:
        """What the loss means; see `Scale`.

        Args:
          mean: of the part's outputs.
        """

        def losses(arrays: list[Array]) -> tuple[list[Array], Array]:
            params, batch = self._rebuild(arrays)
            prediction = self.model.predict(params, batch)
            flat, unravel = ravel_pytree(prediction)
            noise = jax.random.normal(jax.random.key(0), flat.shape, flat.dtype)
            noise = noise * jnp.sqrt(jnp.mean(flat**2))
            far = [self.model.score(unravel(flat + s * noise), batch) for s in _FAR]
            silent = lambda columns, own: jnp.zeros_like(own) + jnp.asarray(mean, own.dtype)  # noqa: E731
            nothing = self.model.predict(params, batch, {self.part: silent})
            each = [self.model.score(prediction, batch), self.model.score(nothing, batch)]
            return [*each, *far], jnp.asarray(flat.size)

        (neural, nothing, near, far), count = jax.jit(losses)(self._arrays)
        ratio = float(far) / max(float(near), 1e-300)
        power = float(np.clip(np.log2(ratio), 0.25, 4.0)) if ratio > 0 else 2.0
        power = float(round(power)) if abs(power - round(power)) < 0.1 else power
        sizes = [np.dtype(a.dtype).itemsize for a in self._arrays if np.dtype(a.dtype).kind == "f"]
        precision = _ROUNDING.get(min(sizes, default=8), 1e-9)
        rounding = float(far) * (precision / _FAR[1]) ** power
        lost = float(neural), float(nothing) if np.isfinite(nothing) else float(far)
        return Scale(power, rounding, *lost, min(int(count), _INDEPENDENT))

    def projected(self, offset: np.ndarray, onto: Float[np.ndarray, "k k"]) -> float:
        """The model's loss where the part's outputs are projected."""
        return float(self._projected(self._arrays, offset, onto))

    def uses(self, spread: Float[np.ndarray, " k"], draws: int = 4) -> Float[np.ndarray, "k k"]:
        """How the prediction depends on outputs: the mean of the outer product of its derivatives.

        Estimated with random signs of the rows (Hutchinson 1990).

        Args:
          spread: by which each output is changed.
          draws: of signs.
        """
        total = np.zeros((len(spread), len(spread)))
        for draw in range(draws):
            moved = self._moved(self._arrays, np.diag(spread), draw)
            total += np.asarray(moved @ moved.T, np.float64)
        return total / draws / np.outer(spread, spread)

    def _projection_loss(self, arrays: list[Any], offset: Array, onto: Array) -> Array:
        def change(columns: Array, own: Array) -> Array:
            return (own - offset.astype(own.dtype)) @ onto.T.astype(own.dtype) + offset

        return self._score(arrays, change)

    def _movements(self, arrays: list[Any], steps: Array, draw: Array) -> Float[Array, "k P"]:
        """How predictions move with each output, by signs that differ from row to row."""
        params, batch = self._rebuild(arrays)

        def predicted(shift: Array) -> Array:
            def change(columns: Array, own: Array) -> Array:
                sign = jnp.sign(jnp.sin(_phases(columns, draw)))
                return own + sign[..., None] * shift.astype(own.dtype)

            return ravel_pytree(self.model.predict(params, batch, {self.part: change}))[0]

        zero = jnp.zeros(len(steps), steps.dtype)
        return jax.lax.map(lambda step: jax.jvp(predicted, (zero,), (step,))[1], steps)

    def _score(self, arrays: list[Any], change: Any) -> Array:
        params, batch = self._rebuild(arrays)
        return self.model.score(self.model.predict(params, batch, {self.part: change}), batch)

    def _law(self, data: LawData, constants: Array) -> Any:
        return lambda columns, own: run_data(
            data, self._inputs, self._features, columns, constants.astype(columns.dtype)
        )

    def _loss(self, arrays: list[Any], data: LawData, constants: Array) -> Array:
        return self._score(arrays, self._law(data, constants))

    def _fit(
        self, arrays: list[Any], data: LawData, used: Bool[Array, " P"], steps: int
    ) -> tuple[Point, Array]:
        params, batch = self._rebuild(arrays)
        start = jnp.asarray(data.program.constants)
        count = jnp.zeros((), int)

        def predicted(flat: Array) -> tuple[Array, Array]:
            law = self._law(data, flat.reshape(start.shape))
            value = ravel_pytree(self.model.predict(params, batch, {self.part: law}))[0]
            return value, value

        shape = jax.eval_shape(lambda: self.model.predict(params, batch))
        unravel = ravel_pytree(jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shape))[1]
        count = count + sum(leaf.size for leaf in jax.tree.leaves(shape))

        def score(flat: Array) -> Array:
            return self.model.score(unravel(flat), batch)

        def linearize(flat: Array) -> Point:
            slopes, value = jax.jacfwd(predicted, has_aux=True)(flat)
            slopes = jnp.where(used, jnp.nan_to_num(slopes, posinf=0.0, neginf=0.0), 0.0)
            loss, slope = jax.value_and_grad(score)(value)
            bent = jax.vmap(
                lambda step: jax.jvp(jax.grad(score), (value,), (step,))[1], in_axes=1, out_axes=1
            )(slopes)
            plain = slopes.T @ slopes * (jnp.sum(slope**2) / (4 * jnp.maximum(loss, 1e-300)))
            curved = 0.5 * slopes.T @ bent
            flatter = jnp.trace(curved) < 0.1 * jnp.trace(plain)
            curvature = jnp.where(flatter, plain, curved)
            loss = jnp.where(jnp.isfinite(loss), loss, jnp.inf)
            return Point(flat, loss, curvature, 0.5 * slopes.T @ slope)

        return levenberg_marquardt(linearize, start.ravel(), steps), count


def _phases(columns: Float[Array, "*lead V"], draw: Array) -> Float[Array, "*lead"]:
    """Numbers that differ from row to row at random."""
    weights = jax.random.normal(jax.random.key(draw), columns.shape[-1:], columns.dtype)
    return 1e4 * columns @ weights


def check_outside(what: str, loss: float) -> float:
    """A loss that must be a number."""
    require(bool(np.isfinite(loss)), f"the loss on {what} is {loss}; expected a finite number")
    return loss
