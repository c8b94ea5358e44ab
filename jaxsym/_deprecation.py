"""Former names of public things, importable for one more version."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any


def renamed(module: str, names: Mapping[str, str]) -> Callable[[str], Any]:
    """A module's ``__getattr__`` that finds things by their former names, with a warning.

    Args:
      module: ``__name__`` of the module.
      names: the present name of each former one.

    >>> find = renamed("jaxsym._deprecation", {"moved": "renamed"})
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     find("moved") is renamed
    True
    >>> print(told[0].message)
    jaxsym._deprecation.moved is now called renamed
    """

    def find(name: str) -> Any:
        if name not in names:
            raise AttributeError(f"module '{module}' has no attribute '{name}'")
        message = f"{module}.{name} is now called {names[name]}"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return getattr(sys.modules[module], names[name])

    return find
