"""Old names that are accepted for one version more, with a `DeprecationWarning`."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])


def warn_renamed(kind: str, old: str, new: str, *, stacklevel: int = 3) -> None:
    """Warn that a name has changed.

    Args:
      kind: of thing, such as "parameter".
      old, new: its names.
      stacklevel: as `warnings.warn` has it; 3 is the caller of the function that calls this.
    """
    warnings.warn(
        f"the {kind} '{old}' is called '{new}' now; the old name will go with the next version",
        DeprecationWarning,
        stacklevel=stacklevel,
    )


def renamed_arguments(**new_names: str) -> Callable[[_F], _F]:
    """Let a function accept keyword arguments by their old names too.

    Raises:
      TypeError: (from the function) both names are given.

    >>> @renamed_arguments(weights="sample_weight")
    ... def total(values, sample_weight=1.0):
    ...     return sample_weight * sum(values)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     total([1, 2], weights=2.0)
    6.0
    """

    def decorate(function: _F) -> _F:
        @functools.wraps(function)
        def accepting(*arguments: Any, **named: Any) -> Any:
            for old in new_names.keys() & named.keys():
                new = new_names[old]
                if new in named:
                    raise TypeError(f"'{new}' and its old name '{old}' are both given")
                warn_renamed("argument", old, new)
                named[new] = named.pop(old)
            return function(*arguments, **named)

        return accepting  # type: ignore[return-value]

    return decorate


def renamed_attributes(module: str, new_names: Mapping[str, Any]) -> Callable[[str], Any]:
    """A module's `__getattr__` that still knows public names by their old spelling.

    Args:
      module: its name.
      new_names: for each old name, the new one and the object.
    """

    def __getattr__(name: str) -> Any:
        if name not in new_names:
            raise AttributeError(f"module '{module}' has no attribute '{name}'")
        new, value = new_names[name]
        warn_renamed("name", f"{module}.{name}", f"{module}.{new}")
        return value

    return __getattr__
