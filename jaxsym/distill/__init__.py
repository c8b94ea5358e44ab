"""From a trained network to an equation that takes its place, and a verdict on it."""

from jaxsym.distill.discover import discover
from jaxsym.distill.discovery import Discovery, latex
from jaxsym.distill.energy import pair_energy
from jaxsym.distill.gauge import power_of_distance, unit_strength, with_free_exponent
from jaxsym.distill.halos.discovery import (
    HaloDiscovery,
    HaloNetwork,
    choose_composition,
    learn_halos,
    read_halo_law,
)
from jaxsym.distill.halos.law import (
    PUBLISHED_LAWS,
    HaloLaw,
    HaloRefit,
    halo_law_network,
    predict_halos,
    refit_halo_law,
)
from jaxsym.distill.law import ParticleLaw, symbolic_network
from jaxsym.distill.learn import MODELS, Learned, learn, neural_errors, relative_errors
from jaxsym.distill.message_r2 import MessageR2, message_r2
from jaxsym.distill.neighbors import cut_off, neighbors, softened
from jaxsym.distill.phases import Progress
from jaxsym.distill.radial_profile import RadialProfile, radial_profile
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
    "PUBLISHED_LAWS",
    "VARIABLES",
    "Discovery",
    "Errors",
    "HaloDiscovery",
    "HaloLaw",
    "HaloNetwork",
    "HaloRefit",
    "Learned",
    "MessageR2",
    "ParticleLaw",
    "Problem",
    "Progress",
    "RadialProfile",
    "Reading",
    "Refit",
    "Rollout",
    "Selector",
    "Task",
    "Truth",
    "choose_composition",
    "description_length",
    "cut_off",
    "discover",
    "halo_law_network",
    "latex",
    "learn",
    "learn_halos",
    "message_r2",
    "neighbors",
    "neural_errors",
    "observed_task",
    "pair_energy",
    "pair_inputs",
    "pair_response",
    "pair_samples",
    "power_of_distance",
    "predict_halos",
    "radial_profile",
    "read",
    "read_halo_law",
    "recovered",
    "refit",
    "refit_halo_law",
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
