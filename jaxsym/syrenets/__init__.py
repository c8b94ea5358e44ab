"""Lagrangians from motion and torque: symbolic layers, hardening, and sparse regression."""

from jaxsym._deprecation import renamed
from jaxsym.progress import PhaseProgress
from jaxsym.syrenets.besides import Options
from jaxsym.syrenets.change import Change, detect_change
from jaxsym.syrenets.direct import direct_route
from jaxsym.syrenets.discovery import LagrangianDiscovery
from jaxsym.syrenets.fitting import EXACT, FittedLagrangian, fit_lagrangian
from jaxsym.syrenets.fourier import gauge_fixed, same_lagrangian, wave_terms
from jaxsym.syrenets.hardening import Hardened, harden, network_terms
from jaxsym.syrenets.library import ExpressionLibrary, LagrangianTerm, WaveLibrary
from jaxsym.syrenets.measured.workflow import lagrangian_from_positions
from jaxsym.syrenets.network.autoencoder import Autoencoder
from jaxsym.syrenets.network.candidates import PAPER_OPERATORS, Candidates
from jaxsym.syrenets.network.losses import PAPER_WEIGHTS, Batch, Weights, make_loss, predict
from jaxsym.syrenets.network.readout import Readout, read_out
from jaxsym.syrenets.network.selection import SELECTIONS, entmax
from jaxsym.syrenets.network.symbolic import Architecture, Selected, SymbolicNetwork, formula_value
from jaxsym.syrenets.network.training import (
    TrainedNetwork,
    mean_squared_error,
    train_network,
)
from jaxsym.syrenets.regression import SparseFit, sparse_fit
from jaxsym.syrenets.stage_table import LibraryStage, lagrangian_libraries, library_stages
from jaxsym.syrenets.term_network import TermNetworkFit, train_term_network
from jaxsym.syrenets.workflow import ROUTES, discover_lagrangian

__all__ = [
    "EXACT",
    "PAPER_OPERATORS",
    "PAPER_WEIGHTS",
    "ROUTES",
    "SELECTIONS",
    "Architecture",
    "Autoencoder",
    "Batch",
    "Candidates",
    "Change",
    "ExpressionLibrary",
    "FittedLagrangian",
    "Hardened",
    "LagrangianDiscovery",
    "LibraryStage",
    "Options",
    "PhaseProgress",
    "Readout",
    "Selected",
    "SparseFit",
    "SymbolicNetwork",
    "LagrangianTerm",
    "TermNetworkFit",
    "TrainedNetwork",
    "WaveLibrary",
    "Weights",
    "detect_change",
    "direct_route",
    "discover_lagrangian",
    "entmax",
    "fit_lagrangian",
    "formula_value",
    "gauge_fixed",
    "harden",
    "make_loss",
    "mean_squared_error",
    "network_terms",
    "predict",
    "read_out",
    "same_lagrangian",
    "sparse_fit",
    "lagrangian_from_positions",
    "lagrangian_libraries",
    "library_stages",
    "train_network",
    "train_term_network",
    "wave_terms",
]

__getattr__ = renamed(
    __name__,
    {
        "Progress": "PhaseProgress",
        "Reading": "Readout",
        "stages": "lagrangian_libraries",
        "Term": "LagrangianTerm",
    },
)
