"""Checkpoints of a run, by Orbax: complete or not there, and only of the same configuration."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from jaxtyping import PyTree

from jaxsym._check import require
from jaxsym.training import parallel
from jaxsym.training.state import TrainState

logger = logging.getLogger(__name__)


class CheckpointError(ValueError):
    """A folder's checkpoints are of another configuration, or all damaged."""


class Checkpoints:
    """Where and how often a run is saved; the last ``keep`` states, one folder each.

    A state is written under a temporary name and renamed when it is complete, so a run killed at
    any moment finds its last complete one. With several hosts the folder is one that all share.

    Args:
      directory: the run's own folder, made if needed.
      config: what the run depends on beside the state's shapes (model, data, learning rate, ...),
        JSON-like; a checkpoint made with another one is refused.
      every_seconds: time between two saves.
      every_steps: number of steps between two saves; both may be given. Saves happen between the
        chunks of the loop, and at its end.
      keep: number of states to keep.

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
        require(keep >= 1, f"keep is {keep}; expected at least 1")
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
        """The step of the last complete checkpoint, or None; damage inside it is not looked for."""
        with self._manager() as manager:
            return manager.latest_step()

    def due(self, step: int) -> bool:
        """Whether it is time to save again at ``step``."""
        by_time = time.monotonic() - self._saved_at >= self._every_seconds
        every = self._every_steps
        by_step = every is not None and step // every > self._saved_step // every
        return by_time or by_step

    def save(self, state: TrainState) -> None:
        """Save ``state`` and wait until it is complete; a step that is there already stays."""
        step = _step(state)
        with self._manager() as manager:
            if step not in manager.all_steps():
                manager.save(
                    step,
                    args=ocp.args.Composite(
                        state=ocp.args.StandardSave(state),
                        meta=ocp.args.JsonSave(self._fingerprint(state)),
                    ),
                )
                manager.wait_until_finished()
        self._saved_at, self._saved_step = time.monotonic(), step

    def restore(self, state: TrainState) -> TrainState:
        """The last complete checkpoint, or ``state`` itself where there is none yet.

        A damaged checkpoint is set aside under another name and the one before it is taken, with
        a warning in the log.

        Args:
          state: of the same structure, shapes and placement on devices as the one to restore.

        Raises:
          CheckpointError: a checkpoint of another configuration, or none that is not damaged.
        """
        found, damaged = None, []
        with self._manager() as manager:
            for step in sorted(manager.all_steps(), reverse=True):
                found = self._load(manager, step, state)
                if found is not None:
                    break
                damaged.append(step)
        if found is None and damaged:
            raise CheckpointError(
                f"{self.directory} has no complete checkpoint: those of steps {damaged} are "
                "damaged; move them away to start anew"
            )
        if found is None:
            return state
        self._set_aside(damaged)
        self._saved_at, self._saved_step = time.monotonic(), _step(found)
        logger.info("resumed from %s", self._path(_step(found)))
        return found

    def _path(self, step: int) -> Path:
        return self.directory / str(step)

    def _manager(self) -> ocp.CheckpointManager:
        options = ocp.CheckpointManagerOptions(max_to_keep=self._keep)
        return ocp.CheckpointManager(self.directory, options=options)

    def _load(
        self, manager: ocp.CheckpointManager, step: int, like: TrainState
    ) -> TrainState | None:
        """The state saved at ``step``; None, with a warning, if it is damaged."""
        meta = ocp.args.Composite(meta=ocp.args.JsonRestore())
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, like)
        arrays = ocp.args.Composite(state=ocp.args.StandardRestore(abstract))
        try:
            self._check_fingerprint(step, like, manager.restore(step, args=meta).meta)
            state = manager.restore(step, args=arrays).state
            require(_describe(state) == _describe(like), "its arrays have lost their types")
        except CheckpointError:
            raise
        except Exception as error:  # Orbax, tensorstore and json each say it in their own way
            logger.warning("checkpoint %s is damaged: %s", self._path(step), error)
            return None
        return state

    def _fingerprint(self, state: TrainState) -> dict[str, Any]:
        return {"config": self._config, "arrays": _describe(state)}

    def _check_fingerprint(self, step: int, state: TrainState, saved: dict[str, Any]) -> None:
        differences = _differences(saved, self._fingerprint(state))
        if differences:
            raise CheckpointError(
                f"checkpoint {self._path(step)} is of another configuration: "
                f"{'; '.join(differences)}; choose another directory or the same configuration"
            )

    def _set_aside(self, damaged: list[int]) -> None:
        """Rename damaged checkpoints: their steps can be saved again, and nothing is lost."""
        if jax.process_index() == 0:
            for step in damaged:
                path = self._path(step)
                path.rename(path.with_name(f"{step}.damaged-{time.time_ns()}"))
        parallel.agree(len(damaged))  # the other hosts wait here


def _step(state: TrainState) -> int:
    return int(np.ravel(state.step)[0])


def _describe(tree: PyTree) -> dict[str, str]:
    """Shape and dtype of every leaf by its place, such as ``.params['w']: float32[3,4]``."""
    return {
        jax.tree_util.keystr(path): f"{leaf.dtype}{list(leaf.shape)}".replace(" ", "")
        for path, leaf in jax.tree.leaves_with_path(tree)
    }


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
