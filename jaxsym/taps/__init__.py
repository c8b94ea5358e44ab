"""Inner functions of any JAX model, marked or found by name: recorded, and replaced."""

from jaxsym.taps.calls import Call
from jaxsym.taps.marks import (
    Record,
    collect,
    replacing,
    seen_names,
    tap,
)
from jaxsym.taps.modules import exposed

__all__ = ["Call", "Record", "collect", "exposed", "replacing", "seen_names", "tap"]
