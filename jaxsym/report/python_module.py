"""The law as a Python module that needs nothing but JAX."""

from __future__ import annotations

from collections.abc import Mapping

from jaxsym.distill.discovery import Discovery, prefix_of
from jaxsym.expr import Expression, Operator, literal
from jaxsym.expr.fitting.snapping import with_number
from jaxsym.expr.operators import ANY, ATOM, SUM, UNARY, Form
from jaxsym.laws.pairs import VARIABLES
from jaxsym.laws.particle_law import AXES, ParticleLaw, Term
from jaxsym.laws.typesetting import law_lines

# What Python calls otherwise than the expressions' own text, which sympy reads too.
_FORMS = {
    "min": Form("jnp.minimum({}, {})", ATOM, (ANY, ANY)),
    "max": Form("jnp.maximum({}, {})", ATOM, (ANY, ANY)),
    "if_greater": Form("jnp.where({} > {}, {}, {})", ATOM, (SUM, SUM, ANY, ANY)),
}
_BETWEEN = {
    "r": "r",
    "m1": "mass[..., :, None]",
    "m2": "mass[..., None, :]",
    "q1": "charge[..., :, None]",
    "q2": "charge[..., None, :]",
}
_ALONE = {"m1": "mass[..., None]", "q1": "charge[..., None]"}

_MODULE = '''\
"""Law of motion of {name}, found by jaxsym.

With d = x2 - x1 from body 1 to body 2 and r its length:

    {formulas}
"""

import jax.numpy as jnp

{data}


def coefficient({arguments}, constants=CONSTANTS):
    """c, where the {quantity} is c d."""
    return {coefficient}


def {rate}(position, velocity=None, mass=None, charge=None, constants=CONSTANTS):
    """{Rate} [..., N, D] of N bodies.

    Args:
      position, velocity: [..., N, D].
      mass, charge: [..., N]; what the law does not use may be left out.
      constants: numbers by name, which gradients may be taken of.
    """
{prepare}    d = position[..., None, :, :] - position[..., :, None, :]
    acts = {acts}
    r = jnp.sqrt(jnp.where(acts, jnp.sum(d**2, axis=-1), 1.0))
    pull = jnp.where(acts, coefficient({values}, constants), 0.0)
    total = jnp.sum(pull[..., None] * d, axis=-2)
{further}    return {result}
'''


def law_module(discovery: Discovery) -> str:
    """Source of a module with the constants, the masses found and the bodies' accelerations."""
    law = discovery.law
    used = [name for name in VARIABLES if name in law.coefficient.variables] or ["r"]
    masses = "    mass = jnp.array(list(MASSES.values())) if mass is None else mass\n"
    return _MODULE.format(
        name=discovery.task.name,
        formulas="\n    ".join(_formulas(law)),
        data=_data(discovery),
        arguments=", ".join(used),
        quantity=law.quantity,
        coefficient=python_code(law.coefficient),
        prepare="" if discovery.masses is None else masses,
        acts="~jnp.eye(position.shape[-2], dtype=bool)"
        if discovery.task.train.pairs is None
        else "jnp.array(ACTS, bool)",
        values=", ".join(_BETWEEN[name] for name in used),
        further=_further(law),
        rate=law.rate,
        Rate=law.rate.capitalize(),
        result=" + ".join(_terms(law)),
    )


def python_code(
    expression: Expression, prefix: str = "c", names: Mapping[str, str] | None = None
) -> str:
    """The expression in Python over `jax.numpy`, its constants looked up by name.

    Args:
      expression: over operators that `jax.numpy` has by the same name, as it has all of the table.
      prefix: of the constants' names.
      names: what to write for a variable instead of its name.

    >>> from jaxsym.expr import parse
    >>> python_code(parse("2.5*sqrt(r) - (m1/3 if r > pi else 0.0)"))
    "constants['c1']*jnp.sqrt(r) - jnp.where(r > jnp.pi, m1/3, constants['c2'])"
    """
    text, _ = expression.fold(
        variable=lambda name: ((names or {}).get(name, name), ATOM),
        constant=lambda slot: (f"constants['{prefix}{slot + 1}']", ATOM),
        literal=_literal,
        apply=_apply,
    )
    return text


def _literal(token: str) -> tuple[str, int]:
    if token in ("pi", "e"):
        return f"jnp.{token}", ATOM
    return token, UNARY if token.startswith("-") else ATOM


def _apply(operator: Operator, args: list[tuple[str, int]]) -> tuple[str, int]:
    form = _FORMS.get(operator.name, operator.form)
    if form is None:
        return f"jnp.{operator.name}({', '.join(text for text, _ in args)})", ATOM
    texts = (
        text if strength >= least else f"({text})"
        for (text, strength), least in zip(args, form.arguments, strict=True)
    )
    return form.template.format(*texts), form.strength


def _further(law: ParticleLaw) -> str:
    """Lines that add further terms between pairs to the total."""
    terms = [term for term in law.further if term.kind.between]
    if not terms:
        return ""
    lines = []
    if any(term.kind.powers[1] for term in terms):
        lines.append("dv = velocity[..., None, :, :] - velocity[..., :, None, :]")
    for term in terms:
        size = python_code(term.coefficient, prefix_of(term), _BETWEEN)
        vector = _vector(term, law.dims, {"d": "d", "dv": "dv"})
        lines += [
            f"pull = jnp.where(acts, {size}, 0.0)",
            f"total += jnp.sum(pull[..., None] * {vector}, axis=-2, where=acts[..., None])",
        ]
    return "".join(f"    {line}\n" for line in lines)


def _vector(term: Term, dims: int, ends: Mapping[str, str]) -> str:
    """A term's vector by coordinates, which have these prefixes."""
    after = "" if term.kind.between else "1"
    names = {
        f"{prefix}{axis}{after}": f"{array}[..., {k}]"
        for prefix, array in ends.items()
        for k, axis in enumerate(AXES[:dims])
    }
    first = next(iter(names.values()))
    parts = [python_code(part, names=names) for part in _exact(term.kind.components(dims))]
    return f"jnp.stack([{', '.join(f'{part} + 0*{first}' for part in parts)}], axis=-1)"


def _exact(parts: tuple[Expression, ...]) -> list[Expression]:
    """Constants of a vector, which are none of the law's, as whole numbers."""
    for slot in reversed(range(max(len(part.constants) for part in parts))):
        parts = tuple(
            with_number(part, slot, literal(int(part.constants[slot])))
            if slot < len(part.constants)
            else part
            for part in parts
        )
    return list(parts)


def _formulas(law: ParticleLaw) -> list[str]:
    if law.further:
        return [*law_lines(law, 17)]
    pair = f"{law.quantity} = ({law.coefficient}) * d"
    own = [f"acceleration of 1 by itself, {axis} = {e}" for axis, e in zip(AXES, law.own)]  # noqa: B905
    return [pair, *own]


def _data(discovery: Discovery) -> str:
    lines = [_dictionary("CONSTANTS", discovery.constants)]
    if discovery.masses is not None:
        lines.append(f"# {discovery.task.mass_meaning}, in the order of the bodies")
        lines.append(_dictionary("MASSES", discovery.masses))
    pairs = discovery.task.train.pairs
    if pairs is not None:
        linked = {*pairs, *((j, i) for i, j in pairs)}
        bodies = range(discovery.task.train.bodies)
        rows = [f"    {[int((i, j) in linked) for j in bodies]}," for i in bodies]
        lines += ["# which bodies act on which", "ACTS = [", *rows, "]"]
    return "\n".join(lines)


def _dictionary(name: str, values: Mapping[str, float]) -> str:
    rows = [f"    {key!r}: {float(value)!r}," for key, value in values.items()]
    return "\n".join([f"{name} = {{", *rows, "}"]) if rows else f"{name} = {{}}"


def _terms(law: ParticleLaw) -> list[str]:
    """What adds up to a body's acceleration."""
    terms = ["total / mass[..., None]" if law.force else "total"]
    if law.drag is not None:
        terms.append(f"({python_code(law.drag, 'drag', _ALONE)}) * velocity")
    if law.field:
        names = ", ".join(f"constants['field_{axis}']" for axis in AXES[: law.dims])
        terms.append(f"jnp.array([{names}])")
    for term in law.further:
        if not term.kind.between:
            size = python_code(term.coefficient, prefix_of(term), _ALONE)
            vector = _vector(term, law.dims, {"": "position", "v": "velocity"})
            terms.append(f"({size}) * {vector}")
    return terms
