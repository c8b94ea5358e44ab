"""Progress of long work, for people at a terminal and for logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

if TYPE_CHECKING:
    from jaxsym.progress import PhaseProgress


class ProgressDisplay:
    """A callback that shows phases: bars with the time left at a terminal, elsewhere a line each.

    A context manager; the bars stay until its end.

    Args:
      console: where to.

    >>> from types import SimpleNamespace
    >>> with ProgressDisplay(Console(width=40)) as show:
    ...     show(SimpleNamespace(phase="read", done=0.5, note="", seconds_left=1.0))
    ...     show(SimpleNamespace(phase="read", done=1.0, note="2.0 s", seconds_left=None))
    read: 2.0 s
    """

    def __init__(self, console: Console):
        self._console = console
        self._bars = Bars(
            SpinnerColumn(finished_text="[green]✓[/]"),
            TextColumn("{task.description:<8}"),
            BarColumn(24),
            TextColumn("[dim]{task.fields[note]}[/]"),
            console=console,
            disable=not console.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> ProgressDisplay:
        self._bars.start()
        return self

    def __exit__(self, *failure: Any) -> None:
        self._bars.stop()

    def __call__(self, event: PhaseProgress) -> None:
        if not self._console.is_terminal:
            over = event.done >= 1.0 and event.seconds_left is None
            if over:
                self._console.print(f"{event.phase}: {event.note}", markup=False)
            return
        if event.phase not in self._tasks:
            self._tasks[event.phase] = self._bars.add_task(event.phase, total=None, note="")
        self._bars.update(
            self._tasks[event.phase],
            # a bar without a total pulses
            total=1.0 if event.done > 0 else None,
            completed=event.done,
            note=_note(event),
        )


def _note(event: PhaseProgress) -> str:
    if event.seconds_left is None:
        return event.note
    minutes, seconds = divmod(round(event.seconds_left), 60)
    return f"{event.note}, {minutes}:{seconds:02d} left"
