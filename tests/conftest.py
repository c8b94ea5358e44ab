"""Shared test set-up, before jax is imported: the XLA workaround that old jaxlib builds need, and
compiled programs that all processes of a run share."""

import atexit
import os
import shutil
import tempfile
import threading

# jaxlib 0.10.2 sums wrongly on CPU unless this fusion is off (jax-ml/jax#39103).
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_experimental_ynn_fusion_type=")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("MPLBACKEND", "Agg")
# jaxlib warns of a cached program for a processor that it takes for another, which it is not.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# The first process of a run makes the cache; its workers and subprocesses inherit the variable.
if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
    _CACHE = tempfile.mkdtemp(prefix="jaxsym-tests-")
    atexit.register(shutil.rmtree, _CACHE, ignore_errors=True)
    os.environ["JAX_COMPILATION_CACHE_DIR"] = _CACHE
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.2"

import pytest
from _pytest.runner import runtestprotocol


def pytest_addoption(parser):
    parser.addoption(
        "--in-thread", action="store_true", help="run each test in a thread of its own"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item, nextitem):
    """With --in-thread a test runs in a thread with its fixtures, whose settings are a thread's."""
    if not item.config.getoption("--in-thread") or item.get_closest_marker("main_thread"):
        return None
    place = {"nodeid": item.nodeid, "location": item.location}
    item.ihook.pytest_runtest_logstart(**place)
    thread = threading.Thread(target=runtestprotocol, args=(item,), kwargs={"nextitem": nextitem})
    thread.start()
    thread.join()
    item.ihook.pytest_runtest_logfinish(**place)
    return True


@pytest.fixture
def x64():
    """Run the test in float64."""
    import jax

    with jax.enable_x64(True):
        yield


# Rooms from the lowest to those that rest on them, as in `test_architecture`: what fails first is
# nearest to the cause. Files of other rooms, and whole jobs, come last.
_ROOMS = (
    *("test_canary", "test_architecture", "_", "expr", "trajectories", "datasets", "mechanics"),
    *("simulate", "training", "inference", "graphs", "search", "syrenets", "nesymres", "laws"),
    *("distill", "plotting", "report", "cli"),
)


def pytest_collection_modifyitems(items):
    """By room; within a room as they were collected. With errors at NaN none that asks for one."""
    if os.environ.get("JAX_DEBUG_NANS") == "1":
        items[:] = [item for item in items if item.get_closest_marker("nans") is None]

    def room(item):
        top, *inner = item.path.relative_to(item.config.rootpath).parts
        name = inner[0] if inner else top
        fits = [place for place, start in enumerate(_ROOMS) if name.startswith(start)]
        return fits[0] if fits else len(_ROOMS)

    items.sort(key=room)
