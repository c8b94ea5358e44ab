"""NeSymReS: an equation from a table in one forward pass (Biggio et al. 2021, arXiv:2106.06427)."""

from jaxsym.nesymres.engine import HybridEngine, NeSymReSEngine
from jaxsym.nesymres.model.config import CONFIGS, ModelConfig
from jaxsym.nesymres.model.decoding import decode
from jaxsym.nesymres.model.transformer import NeSymReS
from jaxsym.nesymres.model.weights import Weights, WeightsError, load_weights, save_weights
from jaxsym.nesymres.pretrained import Pretrained, Proposal, from_weights, load_pretrained
from jaxsym.nesymres.pretraining.examples import StreamConfig, draw_examples, on_device
from jaxsym.nesymres.pretraining.runs import VARIANTS, Run, named_run, variant_of
from jaxsym.nesymres.skeletons.corpus import Bank, generate_bank
from jaxsym.nesymres.skeletons.decontamination import Exclusion
from jaxsym.nesymres.skeletons.prior import Prior
from jaxsym.nesymres.skeletons.test_sets import TEST_SETS, Equation, load_test_set
from jaxsym.nesymres.solving import best_by_error, solve

__all__ = [
    "CONFIGS",
    "TEST_SETS",
    "VARIANTS",
    "Bank",
    "Equation",
    "Exclusion",
    "HybridEngine",
    "ModelConfig",
    "NeSymReS",
    "NeSymReSEngine",
    "Pretrained",
    "Prior",
    "Proposal",
    "Run",
    "StreamConfig",
    "Weights",
    "WeightsError",
    "best_by_error",
    "decode",
    "draw_examples",
    "from_weights",
    "generate_bank",
    "load_pretrained",
    "load_test_set",
    "load_weights",
    "named_run",
    "on_device",
    "save_weights",
    "solve",
    "variant_of",
]
