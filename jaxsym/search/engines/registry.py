"""Engines by name. A new engine is a row here; its module is imported when it is first used."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

from jaxsym._check import require, unknown_name
from jaxsym.search.engines.protocol import Engine

ENGINES: Mapping[str, str] = {
    "native": "jaxsym.search.native.engine:NativeEngine",
    "hybrid": "jaxsym.nesymres.engine:HybridEngine",
    "nesymres": "jaxsym.nesymres.engine:NeSymReSEngine",
    "operon": "jaxsym.search.engines.operon:OperonEngine",
    "pysr": "jaxsym.search.engines.pysr:PySREngine",
}


def make_engine(engine: str | Engine) -> Engine:
    """The engine of a name with its default settings; an engine is returned as it is.

    Raises:
      ValueError: an unknown name, or an object that is no engine.
      ModuleNotFoundError: its package is not installed or cannot work; the message says why.

    >>> type(make_engine("native")).__name__
    'NativeEngine'
    """
    if not isinstance(engine, str):
        require(
            callable(getattr(engine, "propose", None)),
            f"engine is {engine!r}; expected a name ({', '.join(ENGINES)}) or an object with a "
            "method propose(problems, run)",
        )
        return engine
    if engine not in ENGINES:
        raise unknown_name("engine", engine, ENGINES)
    module, name = ENGINES[engine].split(":")
    return getattr(importlib.import_module(module), name)()
