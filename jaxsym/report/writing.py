"""How every report is written: the result first, then its views."""

from __future__ import annotations

import io
import json
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from jaxsym._folders import write_folder
from jaxsym._views import attempt

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESULT = "result.json"


class Result(Protocol):
    """What can be told in plain JSON types."""

    def to_json(self) -> dict[str, Any]: ...


ResultT = TypeVar("ResultT", bound=Result)


def write_result_and_views(
    result: ResultT,
    views: Mapping[str, Callable[[ResultT], str | bytes]],
    out: str | Path,
    *,
    force: bool = False,
) -> None:
    """Write the result as JSON, and then a file for each of its views.

    The result is in the folder before any view is made, so that neither a kill nor a full disk nor
    a view that fails takes it along. Such a view is left out with a warning that says why.

    Args:
      result: what was found.
      views: what makes the content of each other file of it, by name.
      out: the folder, new unless ``force``.
      force: replace these files in a folder that exists; its other files stay.

    Raises:
      OSError: see `jaxsym.report.check_folder`, or whatever the disk says.
    """
    contents = {RESULT: (json.dumps(result.to_json(), indent=2) + "\n").encode()}
    _write(contents, out, force, views)
    for name, view in views.items():
        content = attempt(name, partial(view, result), None)
        if content is not None:
            contents[name] = content.encode() if isinstance(content, str) else content
    if len(contents) > 1:
        _write(contents, out, True, views)


def png(figure: Figure) -> bytes:
    """The figure as the content of a file."""
    return drawn(figure, format="png", dpi=150)


def drawn(figure: Figure, **options: Any) -> bytes:
    """The figure in any format of matplotlib's.

    A place for the legend is looked for, which takes a second or more on a busy machine, and no
    warning about that.
    """
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Creating legend with loc=")
        figure.savefig(file, **options)
    return file.getvalue()


def _write(
    contents: Mapping[str, bytes], out: str | Path, force: bool, names: Iterable[str]
) -> None:
    writers = {name: partial(_write_bytes, content) for name, content in contents.items()}
    write_folder(writers, out, force=force, replaced=names)


def _write_bytes(content: bytes, path: Path) -> None:
    path.write_bytes(content)
