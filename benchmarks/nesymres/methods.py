"""What the NeSymReS benchmark compares: the network at several beams, and others at equal time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import jax
import numpy as np

from benchmarks.search.engines import SOLVERS
from benchmarks.search.problems import SearchProblem
from jaxsym.expr import Expression
from jaxsym.nesymres import Pretrained, best_by_error, solve

Predictor = Callable[[np.ndarray], np.ndarray]
Method = Callable[[SearchProblem, np.ndarray, np.ndarray], Predictor]

PEERS: Mapping[str, Sequence[str]] = {  # with the packages that they need
    **{"pyoperon": ["pyoperon"], "gplearn": ["gplearn"], "gaussian-process": ["scikit-learn"]},
    **{"native": [], "hybrid": []},
}


def methods(
    network: Pretrained,
    beams: tuple[int, ...],
    peers: tuple[str, ...],
    seconds: tuple[float, ...],
) -> Mapping[str, Method]:
    """Methods by name: ``nesymres:BEAM``, ``PEER:SECONDS``, ``gaussian-process``.

    Args:
      network: of `load_pretrained`.
      beams: widths of the beam search.
      peers: of `PEERS`.
      seconds: time limits of the peers that have one.
    """
    found: dict[str, Method] = {f"nesymres:{beam}": _network(network, beam) for beam in beams}
    for peer in peers:
        if peer == "gaussian-process":
            found[peer] = gaussian_process
        else:
            found |= {f"{peer}:{limit:g}": _search(peer, limit) for limit in seconds}
    return found


def gaussian_process(problem: SearchProblem, X: np.ndarray, y: np.ndarray) -> Predictor:
    """Regression with the kernel of squared distances and noise; it finds no equation."""
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    kernel = ConstantKernel() * RBF(np.ones(X.shape[1])) + WhiteKernel(1e-4)
    model = GaussianProcessRegressor(kernel, normalize_y=True, n_restarts_optimizer=2)
    return model.fit(X, y).predict


def _network(network: Pretrained, beam: int) -> Method:
    def method(problem: SearchProblem, X: np.ndarray, y: np.ndarray) -> Predictor:
        names = [list(problem.columns)]
        (front,) = solve(network, [(X, y)], variables=names, key=jax.random.key(0), beam=beam)
        return _predictor(best_by_error(front), problem)

    return method


def _search(engine: str, seconds: float) -> Method:
    def method(problem: SearchProblem, X: np.ndarray, y: np.ndarray) -> Predictor:
        found = SOLVERS[engine](problem, X, y, 0, seconds).selected
        assert found is not None, f"{engine} found nothing"
        return _predictor(found, problem)

    return method


def _predictor(expression: Expression, problem: SearchProblem) -> Predictor:
    return lambda X: expression.evaluate(X, list(problem.columns))
