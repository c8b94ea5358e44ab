"""Which optional packages are there, found out without importing or downloading anything."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
from typing import NamedTuple


class Backend(NamedTuple):
    """What an optional package is for, and whether it can be used.

    Attributes:
      name: of the package.
      purpose: what needs it.
      available: whether it would work.
      detail: its version, or why it would not work.
      install: the command that makes it available.
    """

    name: str
    purpose: str
    available: bool
    detail: str
    install: str


_PACKAGES = {  # name -> what needs it, how to get it
    "de421": ("solar-system", 'pip install "jaxsym[ephemeris]"'),
    "pyarrow": ("Parquet files", 'pip install "jaxsym[parquet]"'),
    "pysr": ("search by PySR", 'pip install "jaxsym[pysr]"'),
    "pyoperon": ("search by Operon", 'pip install "jaxsym[operon]"'),
    "torch": ("benchmarks", 'pip install "jaxsym[bench]"'),
}


def backends() -> tuple[Backend, ...]:
    """The state of every optional package.

    >>> [backend.name for backend in backends()]
    ['de421', 'pyarrow', 'pysr', 'pyoperon', 'torch']
    """
    return tuple(_backend(name) for name in _PACKAGES)


def _backend(name: str) -> Backend:
    purpose, install = _PACKAGES[name]
    if importlib.util.find_spec(name) is None:
        return Backend(name, purpose, False, "not installed", install)
    missing = missing_julia() if name == "pysr" else None
    if missing is not None:
        return Backend(name, purpose, False, missing, _JULIA_INSTALL)
    return Backend(name, purpose, True, importlib.metadata.version(name), install)


_JULIA_INSTALL = 'python -c "import pysr" once, with a network: it installs Julia'


def missing_julia() -> str | None:
    """Why an installed PySR would not start, None if it would.

    Importing PySR where Julia is not set up downloads Julia, so that only traces of the set-up are
    looked at: an interpreter named by the environment, or a project that juliapkg has resolved.
    """
    julia = os.environ.get("PYTHON_JULIACALL_EXE")
    if julia and os.environ.get("PYTHON_JULIACALL_PROJECT"):
        found = shutil.which(julia)
        return None if found else f"PYTHON_JULIACALL_EXE is {julia}, which is no program"
    try:
        import juliapkg

        resolved = juliapkg.resolve(dry_run=True)
    except Exception as error:  # whatever a broken set-up raises, it is not ready
        return f"Julia's packages cannot be checked: {error}"
    return None if resolved else "Julia or its packages have not been set up"
