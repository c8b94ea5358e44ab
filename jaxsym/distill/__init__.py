"""From a trained network to an equation that takes its place, and a verdict on it."""

from jaxsym._deprecation import renamed
from jaxsym.distill.agreement import MessageR2, message_r2
from jaxsym.distill.discovery import Discovery
from jaxsym.distill.gauge import unit_strength
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
from jaxsym.distill.learning import MODELS, Learned, learn
from jaxsym.distill.network_errors import neural_errors, relative_errors
from jaxsym.distill.pair_forces import PairForces, extract_pair_forces, pair_response
from jaxsym.distill.parts.found import FoundPart, Symbolified
from jaxsym.distill.parts.terms import PartLaw
from jaxsym.distill.parts.workflow import symbolify
from jaxsym.distill.profiles import RadialProfile, radial_profile
from jaxsym.distill.refitting import Refit, refit, rms_relative_error
from jaxsym.distill.rollout import Rollout, roll_out, rollout_error
from jaxsym.distill.selection import RefitData, Selector, description_length, rounded
from jaxsym.distill.tasks import (
    Task,
    Truth,
    observed_task,
    simulated_task,
    solar_system_task,
    task_for,
)
from jaxsym.distill.verdict import Errors, pair_samples, recovered, symbolic_errors
from jaxsym.distill.workflow import discover
from jaxsym.laws import (
    VARIABLES,
    ParticleLaw,
    cut_off,
    latex,
    neighbors,
    pair_energy,
    pair_inputs,
    power_of_distance,
    simplify,
    softened,
    symbolic_network,
    with_free_exponent,
)
from jaxsym.progress import PhaseProgress

__all__ = [
    "Discovery",
    "Errors",
    "FoundPart",
    "HaloDiscovery",
    "HaloLaw",
    "HaloNetwork",
    "HaloRefit",
    "Learned",
    "MODELS",
    "MessageR2",
    "PUBLISHED_LAWS",
    "PairForces",
    "PartLaw",
    "ParticleLaw",
    "PhaseProgress",
    "RadialProfile",
    "Refit",
    "RefitData",
    "Rollout",
    "Selector",
    "Symbolified",
    "Task",
    "Truth",
    "VARIABLES",
    "choose_composition",
    "cut_off",
    "description_length",
    "discover",
    "extract_pair_forces",
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
    "read_halo_law",
    "recovered",
    "refit",
    "refit_halo_law",
    "relative_errors",
    "rms_relative_error",
    "roll_out",
    "rollout_error",
    "rounded",
    "simplify",
    "simulated_task",
    "softened",
    "solar_system_task",
    "symbolic_errors",
    "symbolic_network",
    "symbolify",
    "task_for",
    "unit_strength",
    "with_free_exponent",
]

__getattr__ = renamed(
    __name__,
    {
        "Problem": "RefitData",
        "Progress": "PhaseProgress",
        "Reading": "PairForces",
        "read": "extract_pair_forces",
        "relative_error": "rms_relative_error",
        "tidy": "simplify",
    },
)
