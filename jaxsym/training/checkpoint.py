"""Checkpoints of a run, by Orbax: complete or not there, and only of the same configuration."""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from jaxtyping import PyTree

from jaxsym._check import require
from jaxsym.training import parallel
from jaxsym.training.lock import FolderLock
from jaxsym.training.record import (
    RECORD,
    Record,
    as_json,
    differences,
    file_digests,
    read_record,
    write_record,
)
from jaxsym.training.state import TrainState, current_step

logger = logging.getLogger(__name__)

_FILE_SIZE = 2**23  # bytes that Orbax aims at; files stay below 16 MiB, so that a run can travel
_STATE = "default"  # the folder of the state in a checkpoint, as Orbax's manager names it
_UNFINISHED = re.compile(r"\.\d+(\.old)?\.unfinished")
_DIGITS = 10  # of the largest step, an int32


class CheckpointError(ValueError):
    """A folder's checkpoints are of another configuration, or all damaged."""


class Checkpoints:
    """Where and how often a run is saved; the last ``keep`` states, one folder each.

    A state is written under a hidden name, with a record of the configuration and of every file's
    digest, and renamed when it is complete; one that differs from its record is damaged. So a run
    killed at any moment finds its last complete state. One process at a time works in a folder
    (`FolderLock`); with several hosts the folder is one that all of them see. No file is larger
    than 16 MiB.

    Args:
      directory: the run's own folder, made if needed.
      config: what the run depends on beside the state's shapes (model, data, learning rate, ...),
        JSON-like; a checkpoint made with another one is refused.
      every_seconds: time between two saves.
      every_steps: number of steps between two saves; the first of the two that is due counts.
        Saves happen between the chunks of the loop, and at its end.
      keep: number of states to keep; at least 2, so that one is complete while another is written.

    Raises:
      ValueError: numbers out of range, a ``config`` that JSON cannot hold.
      NotADirectoryError: ``directory`` is a file.
    """

    def __init__(
        self,
        directory: str | Path,
        config: Mapping[str, Any] | None = None,
        *,
        every_seconds: float = 60.0,
        every_steps: int | None = None,
        keep: int = 2,
    ) -> None:
        require(every_seconds >= 0, f"every_seconds is {every_seconds}; expected at least 0")
        require(
            every_steps is None or every_steps >= 1,
            f"every_steps is {every_steps}; expected at least 1, or None",
        )
        require(keep >= 2, f"keep is {keep}; expected at least 2")
        # Orbax takes no relative path
        self.directory = Path(directory).resolve()
        if self.directory.exists() and not self.directory.is_dir():
            raise NotADirectoryError(f"checkpoint directory {self.directory} is a file")
        self._config = as_json(dict(config or {}))
        self._every_seconds = every_seconds
        self._every_steps = every_steps
        self._keep = keep
        self._saved_at, self._saved_step = time.monotonic(), 0
        self._locked = False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out of the folder inside the block, which may be nested.

        Raises:
          FolderLockedError: another process works in the folder.
        """
        first = jax.process_index() == 0
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._locked or not os.access(self.directory, os.W_OK):  # reading takes no lock
            yield
            return
        lock = FolderLock(self.directory)
        refusal: Exception | None = None
        if first:
            try:
                lock.__enter__()
            except (ValueError, OSError) as error:  # all hosts must hear of it
                refusal = error
        (refused,) = parallel.agree(refusal is not None)
        if refused:
            raise refusal or CheckpointError(f"{self.directory} is in use by another process")
        self._locked = True
        try:
            if first:
                for place in self.directory.iterdir():
                    if _UNFINISHED.fullmatch(place.name):
                        shutil.rmtree(place)
            yield
        finally:
            self._locked = False
            if first:
                lock.__exit__()

    def latest(self) -> int | None:
        """The step of the last finished checkpoint, or None; it is not looked into."""
        return max(self._finished(), default=None)

    def due(self, step: int) -> bool:
        """Whether it is time to save again at ``step``."""
        by_time = time.monotonic() - self._saved_at >= self._every_seconds
        every = self._every_steps
        by_step = every is not None and step // every > self._saved_step // every
        return by_time or by_step

    def save(self, state: TrainState) -> None:
        """Save ``state`` and wait until it is complete; a step that is there already stays.

        Raises:
          FolderLockedError: another process works in the folder.
        """
        step = current_step(state)
        with self.locked():
            (there,) = parallel.agree(step in self._finished())
            if not there:
                self._write(step, state)
        self._saved_at, self._saved_step = time.monotonic(), step

    def restore(self, state: TrainState) -> TrainState:
        """The last complete checkpoint, or ``state`` itself where there is none yet.

        Unfinished and damaged checkpoints after it are set aside under other names, with a warning
        in the log.

        Args:
          state: of the same structure, shapes and placement on devices as the one to restore.

        Raises:
          CheckpointError: a checkpoint of another configuration, or none that is not damaged.
          FolderLockedError: another process works in the folder.
        """
        if not self.directory.exists():
            return state
        with self.locked():
            return self._restore(state)

    def _restore(self, state: TrainState) -> TrainState:
        # one host reads it all; the others follow
        complete, faults = self._survey() if jax.process_index() == 0 else (None, {})
        lost: int = complete is None and any(fault != "unfinished" for fault in faults.values())
        step, lost = parallel.agree(-1 if complete is None else complete, lost)
        if lost:
            raise CheckpointError(
                f"{self.directory} has no complete checkpoint: "
                + ", ".join(f"{step} is {fault}" for step, fault in faults.items())
                + "; move them away to start anew"
            )
        if step >= 0:
            self._check_configuration(step, state)
        self._set_aside(faults)
        if step < 0:
            return state
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, state)
        with ocp.Checkpointer(ocp.StandardCheckpointHandler()) as reader:
            state = reader.restore(
                self._path(step) / _STATE, args=ocp.args.StandardRestore(abstract)
            )
        self._saved_at, self._saved_step = time.monotonic(), step
        logger.info("resumed from %s", self._path(step))
        return state

    def _write(self, step: int, state: TrainState) -> None:
        """Write a checkpoint under a hidden name, rename it, and remove those beyond the last."""
        first = jax.process_index() == 0
        place = self.directory / f".{step}.unfinished"
        if first:
            place.mkdir()
        parallel.agree(0)  # the other hosts go on when it is there
        try:
            # the synchronous one: a manager's threads would keep a process that fails from ending
            with ocp.Checkpointer(ocp.PyTreeCheckpointHandler()) as writer:
                saving = ocp.args.PyTreeSave(state, ocdbt_target_data_file_size=_FILE_SIZE)
                writer.save(place / _STATE, args=saving)
            if first:
                write_record(place, Record(self._config, _describe(state), file_digests(place)))
                if self._path(step).exists():
                    self._rename_aside(step, "unfinished")
                place.rename(self._path(step))
                self._remove_old()
        finally:
            if first:
                shutil.rmtree(place, ignore_errors=True)
        parallel.agree(0)

    def _remove_old(self) -> None:
        for step in sorted(self._finished())[: -self._keep]:
            # under a hidden name first: it is whole or gone, if the process is killed here
            removed = self.directory / f".{step}.old.unfinished"
            self._path(step).rename(removed)
            shutil.rmtree(removed)

    def _path(self, step: int) -> Path:
        return self.directory / str(step)

    def _steps(self) -> list[int]:
        """The steps that there are folders of; a name such as 0999 or ٣ is none of ours."""
        if not self.directory.exists():
            return []
        names = [path.name for path in self.directory.iterdir() if path.is_dir()]
        numbers = [name for name in names if name.isascii() and name.isdecimal()]
        return [int(n) for n in numbers if len(n) <= _DIGITS and str(int(n)) == n]

    def _finished(self) -> list[int]:
        return [step for step in self._steps() if (self._path(step) / RECORD).is_file()]

    def _survey(self) -> tuple[int | None, dict[int, str]]:
        """The last complete step, and what is wrong with those after it."""
        faults: dict[int, str] = {}
        for step in sorted(self._steps(), reverse=True):
            fault = self._fault(step)
            if fault is None:
                return step, faults
            faults[step] = fault
            logger.warning("checkpoint %s is %s", self._path(step), fault)
        return None, faults

    def _fault(self, step: int) -> str | None:
        """What is wrong with the files of a checkpoint, if anything."""
        path = self._path(step)
        if not (path / RECORD).is_file():
            return "unfinished"
        try:
            expected = read_record(path).files
        except ValueError as error:
            return f"damaged: {error}"
        found = file_digests(path)
        wrong = sorted(name for name in expected if expected[name] != found.get(name))
        return f"damaged in {wrong[0]}" if wrong else None

    def _check_configuration(self, step: int, state: TrainState) -> None:
        saved = read_record(self._path(step))
        differ = differences(
            {"config": saved.config, "arrays": saved.arrays},
            {"config": self._config, "arrays": _describe(state)},
        )
        if differ:
            raise CheckpointError(
                f"checkpoint {self._path(step)} is of another configuration: "
                f"{'; '.join(differ)}; choose another directory or the same configuration"
            )

    def _set_aside(self, faults: dict[int, str]) -> None:
        """Rename checkpoints, so that their steps can be saved again and nothing is lost."""
        if jax.process_index() == 0:
            for step, fault in faults.items():
                self._rename_aside(step, "unfinished" if fault == "unfinished" else "damaged")
        parallel.agree(0)  # the other hosts go on when it is done

    def _rename_aside(self, step: int, why: str) -> None:
        self._path(step).rename(self.directory / f"{step}.{why}-{time.time_ns()}")


def _describe(tree: PyTree) -> dict[str, str]:
    """Shape and dtype of every leaf by its place, such as ``.params['w']: float32[3,4]``."""
    return {
        jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}".replace(" ", "")
        for path, leaf in jax.tree.leaves_with_path(tree)
    }
