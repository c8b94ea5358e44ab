"""Former names of public things still work, and say what to write instead."""

import importlib

import pytest

FORMER = [
    ("distill", "Problem", "RefitData"),
    ("distill", "Progress", "PhaseProgress"),
    ("distill", "Reading", "PairForces"),
    ("distill", "read", "extract_pair_forces"),
    ("distill", "relative_error", "rms_relative_error"),
    ("distill", "tidy", "simplify"),
    ("syrenets", "Progress", "PhaseProgress"),
    ("syrenets", "Reading", "Readout"),
    ("syrenets", "Term", "LagrangianTerm"),
    ("syrenets", "stages", "lagrangian_libraries"),
]


@pytest.mark.parametrize(("room", "former", "present"), FORMER)
def test_a_former_name_gives_the_present_thing_and_a_warning(room, former, present):
    module = importlib.import_module(f"jaxsym.{room}")
    with pytest.warns(DeprecationWarning, match=f"jaxsym.{room}.{former} is now called {present}"):
        found = getattr(module, former)
    assert found is getattr(module, present)
    assert former not in module.__all__


def test_other_names_are_unknown():
    from jaxsym import distill

    with pytest.raises(AttributeError, match="module 'jaxsym.distill' has no attribute 'nothing'"):
        _ = distill.nothing
