"""Views of a discovery show its numbers."""

from __future__ import annotations

import dataclasses

import made_discovery
import numpy as np
import pytest
from matplotlib.figure import Figure

from jaxsym.distill import ParticleLaw
from jaxsym.expr import parse
from jaxsym.plotting import draw, plot_accelerations, plot_errors, plot_masses, plot_pair_law

VIEWS = (plot_pair_law, plot_accelerations, plot_errors, plot_masses)


def lines(ax) -> dict[str, np.ndarray]:
    return {line.get_label(): line.get_xydata() for line in ax.get_lines()}


@pytest.mark.parametrize("view", VIEWS)
def test_views_return_the_axes_that_they_are_given(view):
    discovery = made_discovery.known_gravity()
    ax = Figure().subplots()
    assert view(discovery, ax) is ax
    assert view(discovery) is not ax
    assert ax.get_xlabel() or ax.get_ylabel()


def test_pair_law_of_a_spring():
    ax = plot_pair_law(made_discovery.spring())
    drawn = lines(ax)
    r, force = drawn["equation"].T
    np.testing.assert_allclose(force, 2 * (r - 0.9901), atol=1e-12)
    r, force = drawn["truth"].T
    np.testing.assert_allclose(force, 2 * (r - 0.99), atol=1e-12)
    # the network's accelerations become forces on bodies of unequal masses
    r, force = drawn["network"].T
    np.testing.assert_allclose(force, 2.02 * (r - 0.97), rtol=0.1, atol=0.02)
    assert ax.get_yscale() == "linear" and ax.get_ylabel() == "force on 1 by 2, attraction"


def test_pair_law_of_gravity_is_brought_to_unit_mass():
    ax = plot_pair_law(made_discovery.known_gravity())
    drawn = lines(ax)
    for name in ("equation", "truth"):
        r, pull = drawn[name].T
        np.testing.assert_allclose(pull, r**-2.0)
    # the network works in units of its own
    r, pull = drawn["network"].T
    natural = (r / made_discovery.LENGTH) ** -1.9
    np.testing.assert_allclose(pull * made_discovery.GM, natural, rtol=0.1)
    assert ax.get_xscale() == ax.get_yscale() == "log"
    assert ax.get_ylabel() == "acceleration of 1 by 2, attraction, at m2 = 1"
    assert "truth" not in lines(plot_pair_law(made_discovery.gravity()))


def test_repulsion_is_called_so():
    discovery = made_discovery.gravity()
    law = ParticleLaw(parse("-m2/r**3"), False, 3)
    forces = discovery.pair_forces
    assert forces is not None
    turned = forces._replace(coefficient=-forces.coefficient)
    ax = plot_pair_law(dataclasses.replace(discovery, law=law, pair_forces=turned))
    assert "repulsion" in ax.get_ylabel()
    assert (lines(ax)["network"][:, 1] > 0).all()


def test_accelerations_are_predicted_against_true():
    drawn = lines(plot_accelerations(made_discovery.known_gravity()))
    true, equation = drawn["equation"].T
    np.testing.assert_allclose(equation, true, rtol=0.02)
    true, network = drawn["network"].T
    assert np.median(np.abs(network / true - 1)) > 0.01


def test_errors_by_body_where_bodies_have_names():
    discovery = made_discovery.known_gravity()
    drawn = lines(plot_errors(discovery))
    np.testing.assert_allclose(drawn["network"][:, 1], discovery.by_body[0])
    np.testing.assert_allclose(drawn["equation"][:, 1], discovery.by_body[1])


def test_errors_as_histograms_where_bodies_have_none():
    discovery = made_discovery.spring()
    labels = plot_errors(discovery).get_legend_handles_labels()[1]
    assert labels == [
        f"network, median {discovery.neural.held_out:.1e}",
        f"equation, median {discovery.symbolic.held_out:.1e}",
    ]


def test_masses_with_their_errors():
    ax = plot_masses(made_discovery.known_gravity())
    assert [text.get_text() for text in ax.texts] == ["A", "B +1.0e-03", "C -1.0e-02"]
    assert not plot_masses(made_discovery.gravity()).texts


def test_known_masses_are_not_drawn():
    with pytest.raises(ValueError, match="the masses were known"):
        plot_masses(made_discovery.spring())


@pytest.mark.parametrize(
    ("make", "views"),
    [(made_discovery.spring, 3), (made_discovery.gravity, 4), (made_discovery.known_gravity, 4)],
)
def test_draw_puts_the_views_under_the_law(make, views):
    discovery = make()
    figure = draw(discovery)
    assert len(figure.axes) == views
    assert figure.get_suptitle().startswith(f"{discovery.task.name}:  $")


def test_a_law_that_mathtext_cannot_set_is_plain_text():
    law = ParticleLaw(parse("(m2 if r > 1 else 2*m2)"), False, 3)
    figure = draw(dataclasses.replace(made_discovery.gravity(), law=law))
    figure.canvas.draw()
    assert "acceleration of 1 by 2 = (Piecewise" in figure.get_suptitle()


@pytest.mark.parametrize("coefficient", ["0", "sqrt(-r)", "exp(1000*r)"])
def test_laws_that_went_wrong_can_be_drawn(coefficient):
    """A run that found nothing must still leave its report."""
    spring = made_discovery.spring()
    law = ParticleLaw(parse(coefficient), True, 2)
    draw(dataclasses.replace(spring, law=law)).canvas.draw()


def test_bodies_that_are_not_moved_can_be_drawn():
    spring = made_discovery.spring()
    held_out = spring.task.held_out
    still = dataclasses.replace(held_out, acceleration=0 * held_out.acceleration)
    task = dataclasses.replace(spring.task, held_out=still)
    draw(dataclasses.replace(spring, task=task)).canvas.draw()
