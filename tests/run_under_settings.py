"""The fast tests under global settings of JAX's that a program around the library may choose.

    python tests/run_under_settings.py              # every setting, the whole fast suite: an hour
    python tests/run_under_settings.py x64 thread   # some of them
    python tests/run_under_settings.py --fast       # all at once, on a few files: two minutes

`--pytest WORDS` hands words to pytest, such as "tests/expr -x".
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Setting(NamedTuple):
    """Variables of the environment, and options of pytest."""

    variables: dict[str, str]
    options: tuple[str, ...] = ()


SETTINGS = {
    "x64": Setting({"JAX_ENABLE_X64": "1"}),
    "ranks": Setting({"JAX_NUMPY_RANK_PROMOTION": "raise"}),
    "nans": Setting({"JAX_DEBUG_NANS": "1"}),
    "devices": Setting({"JAX_NUM_CPU_DEVICES": "8"}),
    "thread": Setting({}, ("--in-thread",)),
}
# A file of each kind of work that is compiled.
FAST = (
    "tests/test_settings.py",
    "tests/expr/test_fit.py",
    "tests/expr/test_program.py",
    "tests/mechanics/test_mechanics.py",
    "tests/training/test_step.py",
    "tests/graphs/test_chunked.py",
    "tests/laws/test_programs.py",
    "tests/nesymres/test_hybrid.py",
    "tests/search/front/test_residual.py",
    "tests/syrenets/test_layers.py",
)


def together(names: list[str]) -> Setting:
    """Several settings at once."""
    chosen = [SETTINGS[name] for name in names]
    variables = {name: value for one in chosen for name, value in one.variables.items()}
    return Setting(variables, tuple(option for one in chosen for option in one.options))


def tests_pass(setting: Setting, words: list[str], cache: str) -> bool:
    """Whether pytest is content."""
    command = [sys.executable, "-m", "pytest", "-m", "not slow", *setting.options, *words]
    kept = {"JAX_COMPILATION_CACHE_DIR": cache, "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.2"}
    environment = kept | os.environ | {"JAX_PLATFORMS": "cpu"} | setting.variables
    return subprocess.run(command, cwd=ROOT, env=environment).returncode == 0


def main() -> int:
    """Run from the command line; returns 1 where a test fails."""
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("names", nargs="*", metavar="SETTING", help=", ".join(SETTINGS))
    options.add_argument("--fast", action="store_true", help="all at once, on a few files")
    options.add_argument("--pytest", default="", help="words for pytest")
    given = options.parse_args()
    unknown = {*given.names} - SETTINGS.keys()
    if unknown:
        options.error(f"unknown setting {', '.join(sorted(unknown))}; known: {', '.join(SETTINGS)}")
    names, words = given.names or list(SETTINGS), given.pytest.split()
    runs = {name: SETTINGS[name] for name in names}
    if given.fast:
        runs, words = {", ".join(names): together(names)}, [*FAST, *words]
    failed = []
    with tempfile.TemporaryDirectory(prefix="jaxsym-settings-") as cache:
        for name, setting in runs.items():
            print(f"\n{name}: {setting.variables}", flush=True)
            if not tests_pass(setting, words, cache):
                failed.append(name)
    print(f"\ntests fail under: {', '.join(failed)}" if failed else "\nall tests pass")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
