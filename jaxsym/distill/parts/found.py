"""`Symbolified`: equations in the place of parts of a model, and what they are worth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from jaxsym.distill.parts.in_place import Scale
from jaxsym.distill.parts.recording import Samples
from jaxsym.distill.parts.terms import PartLaw
from jaxsym.expr import Expression
from jaxsym.search import ParetoFront

_AS_GOOD = 1.1  # times the network's error, at most, where an equation is faithful to the data
_AGREES = 1.5  # times the network's error, at most, between the predictions of the two
_LEAST = 0.01  # of what the part contributes: predictions as near agree whatever the errors


class Faithful(NamedTuple):
    """What equations are faithful to; true in a condition if it is the data.

    Attributes:
      to_data: whether the model's held-out error is no more than a tenth larger with equations.
      to_network: whether the predictions with and without them are as near to each other as the
        network is to the data.
      distance: root mean square between these predictions, relative to what the parts contribute.
    """

    to_data: bool
    to_network: bool
    distance: float

    def __bool__(self) -> bool:
        return self.to_data

    def __str__(self) -> str:
        both = {
            (True, True): "faithful to the data and to the network",
            (True, False): "faithful to the data, and not to the network, which errs more",
            (False, True): "faithful to the network, but worse than it on the data",
            (False, False): "faithful neither to the data nor to the network",
        }
        return both[self.to_data, self.to_network]


@dataclass(frozen=True)
class FoundPart:
    """The equations of one part.

    Attributes:
      name: of the part.
      law: what it makes of its inputs.
      fronts: of each of its terms, with losses of the whole model.
      live: how many directions of its outputs count, of ``outputs``.
      outputs: how many numbers it gives.
      sensitivity: for each term, share of its changes that each input causes.
      notes: what was found about outputs and inputs, in words.
      samples: rows of the part at work.
      tried: candidates that were fitted in place.
    """

    name: str
    law: PartLaw
    fronts: tuple[ParetoFront, ...]
    live: int
    outputs: int
    sensitivity: tuple[dict[str, float], ...]
    notes: tuple[str, ...]
    samples: Samples
    tried: int

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """f_i of `PartLaw`."""
        return self.law.terms

    @property
    def definitions(self) -> dict[str, Expression]:
        """Features that occur in the equations, and what these are made of."""
        needed = {name for term in self.law.terms for name in term.variables}
        for name, feature in reversed(list(self.law.features.items())):
            needed |= set(feature.variables) if name in needed else set()
        return {name: f for name, f in self.law.features.items() if name in needed}

    def lines(self, digits: int = 6) -> list[str]:
        """The equations as text, one for each number that the part gives, and definitions.

        Outputs that many others are mixed from stand for all of them.
        """
        terms = [str(term.rounded(digits)) for term in self.law.terms]
        names = [f"f{k + 1}" for k in range(len(terms))] if len(terms) > 1 else ["f"]
        plain = self._components(digits)
        found = plain or [f"{name} = {term}" for name, term in zip(names, terms, strict=True)]
        if not plain:
            found.append(self._mix(names, digits))
        return found + [f"{name} = {feature}" for name, feature in self.definitions.items()]

    def _components(self, digits: int) -> list[str]:
        """Each output as a formula, where directions are single numbers or inputs."""
        if self.outputs > 3 or np.any(np.count_nonzero(self.law.directions, axis=2) > 1):
            return []
        lines = []
        for number in range(self.outputs):
            parts = []
            for term, direction in zip(self.law.terms, self.law.directions, strict=True):
                place = np.flatnonzero(direction[number])
                if len(place):
                    factor, text = float(direction[number, place[0]]), str(term.rounded(digits))
                    along = "" if place[0] == 0 else f"*{self.law.inputs[place[0] - 1]}"
                    scale = "" if factor == 1.0 else f"{factor:.{digits}g}*"
                    parts.append(f"({text}){along}" if along or scale else text)
                    parts[-1] = f"{scale}{parts[-1]}"
            shift = float(self.law.offset[number])
            parts += [f"{shift:.{digits}g}"] if shift else []
            name = self.name if self.outputs == 1 else f"{self.name}[{number}]"
            lines.append(f"{name} = {' + '.join(parts) or '0'}")
        return lines

    def _mix(self, names: list[str], digits: int) -> str:
        size = f"{self.outputs} outputs" if self.outputs > 1 else "output"
        along = sorted({self.law.inputs[k - 1] for k in np.nonzero(self.law.directions)[2] if k})
        of = f" times a linear image of ({', '.join(along)})" if along else ""
        return f"the {size} of {self.name} are a linear mix of {', '.join(names)}{of}"


@dataclass(frozen=True)
class Symbolified:
    """A model with equations in the place of parts.

    Attributes:
      parts: what was found, by name.
      apply: ``(params, batch) -> prediction`` with the equations in place, pure.
      params: of ``apply``: "model", the user's own, and "equations": the constants of each term of
        each part, to train on.
      errors: the user's loss of the model as it was, "neural", and with the equations, "symbolic":
        on "held_out", and "outside" where that was given (None where not).
      faithful: what the equations are faithful to.
      scale: what the loss means.
      held_out_is: what "held_out" is, in words.
      seconds: that it took.
      seed: of everything random.
      interrupted: whether Ctrl-C cut it short.
    """

    parts: Mapping[str, FoundPart]
    apply: Callable[[Any, Any], Any]
    params: dict[str, Any]
    errors: dict[str, dict[str, float | None]]
    faithful: Faithful
    scale: Scale
    held_out_is: str
    seconds: float
    seed: int
    interrupted: bool = False

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The equations of all parts, one for each output that matters."""
        return tuple(e for part in self.parts.values() for e in part.expressions)

    def __str__(self) -> str:
        lines = [line for part in self.parts.values() for line in part.lines()]
        for part in self.parts.values():
            if part.live < part.outputs:
                lines.append(
                    f"{part.name}: {part.live} of {part.outputs} directions of its outputs count"
                )
            lines += [f"{part.name} {note}" for note in part.notes]
        neural, symbolic = self.errors["neural"], self.errors["symbolic"]
        lines.append(
            f"loss on {self.held_out_is}: network {neural['held_out']:.3g}, "
            f"equations {symbolic['held_out']:.3g}"
        )
        if neural["outside"] is not None:
            lines.append(
                f"loss outside: network {neural['outside']:.3g}, "
                f"equations {symbolic['outside']:.3g}"
            )
        lines.append(f"The equations are {self.faithful}.")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"Symbolified({', '.join(map(str, self.expressions))}; {self.faithful})"

    def to_json(self) -> dict[str, Any]:
        """The interface that other programs build on."""
        return {
            "parts": {
                name: {
                    "inputs": list(part.law.inputs),
                    "equations": part.lines(12),
                    "expressions": [str(e) for e in part.expressions],
                    "latex": [e.latex() for e in part.expressions],
                    "definitions": {n: str(e) for n, e in part.definitions.items()},
                    "directions": part.law.directions.tolist(),
                    "offset": part.law.offset.tolist(),
                    "live": part.live,
                    "outputs": part.outputs,
                    "sensitivity": list(part.sensitivity),
                    "notes": list(part.notes),
                    "front": [
                        [
                            {"complexity": c.complexity, "loss": c.loss, "expression": str(c[0])}
                            for c in front
                        ]
                        for front in part.fronts
                    ],
                    "tried_in_place": part.tried,
                }
                for name, part in self.parts.items()
            },
            "errors": self.errors,
            "held_out_is": self.held_out_is,
            "faithful": {"in_words": str(self.faithful)} | self.faithful._asdict(),
            "interrupted": self.interrupted,
            "seconds": self.seconds,
            "seed": self.seed,
        }

    def save(self, out: str | Path, *, force: bool = False) -> None:
        """Write a report: the result as JSON, a figure, LaTeX and a Python module.

        Args:
          out: the folder, new unless ``force``.
          force: replace these files in a folder that exists; its other files stay.

        Raises:
          OSError: see `jaxsym.report.check_folder`, or whatever the disk says.
        """
        import importlib

        # a room above: reports know all results
        importlib.import_module("jaxsym.report").write_symbolified(self, out, force=force)


def judged(neural: float, symbolic: float, distance: float, scale: Scale) -> Faithful:
    """What equations are faithful to.

    Args:
      neural: held-out loss of the network.
      symbolic: held-out loss with the equations.
      distance: between predictions, relative to what the parts contribute.
      scale: what the loss means.
    """
    error = scale.relative(neural)
    slack = scale.relative(scale.rounding)
    return Faithful(
        bool(scale.relative(symbolic) <= _AS_GOOD * error + slack),
        bool(distance <= max(_AGREES * error, _LEAST)),
        distance,
    )
