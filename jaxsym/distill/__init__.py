"""From a trained network to an equation that takes its place, and a verdict on it."""

from jaxsym.distill.discover import Progress, discover
from jaxsym.distill.discovery import Discovery, latex
from jaxsym.distill.energy import pair_energy
from jaxsym.distill.gauge import power_of_distance, unit_strength, with_free_exponent
from jaxsym.distill.law import ParticleLaw, symbolic_network
from jaxsym.distill.learn import MODELS, Learned, learn, neural_errors, relative_errors
from jaxsym.distill.message_r2 import MessageR2, message_r2
from jaxsym.distill.neighbors import neighbors, softened
from jaxsym.distill.reading import VARIABLES, Reading, pair_inputs, pair_response, read
from jaxsym.distill.refit import Refit, refit, relative_error
from jaxsym.distill.rollout import Rollout, roll_out, rollout_error
from jaxsym.distill.select import Problem, Selector, description_length, rounded
from jaxsym.distill.tasks import (
    Task,
    Truth,
    observed_task,
    simulated_task,
    solar_system_task,
    task_for,
)
from jaxsym.distill.tidy import tidy
from jaxsym.distill.verdict import Errors, pair_samples, recovered, symbolic_errors

__all__ = [
    "MODELS",
    "VARIABLES",
    "Discovery",
    "Errors",
    "Learned",
    "MessageR2",
    "ParticleLaw",
    "Problem",
    "Progress",
    "Reading",
    "Refit",
    "Rollout",
    "Selector",
    "Task",
    "Truth",
    "description_length",
    "discover",
    "latex",
    "learn",
    "message_r2",
    "neighbors",
    "neural_errors",
    "observed_task",
    "pair_energy",
    "pair_inputs",
    "pair_response",
    "pair_samples",
    "power_of_distance",
    "read",
    "recovered",
    "refit",
    "relative_error",
    "relative_errors",
    "roll_out",
    "rollout_error",
    "rounded",
    "simulated_task",
    "softened",
    "solar_system_task",
    "symbolic_errors",
    "symbolic_network",
    "task_for",
    "tidy",
    "unit_strength",
    "with_free_exponent",
]
