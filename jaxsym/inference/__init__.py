"""From noisy series to equations of motion: noise, smoothing, weak forms, multiple shooting."""

from jaxsym.inference.likelihood import (
    Comparison,
    Model,
    Snapped,
    compare,
    description_length,
    misfit_bits,
    snap_constants,
)
from jaxsym.inference.noise import (
    Jump,
    Noise,
    estimate_noise,
    find_jumps,
    noise_exceeds_motion,
    unwrap,
)
from jaxsym.inference.polynomials import LocalPolynomials, local_polynomials
from jaxsym.inference.shooting.bound import Bound, cramer_rao
from jaxsym.inference.shooting.fitting import fit_trajectories
from jaxsym.inference.shooting.motion import METHODS, VectorField, second_order
from jaxsym.inference.shooting.results import TrajectoryFit
from jaxsym.inference.shooting.series import Observations, observations
from jaxsym.inference.smoothing import Smoothed, smooth
from jaxsym.inference.weak.choice import choose_groups
from jaxsym.inference.weak.matrices import WeakForm, weak_form, window_lengths
from jaxsym.inference.weak.pointwise import PointwiseTerms, RateSnapshots, pointwise_terms
from jaxsym.inference.weak.profiles import WeakProfiles, WeakTerm, weak_profiles
from jaxsym.inference.weak.regression import Chosen, Group, Series, WeakFit, weak_fit
from jaxsym.inference.weak.strengths import (
    ACTED_ON,
    ACTING,
    BodyPull,
    BodyPulls,
    body_pulls,
)
from jaxsym.inference.weak.tables import Jacobians, WeakRows, weak_rows, whiten
from jaxsym.inference.weak.terms import BODY_VECTORS, PAIR_VECTORS

__all__ = [
    "ACTED_ON",
    "ACTING",
    "BODY_VECTORS",
    "METHODS",
    "PAIR_VECTORS",
    "BodyPull",
    "BodyPulls",
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
    "PointwiseTerms",
    "RateSnapshots",
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
    "body_pulls",
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
    "pointwise_terms",
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
