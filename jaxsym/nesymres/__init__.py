"""NeSymReS: an equation from a table in one forward pass (Biggio et al. 2021, arXiv:2106.06427)."""

from jaxsym.nesymres.bank import Bank, generate_bank
from jaxsym.nesymres.prior import Prior

__all__ = ["Bank", "Prior", "generate_bank"]
