"""What graph networks learn of the laws of Cranmer et al. 2020 (arXiv 2006.11287), mixed linearly.

The equations of the other sets come from where they are kept: the package has those that its
pretraining leaves out or is judged by (`jaxsym.nesymres.load_test_set`), symbolic-data the others.
"""

from __future__ import annotations

Row = tuple[str, str, str]  # name, formula, "variable least most, ..."

# In terms of r, which comes after dx and dy but is the length of (dx, dy).
_MIX, _PLANE = "(0.6*dx - 0.8*dy)", "dx -2 2, dy -2 2"
MESSAGES: tuple[Row, ...] = (
    ("GN-spring", f"2*(r - 1)*{_MIX}/r", f"{_PLANE}, r 0 3"),
    ("GN-r1", f"-1.3*m1*m2*{_MIX}/r**2", f"{_PLANE}, m1 0.5 3, m2 0.5 3, r 0 3"),
    ("GN-r2", f"-1.3*m1*m2*{_MIX}/r**3", f"{_PLANE}, m1 0.5 3, m2 0.5 3, r 0 3"),
    ("GN-charge", f"1.3*q1*q2*{_MIX}/r**3", f"{_PLANE}, q1 -1 1, q2 -1 1, r 0 3"),
)
