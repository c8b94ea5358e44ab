"""The law and the verdict on it in words and in LaTeX."""

from __future__ import annotations

from jaxsym.distill.discovery import Discovery
from jaxsym.distill.measured.evidence import EXPLAINED, TrajectoryEvidence
from jaxsym.distill.verdict import TOLERANCE
from jaxsym.laws.particle_law import ParticleLaw
from jaxsym.laws.typesetting import latex, law_lines, term_tex


def law_tex(discovery: Discovery) -> str:
    r"""The equations of motion in LaTeX, to ``\input`` in a document that loads amsmath."""
    law = discovery.law
    pair = latex(law).replace("=", "&=", 1)
    rate = r"\dot{\vec{x}}_1" if law.order == 1 else r"\ddot{\vec{x}}_1"
    return "\n".join(
        [
            f"% Law of motion of {discovery.task.name}, found by jaxsym; needs amsmath.",
            r"\begin{align}",
            rf"  {pair}, \qquad r = \lVert \vec{{x}}_2 - \vec{{x}}_1 \rVert \\",
            rf"  {rate} &= {' + '.join(_tex_terms(law))}",
            r"\end{align}",
            "",
        ]
    )


def _tex_terms(law: ParticleLaw) -> list[str]:
    rate = r"\vec{v}" if law.order == 1 else r"\vec{a}"
    pull = (r"\vec{F}" if law.force else rate) + r"_{1 \leftarrow 2}"
    terms = [(r"\frac{1}{m_1} " if law.force else "") + r"\sum_2 " + pull]
    if law.drag is not None:
        terms.append(rf"\left({law.drag.latex()}\right) \dot{{\vec{{x}}}}_1")
    if law.field:
        entries = r" \\ ".join(f"{value:.6g}" for value in law.field)
        terms.append(rf"\begin{{pmatrix}} {entries} \end{{pmatrix}}")
    return terms + [term_tex(term) for term in law.further if not term.kind.between]


def verdict(discovery: Discovery) -> str:
    """Whether the law was recovered, and what that says, in a few sentences.

    A law read from a network that learned nothing is not told without saying so.
    """
    missing = _incomplete(discovery)
    if discovery.trajectory is not None:
        told = _told_by_trajectories(discovery.trajectory)
        return f"{told} {missing}{_comparison(discovery)}"
    if discovery.neural is None:
        return f"{missing}{_comparison(discovery)}"
    if discovery.network_learned:
        return f"{_of_weak_forms(discovery)}{missing}{_comparison(discovery)}"
    assert discovery.neural is not None
    return (
        f"The network has learned next to nothing: on held-out data its error is "
        f"{discovery.neural.held_out:.0%} of the acceleration. The law fits the data as far as its "
        "own errors say, and no network supports it; train for more steps or a longer time. "
        + _comparison(discovery)
    )


def _incomplete(discovery: Discovery) -> str:
    """That the law leaves out a part of the motion, if it does."""
    if discovery.complete is not False:
        return ""
    share = "" if discovery.explained is None else f": it explains {discovery.explained:.1%} of it"
    return (
        f"The law is not complete{share}. What is left is no noise: other forces act, of more than "
        "two bodies, of the past, or of bodies that were not seen. "
    )


def _of_weak_forms(discovery: Discovery) -> str:
    """Whether a network that was trained on positions alone follows their noise."""
    weak = discovery.network and discovery.network.weak
    if not weak or not weak.overfits:
        return ""
    return (
        f"The network follows the noise of what it was trained on: its squared error is "
        f"{weak.seen:.3g} there and {weak.held_out:.3g} on other motion, in units of the noise. "
        "More trajectories would help, or no model by name: laws are then fitted to the motion. "
    )


def _told_by_trajectories(evidence: TrajectoryEvidence) -> str:
    """Whether the law explains the measured motion, and whether another one does as well."""
    estimated = "estimated" if evidence.sigma_estimated else "given"
    told = [
        f"The law leaves chi2/dof = {evidence.chi2_per_dof:.3g} of the measured positions, with "
        f"{estimated} standard errors of {evidence.noise['sigma']:.3g}."
    ]
    if evidence.chi2_per_dof > EXPLAINED:
        told.append("There is motion that it does not explain.")
    if evidence.unfollowed:
        names = ", ".join(map(str, evidence.unfollowed))
        told.append(
            f"It has no motion near what was measured of trajectory {names}, which was left out; "
            "bodies may meet there too closely to be followed."
        )
    if evidence.indistinguishable:
        told.append(
            f"The data cannot tell it from {', nor from '.join(evidence.indistinguishable)}."
        )
    return " ".join(told)


def _comparison(discovery: Discovery) -> str:
    """The law against the truth, where that is known."""
    truth = discovery.task.truth
    if discovery.recovered is None or truth is None:
        return (
            "No truth is known to compare with: the equation is as good as its errors on data "
            "that nothing was fitted to."
        )
    if truth.own is None:
        return "Not recovered: no function of the bodies' states is the truth of this case."
    law = truth.law(discovery.law.dims)
    true = "; ".join(
        law_lines(law if discovery.law.force else law.as_acceleration())[: 1 + bool(truth.further)]
    )
    within = f"within {TOLERANCE:.0%} of the true one"
    if discovery.recovered:
        return (
            f"Recovered: the law is {within} on pairs never seen, "
            "also with their distances halved and doubled."
        )
    return f"Not recovered: the law is not {within}, {true}, on pairs or bodies never seen."
