"""Run by `test_devices.py` with several devices: what it finds on them is printed."""

import numpy as np

from jaxsym.search import DEFAULT_OPERATORS
from jaxsym.search.native.library import build_library
from jaxsym.search.native.stages.pairs import best_pairs
from jaxsym.search.native.stages.semantics import SemanticSearch, SemanticTarget
from jaxsym.search.problem.problem import make_problems


def main() -> None:
    rng = np.random.default_rng(0)
    X = rng.uniform(0.5, 3.0, (64, 3))
    y = np.exp(-X[:, 0]) * X[:, 1] + 2 * np.sin(X[:, 2] * X[:, 0])
    (problem,) = make_problems(
        X, y[:, None], None, variables="abc", operators=DEFAULT_OPERATORS, max_complexity=30
    )
    library = build_library(problem, y[None], size=6000)
    semantics = SemanticSearch(library, problem)
    pairs = best_pairs(library, problem, rows=1024, keep=3)
    target = SemanticTarget.of(y, np.ones_like(y), problem.weights)
    entries, _ = semantics.best([target], 3)

    print(len(semantics.powers._units.sharding.device_set), "devices")
    print([str(library.expression(int(i))) for i in (pairs["sum"].f[0], pairs["sum"].g[0])])
    print(np.round(pairs["sum"].share, 6).tolist(), np.round(pairs["product"].share, 6).tolist())
    print([str(library.expression(int(i))) for i in entries[0]])


if __name__ == "__main__":
    main()
