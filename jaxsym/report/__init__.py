"""What a discovery leaves behind: a folder with its result, a page, equations and figure."""

from jaxsym._folders import check_folder
from jaxsym.laws import law_lines
from jaxsym.report.folder import FILES, write_report
from jaxsym.report.lagrangian import (
    LAGRANGIAN_FILES,
    lagrangian_module,
    lagrangian_tex,
    write_lagrangian,
)
from jaxsym.report.ode import ODE_FILES, ode_module, ode_tex, write_ode
from jaxsym.report.part import PART_FILES, part_module, part_tex, write_symbolified
from jaxsym.report.python_module import law_module, python_code
from jaxsym.report.regression import FIT_FILES, FitResult, write_fit
from jaxsym.report.words import law_tex, verdict

__all__ = [
    "FILES",
    "FIT_FILES",
    "LAGRANGIAN_FILES",
    "ODE_FILES",
    "PART_FILES",
    "FitResult",
    "check_folder",
    "lagrangian_module",
    "lagrangian_tex",
    "law_lines",
    "law_module",
    "law_tex",
    "ode_module",
    "ode_tex",
    "part_module",
    "part_tex",
    "python_code",
    "verdict",
    "write_fit",
    "write_lagrangian",
    "write_ode",
    "write_report",
    "write_symbolified",
]
