"""Pieces of pages with figures in them."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from benchmarks.common import ROOT

_OPEN, _FREE = "{}", "{*}"


class Statement(NamedTuple):
    """A piece of a page, such as a row of a table or a part of a sentence.

    Attributes:
      page: its path in the repository.
      text: the piece, with {} in the place of each figure and {*} in that of words which are
        written by hand; it ends with words that stay, and its line breaks may be elsewhere.
      figures: as they are to be written.
      after: words of the page after which the piece comes first, where several are alike.
    """

    page: str
    text: str
    figures: tuple[str, ...]
    after: str = ""

    def found(self, page: str) -> re.Match[str]:
        """Where the page has the piece; its groups are the figures.

        Raises:
          ValueError: the page has no such piece, or several.
        """
        parts = self.text.split(_OPEN)
        if len(parts) != len(self.figures) + 1 or not parts[-1].strip():
            raise ValueError(f"{self.text!r} does not have {len(self.figures)} figures inside")
        pattern = re.compile("([^|\n]*?)".join(map(_pattern, parts)))
        matches = list(pattern.finditer(page, max(0, page.find(self.after))))
        if self.after:
            matches = matches[:1]
        if len(matches) != 1:
            raise ValueError(f"{self.page} has {len(matches)} times, not once: {self.text!r}")
        return matches[0]

    def differences(self, page: str) -> list[str]:
        """Figures that the page has otherwise.

        >>> Statement("README.md", "it takes {} s, once", ("2",)).differences("it takes 3 s, once")
        ["README.md: '3' is '2' in: it takes {} s, once"]
        """
        return [
            f"{self.page}: '{now}' is '{right}' in: {self.text}"
            for now, right in zip(self.found(page).groups(), self.figures, strict=True)
            if now != right
        ]

    def written(self, page: str) -> str:
        """The page with these figures.

        >>> Statement("README.md", "it takes {} s, once", ("2",)).written("it takes 3 s, once")
        'it takes 2 s, once'
        """
        found = self.found(page)
        for group in range(len(self.figures), 0, -1):
            page = page[: found.start(group)] + self.figures[group - 1] + page[found.end(group) :]
        return page


def _pattern(text: str) -> str:
    """Of the words of a piece, with any white space between them."""
    words = (
        re.escape(word).replace(re.escape(_FREE), r"[^|\n]*?") for word in re.split(r"\s+", text)
    )
    return r"\s+".join(words)


def say(page: str, text: str, *figures: object) -> Statement:
    """A statement whose figures are words or whole numbers already."""
    return Statement(page, text, tuple(map(str, figures)))


@functools.cache
def load(name: str) -> dict[str, Any]:
    """A file of results."""
    return json.loads((ROOT / "benchmarks" / "results" / f"{name}.json").read_text())


def power(value: float) -> str:
    """One digit and a power of ten.

    >>> power(0.0031)
    '3e-3'
    """
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit}e{int(exponent)}"


def joined(values: Sequence[object]) -> str:
    """With commas.

    >>> joined([1, 2])
    '1, 2'
    """
    return ", ".join(map(str, values))
