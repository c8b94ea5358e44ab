"""The one trainer: pure steps, loops of chunks, data parallelism, checkpoints, exact resume."""

from jaxsym.training.batches import minibatch
from jaxsym.training.budget import steps_for
from jaxsym.training.checkpoint import CheckpointError, Checkpoints
from jaxsym.training.interrupt import interrupt_flag
from jaxsym.training.lock import FolderLock, FolderLockedError
from jaxsym.training.loop import DivergedError, Event, Trained, train
from jaxsym.training.parallel import data_mesh, data_parallel, replicate, shard_batch
from jaxsym.training.sparsity import (
    bending,
    interactions,
    l1,
    live_outputs,
    normal_kl,
    ramp,
    slopes_l1,
    use_entropy,
)
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
    "bending",
    "data_mesh",
    "data_parallel",
    "init_state",
    "interactions",
    "interrupt_flag",
    "l1",
    "live_outputs",
    "make_step",
    "minibatch",
    "normal_kl",
    "ramp",
    "replicate",
    "shard_batch",
    "slopes_l1",
    "step_keys",
    "steps_for",
    "train",
    "use_entropy",
]
