"""NeSymReS: an equation from a table in one forward pass (Biggio et al. 2021, arXiv:2106.06427)."""

from jaxsym.nesymres.bank import Bank, generate_bank
from jaxsym.nesymres.config import CONFIGS, ModelConfig
from jaxsym.nesymres.decoding import decode
from jaxsym.nesymres.decontamination import Exclusion
from jaxsym.nesymres.engine import HybridEngine, NeSymReSEngine
from jaxsym.nesymres.model import NeSymReS
from jaxsym.nesymres.pretrained import Pretrained, Proposal, from_weights, load_pretrained
from jaxsym.nesymres.prior import Prior
from jaxsym.nesymres.runs import VARIANTS, Run, named_run, variant_of
from jaxsym.nesymres.solving import best_by_error, solve
from jaxsym.nesymres.stream import StreamConfig, draw_examples, on_device
from jaxsym.nesymres.test_sets import TEST_SETS, Equation, load_test_set
from jaxsym.nesymres.weights import Weights, WeightsError, load_weights, save_weights

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
