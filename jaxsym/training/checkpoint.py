"""Checkpoints of a run, by Orbax: complete or not there, and only of the same configuration."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp
from jaxtyping import PyTree

from jaxsym._check import require
from jaxsym.training import parallel
from jaxsym.training.state import TrainState, current_step

logger = logging.getLogger(__name__)

RECORD = "jaxsym.json"
_FILE_SIZE = 2**23  # bytes that Orbax aims at; files stay below 16 MiB, so that a run can travel


class CheckpointError(ValueError):
    """A folder's checkpoints are of another configuration, or all damaged."""


class Checkpoints:
    """Where and how often a run is saved; the last ``keep`` states, one folder each.

    Orbax writes a state under a temporary name and renames it. Then a record of the configuration
    and of every file's digest is added; a state without one is unfinished, one that differs from
    it damaged. So a run killed at any moment finds its last complete state. With several hosts the
    folder is one that all of them see. No file is larger than 16 MiB.

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
        # Orbax saves in the background, where a relative path fails unseen
        self.directory = Path(directory).resolve()
        if self.directory.exists() and not self.directory.is_dir():
            raise NotADirectoryError(f"checkpoint directory {self.directory} is a file")
        self._config = _as_json(dict(config or {}))
        self._every_seconds = every_seconds
        self._every_steps = every_steps
        self._keep = keep
        self._saved_at, self._saved_step = time.monotonic(), 0

    def latest(self) -> int | None:
        """The step of the last finished checkpoint, or None; it is not looked into."""
        return max((k for k in self._steps() if (self._path(k) / RECORD).exists()), default=None)

    def due(self, step: int) -> bool:
        """Whether it is time to save again at ``step``."""
        by_time = time.monotonic() - self._saved_at >= self._every_seconds
        every = self._every_steps
        by_step = every is not None and step // every > self._saved_step // every
        return by_time or by_step

    def save(self, state: TrainState) -> None:
        """Save ``state`` and wait until it is complete; a step that is there already stays."""
        step = current_step(state)
        (there,) = parallel.agree(step in self._steps())
        if not there:
            with self._manager() as manager:
                saving = ocp.args.PyTreeSave(state, ocdbt_target_data_file_size=_FILE_SIZE)
                manager.save(step, args=saving)
                manager.wait_until_finished()
            if jax.process_index() == 0:
                record = {**self._fingerprint(state), "files": _digests(self._path(step))}
                _write_whole(self._path(step) / RECORD, json.dumps(record, indent=1))
            parallel.agree(0)  # the other hosts go on when it is there
        self._saved_at, self._saved_step = time.monotonic(), step

    def restore(self, state: TrainState) -> TrainState:
        """The last complete checkpoint, or ``state`` itself where there is none yet.

        Unfinished and damaged checkpoints after it are set aside under other names, with a warning
        in the log.

        Args:
          state: of the same structure, shapes and placement on devices as the one to restore.

        Raises:
          CheckpointError: a checkpoint of another configuration, or none that is not damaged.
        """
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
            self._check_fingerprint(step, state)
        self._set_aside(faults)
        if step < 0:
            return state
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, state)
        with self._manager() as manager:
            state = manager.restore(step, args=ocp.args.StandardRestore(abstract))
        self._saved_at, self._saved_step = time.monotonic(), step
        logger.info("resumed from %s", self._path(step))
        return state

    def _manager(self) -> ocp.CheckpointManager:
        options = ocp.CheckpointManagerOptions(max_to_keep=self._keep)
        return ocp.CheckpointManager(self.directory, options=options)

    def _path(self, step: int) -> Path:
        return self.directory / str(step)

    def _steps(self) -> list[int]:
        if not self.directory.exists():
            return []
        return [int(path.name) for path in self.directory.iterdir() if path.name.isdecimal()]

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
        if not (path / RECORD).exists():
            return "unfinished"
        try:
            expected = json.loads((path / RECORD).read_text())["files"]
        except (ValueError, KeyError, TypeError):
            return f"damaged in {RECORD}"
        found = _digests(path)
        wrong = sorted(name for name in expected if expected[name] != found.get(name))
        return f"damaged in {wrong[0]}" if wrong else None

    def _fingerprint(self, state: TrainState) -> dict[str, Any]:
        return {"config": self._config, "arrays": _describe(state)}

    def _check_fingerprint(self, step: int, state: TrainState) -> None:
        saved = json.loads((self._path(step) / RECORD).read_text())
        del saved["files"]
        differences = _differences(saved, self._fingerprint(state))
        if differences:
            raise CheckpointError(
                f"checkpoint {self._path(step)} is of another configuration: "
                f"{'; '.join(differences)}; choose another directory or the same configuration"
            )

    def _set_aside(self, faults: dict[int, str]) -> None:
        """Rename checkpoints, so that their steps can be saved again and nothing is lost."""
        if jax.process_index() == 0:
            for step, fault in faults.items():
                name = f"{step}.{fault.split()[0]}-{time.time_ns()}"
                self._path(step).rename(self.directory / name)
        parallel.agree(0)  # the other hosts go on when it is done


def _describe(tree: PyTree) -> dict[str, str]:
    """Shape and dtype of every leaf by its place, such as ``.params['w']: float32[3,4]``."""
    return {
        jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}".replace(" ", "")
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


def _digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file in a checkpoint, by relative name, but for the record itself."""
    digests = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(RECORD):
            with path.open("rb") as file:
                digests[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def _write_whole(path: Path, text: str) -> None:
    """Write a file so that it is never seen in part."""
    unfinished = path.with_name(path.name + ".tmp")
    unfinished.write_text(text)
    os.replace(unfinished, path)


def _as_json(config: dict[str, Any]) -> dict[str, Any]:
    try:
        return json.loads(json.dumps(config))
    except (TypeError, ValueError) as error:
        raise ValueError(f"config is not JSON-like: {error}") from error


def _differences(saved: dict[str, Any], ours: dict[str, Any], prefix: str = "") -> list[str]:
    """Where two nested dicts differ, in words."""
    found = []
    for name in sorted(saved.keys() | ours.keys()):
        old, new = saved.get(name, "nothing"), ours.get(name, "nothing")
        if isinstance(old, dict) and isinstance(new, dict):
            found += _differences(old, new, f"{prefix}{name} ")
        elif old != new:
            found.append(f"{prefix}{name} was {old} and is now {new}")
    return found
