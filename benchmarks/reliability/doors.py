"""What a soak starts: each way into the library as a command in a folder of its own.

A door knows which words to start with, which file is its input, and what must be true of its folder
whenever nothing runs there, however the last job ended.
"""

from __future__ import annotations

import json
import random
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from jaxsym.datasets import load, measured_trajectories, save
from jaxsym.nesymres import WeightsError, load_weights
from jaxsym.report import FILES, LAGRANGIAN_FILES
from jaxsym.search import SymbolicRegressor
from jaxsym.simulate import mechanical, particles

JAXSYM = (sys.executable, "-m", "jaxsym")
PRETRAIN = (sys.executable, "-m", "jaxsym.nesymres.pretrain")
WORK = (sys.executable, "-m", "benchmarks.reliability.soak_work")
_HIDDEN = (".jaxsym-*", "*.partial", "*.unfinished", "jaxsym.lock")
_OWN, _TEXT = "notes.txt", "the user's own"


@dataclass
class Door:
    """One way in.

    Attributes:
      folder: its own.
      seconds: that a job takes, about; kills fall into twice that time.
    """

    folder: Path
    seconds: float = 15.0

    def prepare(self) -> None:
        """Make the input."""

    def words(self, seed: int) -> list[str]:
        """What to start."""
        raise NotImplementedError

    def input(self) -> Path | None:
        """The file that is read, for damage."""
        return None

    def begin(self) -> None:
        """Note what is there before a job."""

    def faults(self) -> Iterator[str]:
        """What is wrong with the folder, though nothing runs there."""
        yield from ()

    def finished(self) -> Iterator[str]:
        """What is wrong after a job that nothing disturbed; the next one begins anew."""
        for pattern in _HIDDEN:
            for left in sorted(self.folder.rglob(pattern)):
                yield f"left over: {left.relative_to(self.folder)}"


class _Report(Door):
    """A command that writes a folder, over the one before, beside a file of the user's own."""

    files = FILES

    def begin(self) -> None:
        self._report.mkdir(exist_ok=True)
        (self._report / _OWN).write_text(_TEXT)
        self._before = self._times()

    @property
    def _report(self) -> Path:
        return self.folder / "report"

    def _times(self) -> dict[str, int]:
        return {p.name: p.stat().st_mtime_ns for p in self._report.iterdir()}

    def faults(self) -> Iterator[str]:
        if not self._report.is_dir() or (self._report / _OWN).read_text() != _TEXT:
            yield "the user's own file is lost"
            return
        now = self._times()
        ours = [name for name in self.files if name in now]
        new = {name for name in ours if now[name] != self._before.get(name)}
        if new and new != {*ours}:
            yield f"old and new mixed: {sorted(new)} of {ours}"
        if ours:
            try:
                json.loads((self._report / "result.json").read_text())
            except (OSError, ValueError) as error:
                yield f"no result: {error}"

    def finished(self) -> Iterator[str]:
        yield from super().finished()
        missing = {*self.files} - self._times().keys()
        if missing:
            yield f"missing: {sorted(missing)}"


class Discover(_Report):
    """`jaxsym discover` of accelerations."""

    def prepare(self) -> None:
        system = particles("spring", bodies=3, dims=2)
        save(self.input(), system.simulate(jax.random.key(0), trajectories=4, steps=60))

    def input(self) -> Path:
        return self.folder / "run.csv"

    def words(self, seed: int) -> list[str]:
        limits = ["--steps", "300", "--time-limit", "15"]
        out = ["--out", str(self._report), "--force"]
        return [*JAXSYM, "discover", str(self.input()), *limits, *out, "--seed", str(seed)]


class Positions(Discover):
    """`jaxsym discover` of noisy positions."""

    def prepare(self) -> None:
        system = particles("spring", bodies=2, dims=2)
        data = system.simulate(jax.random.key(0), trajectories=2, steps=80, dt=0.05)
        seen = np.asarray(data.position, np.float64)
        seen = seen + 1e-3 * np.random.default_rng(0).normal(size=seen.shape)
        save(self.input(), measured_trajectories(seen, time=data.time, mass=data.mass))

    def input(self) -> Path:
        return self.folder / "tracks.npz"


class Lagrangian(_Report):
    """`jaxsym lagrangian` of a table."""

    files = LAGRANGIAN_FILES

    def prepare(self) -> None:
        data = mechanical("cart-pole").sample(jax.random.key(0), 300)
        columns = {
            f"{name}{k + 1}": values[:, k]
            for name, values in zip(("q", "qd", "qdd", "tau"), data, strict=True)
            for k in range(values.shape[1])
        }
        table = np.column_stack(list(columns.values()))
        np.savetxt(self.input(), table, delimiter=",", header=",".join(columns), comments="")

    def input(self) -> Path:
        return self.folder / "motion.csv"

    def words(self, seed: int) -> list[str]:
        limits = ["--route", "direct", "--time-limit", "10"]
        out = ["--out", str(self._report), "--force"]
        return [*JAXSYM, "lagrangian", str(self.input()), *limits, *out, "--seed", str(seed)]


class Fit(Door):
    """`jaxsym fit` of a table, with each engine in turn."""

    def prepare(self) -> None:
        rng = np.random.default_rng(0)
        m, a = rng.uniform(1.0, 3.0, size=(2, 200))
        table = np.column_stack([m, a, np.exp(-m) * np.sin(3 * a) + 0.01 * rng.normal(size=200)])
        np.savetxt(self.input(), table, delimiter=",", header="m,a,F", comments="")

    def input(self) -> Path:
        return self.folder / "table.csv"

    @property
    def _model(self) -> Path:
        return self.folder / "model.json"

    def words(self, seed: int) -> list[str]:
        engine = random.Random(seed).choice(["native", "nesymres", "hybrid"])
        limits = ["--target", "F", "--time-limit", "3", "--engine", engine]
        out = ["--out", str(self._model), "--force", "--json"]
        return [*JAXSYM, "fit", str(self.input()), *limits, *out, "--seed", str(seed)]

    def faults(self) -> Iterator[str]:
        if not self._model.exists():
            return
        try:
            SymbolicRegressor.load(self._model)
        except ValueError as error:
            yield f"the model cannot be read: {error}"

    def finished(self) -> Iterator[str]:
        yield from super().finished()
        if not self._model.exists():
            yield "no model"


class Simulate(Door):
    """`jaxsym simulate` into a file of each kind in turn."""

    seconds = 6.0

    def _places(self) -> list[Path]:
        return [self.folder / f"run{suffix}" for suffix in (".npz", ".csv", ".parquet")]

    def words(self, seed: int) -> list[str]:
        place = self._places()[seed % 3]
        sizes = ["--trajectories", "20", "--steps", "50", "--seed", str(seed)]
        return [*JAXSYM, "simulate", "spring", "--out", str(place), "--force", *sizes]

    def faults(self) -> Iterator[str]:
        for place in self._places():
            try:
                if place.exists():
                    load(place)
            except ValueError as error:
                yield f"the file cannot be read: {error}"


class Training(Door):
    """A training with checkpoints, whose end has the same bits however often it was killed."""

    seconds = 8.0

    def prepare(self) -> None:
        self.unbroken = ""
        self.digest = self.folder / "digest"

    def words(self, seed: int) -> list[str]:
        chunk = str(random.Random(seed).choice([1, 7, 50]))
        return [*WORK, "train", str(self.folder / "checkpoints"), str(self.digest), chunk]

    def finished(self) -> Iterator[str]:
        yield from super().finished()
        found = self.digest.read_text() if self.digest.exists() else "nothing"
        self.unbroken = self.unbroken or found
        if found != self.unbroken:
            yield f"another end of the training: {found}, not {self.unbroken}"
        shutil.rmtree(self.folder / "checkpoints", ignore_errors=True)
        self.digest.unlink(missing_ok=True)


class Pretraining(Door):
    """`jaxsym.nesymres.pretrain` in a folder, with its bank, log, checkpoints and weights."""

    seconds = 40.0

    @property
    def _run(self) -> Path:
        return self.folder / "run"

    def words(self, seed: int) -> list[str]:
        sizes = ["--skeletons", "1000", "--batch", "4", "--points", "16", "--length", "12"]
        return [*PRETRAIN, "--resume", str(self._run), "--steps", "6", *sizes]

    def faults(self) -> Iterator[str]:
        try:
            if self._weights.exists():
                load_weights(self._weights)
        except WeightsError as error:
            yield f"the weights cannot be read: {error}"

    @property
    def _weights(self) -> Path:
        return self._run / "weights.safetensors"

    def finished(self) -> Iterator[str]:
        yield from super().finished()
        if not self._weights.exists():
            yield "no weights"
        shutil.rmtree(self._run, ignore_errors=True)


class Files(Door):
    """Tables, arrays, models, banks and weights, saved, read, damaged and read again."""

    def words(self, seed: int) -> list[str]:
        return [*WORK, "files", str(self.folder / "files"), str(seed)]


DOORS = {
    "fit": Fit,
    "discover": Discover,
    "positions": Positions,
    "lagrangian": Lagrangian,
    "simulate": Simulate,
    "train": Training,
    "pretrain": Pretraining,
    "files": Files,
}
