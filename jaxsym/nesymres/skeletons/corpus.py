"""A bank of distinct skeletons as arrays: generated once, saved compactly, drawn from on device."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from jaxsym._check import MalformedError, listed, malformed, require
from jaxsym._files import write_file
from jaxsym.datasets.archives import read_arrays
from jaxsym.nesymres.skeletons.decontamination import Exclusion
from jaxsym.nesymres.skeletons.prior import Prior
from jaxsym.nesymres.skeletons.sampling import Skeleton, sample_skeletons
from jaxsym.nesymres.vocabulary import SIZE, to_ids

_ARRAYS = ("tokens", "columns", "counts")
_BLOCK = 4096  # skeletons that are compared with the excluded ones together
_PATIENCE = 50  # skeletons met for each new one, after which the prior counts as exhausted


@dataclass(frozen=True)
class Bank:
    """N skeletons.

    Attributes:
      tokens: `[N, L]` ids between ``start`` and ``end``, padded.
      columns: `[N]` number of columns of the table that belongs to each.
      counts: `[N]` how often the prior drew each until there were N.
      about: the prior, the seed and what was excluded, as JSON-like values.
    """

    tokens: Int[np.ndarray, "N L"]
    columns: Int[np.ndarray, " N"]
    counts: Int[np.ndarray, " N"]
    about: Mapping[str, Any]

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def fingerprint(self) -> str:
        """Digest of the skeletons, the same for equal banks."""
        digest = hashlib.sha256(self.tokens.tobytes())
        digest.update(self.columns.tobytes())
        digest.update(self.counts.tobytes())
        return digest.hexdigest()[:16]

    def split(self, held_out: int) -> tuple[Bank, Bank]:
        """All but the last skeletons, and those.

        Raises:
          ValueError: nothing would be left on one side.
        """
        require(
            0 < held_out < len(self),
            f"held_out={held_out}; expected 1 to {len(self) - 1} skeletons",
        )
        cut = len(self) - held_out
        first, last = (
            Bank(self.tokens[part], self.columns[part], self.counts[part], self.about)
            for part in (slice(cut), slice(cut, None))
        )
        return first, last

    def save(self, path: str | Path) -> None:
        """Write the bank as a compressed ``.npz``, whole or not at all."""
        arrays: dict[str, Any] = {name: getattr(self, name) for name in _ARRAYS}
        arrays["about"] = np.array(json.dumps(self.about))
        write_file(path, lambda made: _write_arrays(made, arrays), replace=True)

    @classmethod
    def load(cls, path: str | Path) -> Bank:
        """Read what `save` wrote.

        Raises:
          FileNotFoundError: no such file.
          ValueError: a file that holds no bank.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"no bank of skeletons at {path}")
        try:
            arrays = read_arrays(path)
            require(
                arrays.keys() == {*_ARRAYS, "about"},
                f"it holds {listed(sorted(arrays))}; expected {', '.join(_ARRAYS)} and about",
            )
            with malformed("a bank of skeletons"):
                about = dict(json.loads(str(arrays.pop("about"))))
                bank = cls(**arrays, about=about)
                bank._check()
        except ValueError as error:
            raise ValueError(f"{path}: {error}") from error
        return bank

    def _check(self) -> None:
        """Whether the arrays are those of skeletons."""
        numbers = all(getattr(self, name).dtype.kind == "i" for name in _ARRAYS)
        shapes = self.tokens.ndim == 2 and self.columns.shape == self.counts.shape == (len(self),)
        known = numbers and shapes and bool(np.all((self.tokens >= 0) & (self.tokens < SIZE)))
        require(
            known and {"prior", "excluded"} <= self.about.keys(),
            f"tokens of shape {self.tokens.shape} with columns {self.columns.shape} and counts "
            f"{self.counts.shape} are no skeletons, or have unknown ids or no record",
            MalformedError,
        )


def _write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    with path.open("wb") as file:
        np.savez_compressed(file, **arrays)


def generate_bank(
    prior: Prior, count: int, *, seed: int = 0, exclude: Exclusion | None = None
) -> Bank:
    """Distinct skeletons of a prior, without those of named test sets.

    Args:
      prior: what they look like.
      count: N.
      seed: of everything drawn; the first skeletons of a longer bank are those of a shorter one.
      exclude: what must not be in it, by canonical form and by value.

    Raises:
      ValueError: a count below one, or a prior that has too few distinct skeletons.

    >>> bank = generate_bank(Prior(), 100, seed=1)
    >>> bank.tokens.shape, bank.tokens.dtype
    ((100, 32), dtype('int8'))
    """
    require(count >= 1, f"count={count}; expected at least 1")
    seen: dict[tuple[str, ...], Skeleton] = {}
    drawn: Counter[tuple[str, ...]] = Counter()
    stream = sample_skeletons(prior, seed)
    for block in iter(lambda: list(itertools.islice(stream, _BLOCK)), []):
        new = {s.tokens: s for s in block if s.tokens not in seen}
        fresh = list(new.values()) if exclude is None else exclude.keep(list(new.values()))
        seen |= {s.tokens: s for s in fresh}
        drawn.update(s.tokens for s in block)
        if len(seen) >= count:
            break
        require(
            len(fresh) * _PATIENCE > len(block),
            f"the prior has hardly more than {len(seen)} distinct skeletons; "
            f"{count} were asked for",
        )
    chosen = list(itertools.islice(seen.values(), count))
    about = {
        "prior": prior.as_dict(),
        "seed": seed,
        "excluded": [] if exclude is None else list(exclude.names),
    }
    return Bank(
        tokens=np.array([to_ids(s.tokens, prior.length) for s in chosen], np.int8),
        columns=np.array([s.columns for s in chosen], np.int8),
        counts=np.array([drawn[s.tokens] for s in chosen], np.int32),
        about=about,
    )
