"""`SymbolicRegressor`: the search as an estimator in scikit-learn's manner."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from jaxtyping import Array

from jaxsym._check import require
from jaxsym._deprecation import renamed_arguments
from jaxsym.expr import OPERATORS, Expression, Operator
from jaxsym.search.experiments import Experiments
from jaxsym.search.fitted import Fitted
from jaxsym.search.front.uncertainty import Uncertainties
from jaxsym.search.problem.inputs import (
    check_size,
    column_names,
    read_count,
    read_order,
    read_table,
    read_targets,
    read_weights,
    variable_names,
)
from jaxsym.search.problem.losses import center, read_loss
from jaxsym.search.problem.problem import Problem, make_problems
from jaxsym.search.request import Request
from jaxsym.search.serialization import (
    front_from_json,
    read_model,
)

if TYPE_CHECKING:
    from sklearn.utils import Tags


class SymbolicRegressor(Fitted):
    """Equations for a table of numbers.

    An estimator in scikit-learn's manner that does not need scikit-learn. Without a time limit the
    result depends on data, parameters and `random_state` alone. Progress is logged at level INFO to
    `jaxsym.search`.

    Args:
      engine: "native", "nesymres", "hybrid", "operon", "pysr", or an `Engine`.
      time_limit: seconds for all targets; Ctrl-C ends a fit too and keeps what has been found.
      max_complexity: no equation is more complex.
      operators: names of operators, and `Operator` rows of your own; by default those of
        `DEFAULT_OPERATORS`.
      complexity_of_operators: complexity of operators by name, where it is to be another.
      nested_constraints: for an operator, how often others may be nested in it, as in
        `{"sin": {"sin": 0}}`.
      required: variables that must occur.
      constraints: `jaxsym.search.Constraints`: what else limits the form or values of equations.
      guesses: equations to start from, as text or `Expression`; their constants are fitted.
      template: known structure. Functions that are no operators are its unknown parts, as in
        `"A(r)*d"`; without any, the template's decimal numbers alone are fitted.
      constants: numbers by name that fitted constants may turn out to be; with a unit, as in
        `{"g": (9.81, "m/s^2")}`, they may stand wherever that dimension is needed.
      units: of each column, or by name, as pint writes them or as exponents of base units.
      y_units: of the target, or a list of one for each.
      dimensionless_constants_only: whether fitted constants have no dimension; otherwise they may
        have any.
      shared_form: whether several targets get one form with constants of their own.
      loss: "squared", "absolute", "huber", "poisson" (counts), "log" (relative errors), "interval"
        (y is `[n, 2]`, low and high, and nothing is lost between), or a JAX function of predictions
        and targets, both `[n]`, that returns `[n]`. Forms are searched for by squares with the
        loss's weights; constants, ranks and the choice follow the loss.
      selection: which equation of the front is used: "description_length", "score", "accuracy"
        (least loss), or a function from `ParetoFront` to `Candidate`.
      warm_start: whether a further fit starts from the equations of the one before.
      callback: called with `Progress` after every stage. An exception that it raises is logged and
        ends the fit with what has been found.
      random_state: seed.

    Attributes:
      fronts_: a `ParetoFront` for each target.
      front_: the front as a data frame with columns complexity, loss, score and expression; a list
        of them if y is `[n, k]`.
      expression_: the selected equation, or a list of them.
      residual_: what it leaves of the target, against the noise; `str` puts it into words.
      uncertainty_: standard errors and correlations of its numbers, and which are not determined.
      variables_: names in the equations.
      weights_: `[n]` weights of the rows, or a list of them: as given, or as the table asks for:
        without sample_weight and sigma, rows far off count nothing, and where the target spans
        decades and its errors are plainly in proportion to it, they are weighted so. Give
        sample_weight of 1 for plain squares.
      cut_off_: names of the stages that the time limit did not allow, or not to the end.
      interrupted_: whether Ctrl-C, or an exception in the callback, ended the fit.
      n_features_in_, feature_names_in_: as scikit-learn has them.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(1.0, 2.0, (50, 3))
    >>> model = SymbolicRegressor().fit(X, X[:, 0] * X[:, 1] / X[:, 2] ** 2)
    >>> model.expression_, model.latex()
    (Expression(x0*x1/x2**2), '\\\\frac{x_{0} x_{1}}{x_{2}^{2}}')
    """

    @renamed_arguments(weights="sample_weight")
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        sigma: Any = None,
        n_effective: float | None = None,
        order: Any = None,
        experiment: Any = None,
        variables: Sequence[str] | None = None,
    ) -> SymbolicRegressor:
        """Search for y as a function of the columns of X.

        Args:
          X: `[n, V]` array or data frame.
          y: `[n]` or `[n, k]`.
          sample_weight: `[n]` or `[n, k]` inverse variances of y, up to a factor.
          sigma: standard deviation of y's noise, a number, `[n]` or `[n, k]`; given instead of
            sample_weight, equations are not asked to explain more than that, and the search ends
            with a short equation that leaves no more.
          n_effective: number of independent rows that tell as much as all do, where neighboring
            errors are alike: of smoothed signals, splines, or a network's values.
          order: `[n]` in the place of n_effective, such as time: what the equations leave along it
            tells how many rows are independent.
          experiment: `[n]` labels of experiments with one law: its form is shared, and constants
            are common to all where the likelihood does not ask for others. `expression_` and the
            fronts are then lists with one entry for each of `experiments_`.
          variables: names of the columns; by default a data frame's own, or x0, x1, ...

        Returns:
          itself.

        Raises:
          TypeError, ValueError: data, parameters or units that cannot be worked with; nothing has
            been computed then.
        """
        table = read_table(X)
        columns = column_names(X)
        default = [f"x{i}" for i in range(table.shape[1])]
        names = variable_names(list(variables) if variables is not None else columns or default)
        require(
            len(names) == table.shape[1],
            f"{len(names)} variables named; X has {table.shape[1]} columns",
        )
        given = read_targets(y, len(table))
        check_size(len(table), table.shape[1] + given.shape[1])
        self.check()
        loss = read_loss(self.loss, table, given)
        targets = given if loss is None else center(loss, given)
        inverse_variances, noise = read_weights(sample_weight, sigma, targets.shape)
        request = Request.read(self, names, targets.shape[1], self._start(names))
        problems: Sequence[Problem] = make_problems(
            table,
            targets,
            inverse_variances,
            variables=names,
            operators=request.operators,
            max_complexity=self.max_complexity,
            constraints=request.constraints,
            noise=noise,
            n_effective=read_count(n_effective, len(table)),
        )
        groups = None if experiment is None else Experiments.read(experiment, len(table))
        if groups is not None:
            single = targets.shape[1] == 1 and loss is None and order is None
            require(single, "experiments take one target, squared errors, and no order")
            problems = [problems[0].rows(rows) for rows in groups.rows()]
        along = read_order(order, n_effective, len(table))
        weigh = inverse_variances is None
        found = request.search(
            problems,
            self._key(),
            weigh=weigh,
            order=along,
            loss=loss,
            targets=given,
            experiments=groups is not None,
        )
        if not all(map(len, found.fronts)):
            raise ValueError(
                "no equation was found that obeys all limits (required variables, nesting, units, "
                f"max_complexity={self.max_complexity}) and has finite values"
            )
        one = np.asarray(y).ndim == 1 or (loss is not None and loss.width == 2)
        self._keep(found.fronts, names, columns, one and groups is None)
        self._experiments = groups
        self.interrupted_, self.cut_off_ = found.interrupted, found.cut_off
        self.weights_ = self._one_or_all([weighting.weights for weighting in found.weightings])
        weighted = [weighting.problem for weighting in found.weightings]
        self._uncertainties = Uncertainties.fitted(self.fronts_, weighted)
        self._notes = [str(weighting) for weighting in found.weightings]
        return self

    @classmethod
    def load(cls, path: str | Path, *, operators: Sequence[Operator] = ()) -> SymbolicRegressor:
        """A fitted model from the file that `save` wrote.

        Args:
          path: the file.
          operators: rows of your own that its equations use.

        Raises:
          FileNotFoundError: there is no such file.
          ValueError: it is no saved model, or its equations cannot be read.
        """
        content = read_model(path)
        model = cls().set_params(**content["parameters"])
        names = tuple(content["variables"])
        table = {**OPERATORS, **{row.name: row for row in operators}}
        fronts = [front_from_json(front, names, table) for front in content["fronts"]]
        model._keep(fronts, names, content["feature_names"], content["single"])
        names_of = content.get("experiments")
        model._experiments = names_of and Experiments(tuple(names_of), np.zeros(0, int))
        model._uncertainties = Uncertainties.from_json(fronts, content.get("covariances"))
        return model

    def __sklearn_tags__(self) -> Tags:
        """What scikit-learn asks estimators about."""
        from sklearn.utils import InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type="regressor",
            target_tags=TargetTags(required=True, multi_output=True),
            regressor_tags=RegressorTags(),
            input_tags=InputTags(),
        )

    def _start(self, names: Sequence[str]) -> list[Expression]:
        """The equations of the fit before, for a warm start."""
        if not (self.warm_start and hasattr(self, "fronts_")):
            return []
        found = [candidate.expression for front in self.fronts_ for candidate in front]
        return [e for e in found if set(e.variables) <= set(names)]

    def _key(self) -> Array:
        state = self.random_state
        if state is None:
            state = np.random.RandomState()
        seed = state if isinstance(state, int | np.integer) else state.randint(2**31 - 1)
        return jax.random.key(int(seed))
