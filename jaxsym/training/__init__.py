"""The one trainer: pure steps, loops of chunks, data parallelism, checkpoints, exact resume."""

from jaxsym.training.batches import minibatch
from jaxsym.training.budget import steps_for
from jaxsym.training.checkpoint import CheckpointError, Checkpoints
from jaxsym.training.interrupt import interrupt_flag
from jaxsym.training.lock import FolderLock, FolderLockedError
from jaxsym.training.loop import DivergedError, Event, Trained, train
from jaxsym.training.parallel import data_mesh, data_parallel, replicate, shard_batch
from jaxsym.training.state import TrainState, init_state, step_keys
from jaxsym.training.step import make_step

__all__ = [
    "CheckpointError",
    "Checkpoints",
    "DivergedError",
    "Event",
    "FolderLock",
    "FolderLockedError",
    "TrainState",
    "Trained",
    "data_mesh",
    "data_parallel",
    "init_state",
    "interrupt_flag",
    "make_step",
    "minibatch",
    "replicate",
    "shard_batch",
    "step_keys",
    "steps_for",
    "train",
]
