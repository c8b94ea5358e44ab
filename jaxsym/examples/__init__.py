"""Small files to try the commands on: what each holds, and where it is from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from jaxsym._check import unknown_name
from jaxsym._files import write_file

_HERE = Path(__file__).parent


class Example(NamedTuple):
    """A file that comes with jaxsym.

    Attributes:
      file: its name.
      holds: what is in it.
      source: where it is from.
      command: what to do with it.
    """

    file: str
    holds: str
    source: str
    command: str


EXAMPLES = {
    "planets": Example(
        "planets.csv",
        "semi-major axes (astronomical units) and periods (days) of the eight planets",
        "NASA's Planetary Fact Sheet; JPL's approximate elements of the major planets",
        "jaxsym fit planets.csv",
    ),
    "tracks": Example(
        "tracks.csv",
        "positions of four bodies on springs in 12 runs, with 0.1 % of noise",
        "simulated by `python -m jaxsym.examples.simulated`",
        "jaxsym discover tracks.csv",
    ),
    "robot": Example(
        "robot.csv",
        "states and torques of a double pendulum",
        "simulated by `python -m jaxsym.examples.simulated`",
        "jaxsym lagrangian robot.csv",
    ),
}


def example_path(name: str) -> Path:
    """The file of an example.

    Args:
      name: a key of `EXAMPLES`.

    Raises:
      ValueError: there is no such example.

    >>> example_path("planets").read_text().splitlines()[3]
    '1.000003,365.256'
    """
    if name not in EXAMPLES:
        raise unknown_name("example", name, EXAMPLES)
    return _HERE / EXAMPLES[name].file


def copy_example(name: str, folder: str | Path = ".", *, replace: bool = False) -> Path:
    """Copy an example's file into a folder.

    Args:
      name: a key of `EXAMPLES`.
      folder: made if it is missing.
      replace: whether a file that exists is replaced.

    Returns:
      the copy.

    Raises:
      ValueError: there is no such example.
      OSError: the file exists, or cannot be written.
    """
    source = example_path(name)
    copy = Path(folder) / source.name
    write_file(copy, lambda path: path.write_bytes(source.read_bytes()), replace=replace)
    return copy
