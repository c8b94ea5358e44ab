"""From noisy series to equations of motion: noise, smoothing, weak forms."""

from jaxsym.inference.force_terms import BODY_VECTORS, PAIR_VECTORS
from jaxsym.inference.group_choice import choose_groups
from jaxsym.inference.local_polynomials import LocalPolynomials, local_polynomials
from jaxsym.inference.noise import (
    Jump,
    Noise,
    estimate_noise,
    find_jumps,
    noise_exceeds_motion,
    unwrap,
)
from jaxsym.inference.smoothing import Smoothed, smooth
from jaxsym.inference.weak_fit import Chosen, Group, Series, WeakFit, weak_fit
from jaxsym.inference.weak_form import WeakForm, weak_form, window_lengths
from jaxsym.inference.weak_profiles import WeakProfiles, WeakTerm, weak_profiles
from jaxsym.inference.weak_rows import Jacobians, WeakRows, weak_rows, whiten

__all__ = [
    "BODY_VECTORS",
    "PAIR_VECTORS",
    "Chosen",
    "Group",
    "Jacobians",
    "Jump",
    "LocalPolynomials",
    "Noise",
    "Series",
    "Smoothed",
    "WeakFit",
    "WeakForm",
    "WeakProfiles",
    "WeakRows",
    "WeakTerm",
    "choose_groups",
    "estimate_noise",
    "find_jumps",
    "local_polynomials",
    "noise_exceeds_motion",
    "smooth",
    "unwrap",
    "weak_fit",
    "weak_form",
    "weak_profiles",
    "weak_rows",
    "whiten",
    "window_lengths",
]
