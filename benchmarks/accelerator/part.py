"""What the parts have in common: their options, and results that are written piece by piece."""

from __future__ import annotations

import argparse
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks import common


def arguments(description: str | None) -> argparse.ArgumentParser:
    """A parser with the options that all parts have."""
    parser = common.arguments(description)
    parser.add_argument("--seconds", type=float, default=60.0, help="in which it should end")
    return parser


def device() -> dict[str, Any]:
    """The first device, and how many there are."""
    import jax

    first = jax.devices()[0]
    return {"platform": first.platform, "kind": first.device_kind, "count": jax.device_count()}


def pieces(calls: Mapping[str, Callable[[], Any]], path: Path | None) -> dict[str, Any]:
    """What each call found, or the error that it ended with, written as soon as it is there.

    >>> found = pieces({"half": lambda: 1 / 2, "none": lambda: 1 / 0}, None)
    >>> found["half"], found["none"]["error"]
    (0.5, 'ZeroDivisionError: division by zero')
    """
    found: dict[str, Any] = {"device": device()}
    for name, call in calls.items():
        try:
            found[name] = call()
        except Exception as error:
            traceback.print_exc()
            found[name] = {"error": f"{type(error).__name__}: {error}"}
        print(f"{name}: {found[name]}", flush=True)
        common.write(found, path)
    return found
