"""From noisy series to equations of motion: noise, smoothing, weak forms, multiple shooting."""

from jaxsym.inference.bound import Bound, cramer_rao
from jaxsym.inference.fitting import TrajectoryFit, fit_trajectories, second_order
from jaxsym.inference.force_terms import BODY_VECTORS, PAIR_VECTORS
from jaxsym.inference.group_choice import choose_groups
from jaxsym.inference.likelihood import (
    Comparison,
    Model,
    Snapped,
    compare,
    description_length,
    misfit_bits,
    snap_constants,
)
from jaxsym.inference.local_polynomials import LocalPolynomials, local_polynomials
from jaxsym.inference.motion import METHODS, VectorField
from jaxsym.inference.noise import (
    Jump,
    Noise,
    estimate_noise,
    find_jumps,
    noise_exceeds_motion,
    unwrap,
)
from jaxsym.inference.observations import Observations, observations
from jaxsym.inference.smoothing import Smoothed, smooth
from jaxsym.inference.weak_fit import Chosen, Group, Series, WeakFit, weak_fit
from jaxsym.inference.weak_form import WeakForm, weak_form, window_lengths
from jaxsym.inference.weak_profiles import WeakProfiles, WeakTerm, weak_profiles
from jaxsym.inference.weak_rows import Jacobians, WeakRows, weak_rows, whiten

__all__ = [
    "BODY_VECTORS",
    "METHODS",
    "PAIR_VECTORS",
    "Bound",
    "Chosen",
    "Comparison",
    "Group",
    "Jacobians",
    "Jump",
    "LocalPolynomials",
    "Model",
    "Noise",
    "Observations",
    "Series",
    "Smoothed",
    "Snapped",
    "TrajectoryFit",
    "VectorField",
    "WeakFit",
    "WeakForm",
    "WeakProfiles",
    "WeakRows",
    "WeakTerm",
    "choose_groups",
    "compare",
    "cramer_rao",
    "description_length",
    "estimate_noise",
    "find_jumps",
    "fit_trajectories",
    "local_polynomials",
    "misfit_bits",
    "noise_exceeds_motion",
    "observations",
    "second_order",
    "smooth",
    "snap_constants",
    "unwrap",
    "weak_fit",
    "weak_form",
    "weak_profiles",
    "weak_rows",
    "whiten",
    "window_lengths",
]
