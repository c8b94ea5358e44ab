"""What every engine promises: one test for each promise, which all engines pass.

Operon and PySR are replaced by stand-ins for their Python packages, which return equations as
those packages do.
"""

import logging
import pickle
import signal
import sys
import threading
import types

import jax
import numpy as np
import pandas as pd
import pytest

from jaxsym import SymbolicRegressor
from jaxsym.expr import OPERATORS, parse
from jaxsym.nesymres import HybridEngine, NeSymReSEngine
from jaxsym.search import Constraints, EngineBase, NativeEngine, Update
from jaxsym.search.engines import optional
from jaxsym.search.engines.operon import OperonEngine
from jaxsym.search.engines.pysr import PySREngine
from jaxsym.search.native.budget import SearchBudget

KEY = jax.random.key(0)
NAMES = ["a", "b"]
X = np.random.default_rng(0).uniform(1.0, 3.0, (60, 2))
EXACT = 2 * X[:, 0] * X[:, 1]
NOISY = EXACT + np.sin(3 * X[:, 0] * X[:, 1]) + 0.1 * np.random.default_rng(1).normal(size=60)
TINY = SearchBudget(
    library=200, terms=100, rows=32, pairs=20, refined=4, small=50, beams=6, factors=2,
    generations=2,
)  # fmt: skip


class OwnEngine(EngineBase):
    """An engine of a user's own: multiples of products of powers."""

    def propose(self, problems, run):
        for target, problem in enumerate(problems):
            if run.late(target):
                continue
            rng = np.random.default_rng(run.seed(target))
            for _ in range(30):
                powers = rng.integers(0, 3, len(problem.variables))
                values = np.prod(problem.X**powers, axis=1)
                slope = (problem.weights * problem.y) @ values / (problem.weights @ values**2)
                parts = [f"{v}**{p}" for v, p in zip(problem.variables, powers, strict=True)]
                yield Update(target, "product", [f"{slope}*" + "*".join(parts)])


def recorded(seed, table, target):
    """Equations as other programs write them; their last digits vary with the seed."""
    product = table[:, 0] * table[:, 1]
    slope = np.median(target / product) * np.random.default_rng(seed).uniform(0.999, 1.001)
    return ["x1", f"{slope} * (x1 * x2)", f"(x2 ^ 2) * {slope} + sin(x1)", "erf(x1)"]


@pytest.fixture
def others(monkeypatch):
    """Stand-ins for the packages of PySR and Operon."""

    class PySRRegressor:
        def __init__(self, *, random_state, **settings):
            self.seed = random_state

        def fit(self, table, target, **options):
            self.equations_ = pd.DataFrame({"equation": recorded(self.seed, table, target)})

    class Operon:
        def __init__(self, *, random_state, **settings):
            self.seed = random_state

        def fit(self, table, target):
            self.pareto_front_ = [{"tree": text} for text in recorded(self.seed, table, target)]

        def get_model_string(self, tree, *, precision, names):
            return tree

    for name, values in {
        "pysr": {"PySRRegressor": PySRRegressor},
        "pyoperon": {},
        "pyoperon.sklearn": {"SymbolicRegressor": Operon},
    }.items():
        module = types.ModuleType(name)
        module.__spec__ = types.SimpleNamespace()
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    ready = optional.Backend("pysr", "", True, "2.7.2", "")
    monkeypatch.setattr("jaxsym.search.engines.pysr.backends", lambda: (ready,))


ENGINES = {
    "native": lambda: NativeEngine(TINY),
    "hybrid": lambda: HybridEngine(native=NativeEngine(TINY), beam=8, restarts=2),
    "nesymres": lambda: NeSymReSEngine(beam=8, restarts=2),
    "operon": OperonEngine,
    "pysr": PySREngine,
    "own": OwnEngine,
}


@pytest.fixture(params=ENGINES)
def engine(request, others):
    return ENGINES[request.param]()


def search(engine, y=NOISY, **options):
    return engine.search(X, y, variables=NAMES, key=KEY, **options)


def stop_after(count, told=None):
    """A callback that ends the search after some steps, which is work and not time."""
    told = [] if told is None else told

    def callback(progress):
        told.append(progress)
        if len(told) == count:
            raise KeyboardInterrupt

    return callback


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError("the user's own")])
def test_an_end_from_the_callback_returns_the_best_so_far(engine, error, caplog):
    told = []

    def callback(progress):
        told.append(progress)
        raise error

    targets = np.column_stack([NOISY, EXACT + NOISY])
    with caplog.at_level(logging.CRITICAL):
        fronts = engine.search_many(X, targets, variables=NAMES, key=KEY, callback=callback)
    assert len(told) == 1 and len(fronts) == 2
    assert min(len(front) for front in fronts) > 0
    assert len(fronts[0]) >= len(told[0].front) > 0


@pytest.mark.main_thread
def test_ctrl_c_within_the_engine_returns_the_best_so_far(engine):
    """Python's own handler raises KeyboardInterrupt wherever the program is."""

    class Interrupted(EngineBase):
        def propose(self, problems, run):
            yield next(iter(engine.propose(problems, run)))
            signal.raise_signal(signal.SIGINT)
            raise AssertionError("Ctrl-C has ended the search before")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        model = SymbolicRegressor(engine=Interrupted()).fit(X, NOISY)
    finally:
        signal.signal(signal.SIGINT, before)
    assert model.interrupted_ and len(model.front_)


def test_an_interrupt_in_another_thread_is_noticed(engine):
    def callback(progress):
        raise KeyboardInterrupt

    model = SymbolicRegressor(engine=engine, callback=callback)
    thread = threading.Thread(target=model.fit, args=(X, NOISY))
    thread.start()
    thread.join()
    assert model.interrupted_ and len(model.front_)


def test_no_step_begins_after_the_time_limit(engine):
    told = []
    front = search(engine, time_limit=1e-9, callback=told.append)
    assert len(told) <= 1 and len(front) > 0


def test_the_same_key_gives_the_same_front(engine):
    first, second = (search(engine, callback=stop_after(12)) for _ in range(2))
    assert first == second and len(first) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"y": NOISY[:-1]}, "y has shape"),
        ({"y": NOISY[:, None]}, r"y has shape \(60, 1\); expected \[n\]"),
        ({"y": np.where(np.arange(60) == 3, np.nan, NOISY)}, "y has a non-finite value"),
        ({"weights": -np.ones(60)}, "weights has a negative value"),
        ({"weights": np.zeros(60)}, "weights are all zero"),
        ({"variables": ["a"]}, "1 variables named"),
        ({"variables": ["a", "a"]}, "not distinct"),
        ({"max_complexity": 0}, "max_complexity=0"),
    ],
)
def test_bad_input_is_refused_by_the_same_message(engine, options, message):
    options = {"y": NOISY, "variables": NAMES} | options
    with pytest.raises(ValueError, match=message):
        engine.search(X, key=KEY, **options)


def test_rows_without_weight_do_not_count(engine):
    counts = np.arange(60) % 3 > 0
    y = np.where(counts, EXACT, -100.0)
    best = search(engine, y, weights=counts.astype(float)).best()
    assert best.expression == parse("2*a*b")


def test_every_target_has_its_front(engine):
    told = []
    Y = np.column_stack([EXACT, -3 * EXACT])
    fronts = engine.search_many(X, Y, variables=NAMES, key=KEY, callback=told.append)
    assert [front.best().expression for front in fronts] == [parse("2*a*b"), parse("-6*a*b")]
    assert {progress.target for progress in told} == {0, 1}


def test_limits_are_obeyed_and_guesses_join(engine):
    operators = {name: OPERATORS[name] for name in ("add", "mul", "square", "sin")}
    constraints = Constraints(
        allowed=lambda e: "b" in e.variables, guesses=[parse("1.9*a*b + sin(3*a*b)")]
    )
    options = {"operators": operators, "constraints": constraints}
    options |= {"callback": stop_after(4)}
    front = search(engine, max_complexity=13, **options)
    assert front.candidates[-1].loss < 0.02  # of the guess, fitted: the noise's variance is 0.01
    short = search(engine, max_complexity=5, **options)
    for candidate in short:
        used = set(candidate.expression.tokens) & OPERATORS.keys()
        assert used <= operators.keys() and "b" in candidate.expression.variables
        assert candidate.complexity <= 5
    assert len(short) > 0


def test_engines_can_be_sent_to_other_processes(engine):
    again = pickle.loads(pickle.dumps(engine))
    assert type(again) is type(engine)
    assert vars(again).keys() == vars(engine).keys()


def test_progress_says_what_was_found_where(engine):
    told = []
    search(engine, callback=stop_after(9, told))
    last = told[-1]
    assert last.seconds >= 0 and min(last.costs.values()) >= 0
    assert set(last.costs) == {progress.stage for progress in told}
    assert last.found_by in {*last.costs, "constants"}
    assert last.front.candidates[-1].loss <= told[0].front.candidates[-1].loss


@pytest.fixture
def other_settings():
    """Double precision everywhere, and no implicit broadcasting; other threads see it too."""
    names = {"jax_enable_x64": True, "jax_numpy_rank_promotion": "raise"}
    before = {name: getattr(jax.config, name) for name in names}
    for name, value in names.items():
        jax.config.update(name, value)
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_jax_settings_of_the_program_make_no_difference(engine, other_settings):
    inside = []

    def callback(progress):
        inside.append(jax.numpy.ones(1).dtype)
        if len(inside) == 8:
            raise KeyboardInterrupt

    front = search(engine, callback=callback)
    assert front.candidates[-1].loss < 0.6  # 2*a*b leaves 0.5
    assert set(inside) == {np.dtype(np.float64)}, "callbacks run with the program's own settings"
