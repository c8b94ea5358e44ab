"""Former names of public things and arguments, accepted for one more version."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


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


def renamed_arguments(**names: str) -> Callable[[_F], _F]:
    """Let a function take keyword arguments by their former names too, with a warning.

    Args:
      names: the present name of each former one.

    >>> @renamed_arguments(weights="sample_weight")
    ... def total(values, sample_weight=1.0):
    ...     return sample_weight * sum(values)
    >>> with warnings.catch_warnings(record=True) as told:
    ...     warnings.simplefilter("always")
    ...     total([1, 2], weights=2.0)
    6.0
    >>> print(told[0].message)
    argument 'weights' is now called 'sample_weight'
    """

    def decorate(function: _F) -> _F:
        @functools.wraps(function)
        def accepting(*arguments: Any, **named: Any) -> Any:
            for former in names.keys() & named.keys():
                present = names[former]
                if present in named:
                    raise TypeError(f"'{present}' and its former name '{former}' are both given")
                message = f"argument '{former}' is now called '{present}'"
                warnings.warn(message, DeprecationWarning, stacklevel=2)
                named[present] = named.pop(former)
            return function(*arguments, **named)

        return accepting  # type: ignore[return-value]

    return decorate
