"""What a fitted `SymbolicRegressor` gives: values, equations and their errors, and its file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from jaxsym._check import require
from jaxsym._views import attempt
from jaxsym.expr import OPERATORS, Expression
from jaxsym.search.experiments import Experiments, common_constants
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.front.residual import Residual, residual
from jaxsym.search.front.uncertainty import Uncertainties, Uncertainty
from jaxsym.search.parameters import Parameters
from jaxsym.search.problem.inputs import (
    check_feature_names,
    column_names,
    read_table,
    read_targets,
    read_weights,
)
from jaxsym.search.serialization import front_to_json, parameters_to_json, write_model

if TYPE_CHECKING:
    import pandas as pd
    import sympy


class Fitted(Parameters):
    """The views of a model that has been fitted or loaded; `SymbolicRegressor` documents them."""

    fronts_: tuple[ParetoFront, ...]
    variables_: tuple[str, ...]
    single_: bool
    _uncertainties: Uncertainties
    _experiments: Experiments | None

    def predict(
        self,
        X: Any,
        index: int | None = None,
        return_std: bool = False,
        experiment: Any = None,
    ) -> Any:
        """Values of the selected equation, `[n]`, or `[n, k]` if y was.

        Args:
          X: `[n, V]` with the columns of the fit.
          index: row of the front, instead of the selected one.
          return_std: whether standard deviations of the values are returned too, of the same shape:
            how far the uncertainty of the equation's numbers moves them, without the noise.
          experiment: `[n]` labels, after a fit with experiments; `[n]` values are returned then.

        Raises:
          ValueError: not fitted, other columns, or standard deviations of a model from a file of
            the version before, which has none.
        """
        chosen = self._chosen(index)
        table = read_table(X)
        check_feature_names(column_names(X), getattr(self, "feature_names_in_", None))
        require(
            table.shape[1] == self.n_features_in_,
            f"X has {table.shape[1]} features, but SymbolicRegressor is expecting "
            f"{self.n_features_in_} features as input",
        )
        groups = getattr(self, "_experiments", None)
        require(groups is not None or experiment is None, "the fit was without experiments")
        of_row = None if groups is None else groups.numbers(experiment, len(table))

        def picked(columns: list[np.ndarray]) -> np.ndarray:
            values = np.column_stack(columns)
            if of_row is not None:
                return values[np.arange(len(values)), of_row]
            return values[:, 0] if self.single_ else values

        values = picked([e.evaluate(table, self.variables_) for e in chosen])
        if not return_std:
            return values
        errors = [u.std(table, self.variables_) for u in self._uncertainties.of(chosen)]
        return values, picked(errors)

    @property
    def experiments_(self) -> tuple[Any, ...]:
        """Labels of the experiments, in the order of `expression_`; empty without any."""
        self._check_fitted()
        groups = getattr(self, "_experiments", None)
        return () if groups is None else groups.names

    @property
    def common_(self) -> tuple[bool, ...]:
        """Which constants of the selected form are the same in all experiments."""
        return common_constants(self._chosen(None))

    def score(self, X: Any, y: Any, sample_weight: Any = None, experiment: Any = None) -> float:
        """Share of the variance explained, R2, averaged over targets."""
        predicted = self.predict(X, experiment=experiment).reshape(len(read_table(X)), -1)
        target = read_targets(y, len(predicted))
        weights, _ = read_weights(sample_weight, None, (len(target), 1))
        weights = np.ones((len(target), 1)) if weights is None else weights
        mean = (weights * target).sum(0) / weights.sum()
        left = (weights * (predicted - target) ** 2).sum(0)
        total = (weights * (target - mean) ** 2).sum(0)
        shares = np.where(left == 0, 0.0, left / np.where(total > 0, total, np.nan))
        return float(np.mean(1 - np.where(np.isnan(shares), 1.0, shares)))

    @property
    def front_(self) -> pd.DataFrame | list[pd.DataFrame]:
        """The front, see the class."""
        self._check_fitted()
        return self._one_or_all([_frame(front) for front in self.fronts_])

    @property
    def expression_(self) -> Expression | list[Expression]:
        """The selected equation, see the class."""
        return self._one_or_all(self._chosen(None))

    @property
    def residual_(self) -> Residual | list[Residual]:
        """What the selected equation leaves, against the noise."""
        found = map(residual, self.fronts_, self._chosen(None))
        notes = getattr(self, "_notes", [""] * len(self.fronts_))  # a loaded model has none
        return self._one_or_all([replace(r, note=n) for r, n in zip(found, notes, strict=True)])

    @property
    def uncertainty_(self) -> Uncertainty | list[Uncertainty]:
        """Standard errors and correlations of the selected equation's numbers."""
        return self._one_or_all(self._uncertainties.of(self._chosen(None)))

    def sympy(self, index: int | None = None) -> sympy.Expr | list[sympy.Expr]:
        """The selected equation, or that of a row of the front, in sympy."""
        return self._one_or_all([e.sympy() for e in self._chosen(index)])

    def latex(self, index: int | None = None, digits: int = 6) -> str | list[str]:
        """The selected equation, or that of a row of the front, in LaTeX."""
        return self._one_or_all([e.latex(digits) for e in self._chosen(index)])

    def to_json(self) -> dict[str, Any]:
        """The selected equation and the front, as `jaxsym fit --json` tells them."""
        fronts = [
            [
                {"complexity": c.complexity, "loss": c.loss, "expression": str(c.expression)}
                for c in front
            ]
            for front in self.fronts_
        ]
        return {
            "expression": self._one_or_all([str(e) for e in self._chosen(None)]),
            "latex": attempt("the equation in LaTeX", self.latex, None),
            "front": self._one_or_all(fronts),
        }

    def jax(self, index: int | None = None) -> Any:
        """`(f, constants)` of the selected equation, see `Expression.jax`.

        `f(X, constants)` is a pure function of `[..., V]` tables with the columns of the fit. A
        list of such pairs if y is `[n, k]`.
        """
        return self._one_or_all([e.jax(self.variables_) for e in self._chosen(index)])

    def save(self, path: str | Path) -> None:
        """Write parameters and fronts as JSON; engines, callbacks and own operators stay behind."""
        self._check_fitted()
        write_model(
            path,
            {
                "parameters": parameters_to_json(self.get_params()),
                "variables": list(self.variables_),
                "feature_names": _listed(getattr(self, "feature_names_in_", None)),
                "single": self.single_,
                "fronts": [front_to_json(front) for front in self.fronts_],
                "experiments": _listed(self.experiments_ or None),
                "covariances": self._uncertainties.to_json(self.fronts_),
            },
        )

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "fronts_")

    def _keep(
        self,
        fronts: Sequence[ParetoFront],
        names: tuple[str, ...],
        columns: Sequence[str] | None,
        single: bool,
    ) -> None:
        self.fronts_ = tuple(map(_portable, fronts))
        self.variables_, self.single_ = names, single
        self.n_features_in_ = len(names)
        if columns is not None:
            self.feature_names_in_ = np.array(columns, dtype=object)
        elif hasattr(self, "feature_names_in_"):
            del self.feature_names_in_

    def _chosen(self, index: int | None) -> list[Expression]:
        self._check_fitted()
        one_form = self.shared_form or self.experiments_
        if index is None and one_form and len(self.fronts_) > 1:
            index = self._shared_row()
        if index is not None:
            return [front.candidates[index].expression for front in self.fronts_]
        return [self._select(front).expression for front in self.fronts_]

    def _shared_row(self) -> int:
        """The row of the form that all targets share."""
        if self.selection != "description_length":
            first = self.fronts_[0]
            return first.candidates.index(self._select(first))
        bits = [[f.description_length(c) for c in f] for f in self.fronts_]
        return int(np.argmin(np.sum(bits, axis=0)))

    def _select(self, front: ParetoFront) -> Candidate:
        if callable(self.selection):
            return self.selection(front)
        if self.selection == "accuracy":
            return front.candidates[-1]
        return front.best(self.selection)  # type: ignore[arg-type]

    def _check_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            raise _not_fitted()("SymbolicRegressor is not fitted yet; call fit first")

    def _one_or_all(self, values: list[Any]) -> Any:
        return values[0] if self.single_ else values


def _portable(front: ParetoFront) -> ParetoFront:
    """The front with the shared table where that has all operators: own rows need not pickle."""

    def shared(e: Expression) -> Expression:
        used = {token: e.operators[token] for token in e.tokens if token in e.operators}
        known = all(n in OPERATORS and OPERATORS[n].sympy is row.sympy for n, row in used.items())
        return Expression(e.tokens, e.constants) if known else e

    rows = tuple(c._replace(expression=shared(c.expression)) for c in front)
    return replace(front, candidates=rows)


def _frame(front: ParetoFront) -> pd.DataFrame:
    import pandas as pd

    columns = ["complexity", "loss", "score", "expression"]
    rows = [[c.complexity, c.loss, c.score, c.expression] for c in front]
    return pd.DataFrame(rows, columns=columns)


def _listed(values: Any) -> list | None:
    return None if values is None else np.asarray(values).tolist()


def _not_fitted() -> type[Exception]:
    """scikit-learn's own error where it is installed, since its tools look for it."""
    try:
        from sklearn.exceptions import NotFittedError
    except ModuleNotFoundError:
        return ValueError
    return NotFittedError
