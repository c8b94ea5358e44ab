"""Laws of motion in closed form: what a body does to another, and how that is written and run."""

from jaxsym.laws.energy import pair_energy
from jaxsym.laws.exponents import power_of_distance, with_free_exponent
from jaxsym.laws.neighborhood import cut_off, neighbors, softened, with_fewer_terms
from jaxsym.laws.pairs import VARIABLES, pair_inputs
from jaxsym.laws.particle_law import AXES, OWN_VARIABLES, ParticleLaw, Term, symbolic_network
from jaxsym.laws.programs import LawProgram, law_program, program_network
from jaxsym.laws.simplification import simplify
from jaxsym.laws.typesetting import latex, law_lines
from jaxsym.laws.units import NaturalUnits, in_units, natural_units

__all__ = [
    "AXES",
    "OWN_VARIABLES",
    "VARIABLES",
    "LawProgram",
    "NaturalUnits",
    "ParticleLaw",
    "Term",
    "cut_off",
    "in_units",
    "latex",
    "law_lines",
    "law_program",
    "natural_units",
    "neighbors",
    "pair_energy",
    "pair_inputs",
    "power_of_distance",
    "program_network",
    "simplify",
    "softened",
    "symbolic_network",
    "with_fewer_terms",
    "with_free_exponent",
]
