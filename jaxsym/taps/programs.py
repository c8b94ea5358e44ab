"""Evaluation of a JAX program with what its marks hold as further results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Primitive, jaxpr_as_fun
from jax.extend.core.primitives import (
    cond_p,
    custom_jvp_call_p,
    custom_vjp_call_p,
    jit_p,
    remat_p,
    scan_p,
    while_p,
)
from jaxtyping import Array, Bool, Float

from jaxsym._check import require

_REMEMBERED = 64  # latest turns of a loop of unknown length


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Record:
    """The calls of a tap at one place of a program.

    Axes of batches and of loops come before those of a call.

    Attributes:
      outputs: what the function gave.
      inputs: its columns.
      slopes: derivatives of the outputs by the columns.
      mixing: how far rows depend on each other, see `Call.mixing`.
      valid: whether the call took place; of the axes of loops and branches alone.
    """

    outputs: Float[Array, "*lead k"]
    inputs: Float[Array, "*lead V"]
    slopes: Float[Array, "*lead k V"]
    mixing: Float[Array, "*batch"]
    valid: Bool[Array, "*loops"]


def evaluate(
    mark: Primitive, program: ClosedJaxpr, args: Sequence[Array]
) -> tuple[list[Array], list[Record]]:
    """The program's values, and a record for each mark.

    Args:
      mark: the primitive, with the operands of `Record` up to ``valid``.
      program: what to evaluate; it may be traced.
      args: its arguments.

    Raises:
      ValueError: a mark within an operation that is known to run a program, but not how.
    """
    return _Evaluation(mark).run(program.jaxpr, program.consts, args)


class _Evaluation:
    def __init__(self, mark: Primitive):
        self.mark = mark

    def run(
        self, jaxpr: Jaxpr, consts: Sequence[Any], args: Sequence[Any]
    ) -> tuple[list[Any], list[Record]]:
        values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
        values.update(zip(jaxpr.invars, args, strict=True))
        records: list[Record] = []
        read = lambda atom: atom.val if isinstance(atom, Literal) else values[atom]  # noqa: E731
        for equation in jaxpr.eqns:
            operands = [read(atom) for atom in equation.invars]
            results, met = self._step(jaxpr, equation, operands)
            records += met
            values.update(zip(equation.outvars, results, strict=True))
        return [read(atom) for atom in jaxpr.outvars], records

    def _step(
        self, jaxpr: Jaxpr, equation: JaxprEqn, operands: list[Any]
    ) -> tuple[Sequence[Any], list[Record]]:
        if equation.primitive is self.mark:
            outputs, inputs, slopes, mixing = operands
            return [outputs], [Record(outputs, inputs, slopes, mixing, jnp.ones((), bool))]
        if not self._marked(equation):
            return _apply(jaxpr, equation, operands), []
        primitive, params = equation.primitive, equation.params
        if primitive is remat_p and params["differentiated"]:
            return _apply(jaxpr, equation, operands), []  # made again for a gradient
        if primitive in _INLINED:
            inner = params[_INLINED[primitive]]
            if isinstance(inner, ClosedJaxpr):
                return self.run(inner.jaxpr, inner.consts, operands)
            return self.run(inner, (), operands)
        require(
            primitive in _LOOPS,
            f"a tap lies within the operation '{primitive}', where its calls cannot be recorded; "
            "expected it outside",
        )
        return _LOOPS[primitive](self, equation, operands)

    def _marked(self, equation: JaxprEqn) -> bool:
        return any(
            inner.primitive is self.mark or self._marked(inner)
            for jaxpr in _inner(equation)
            for inner in jaxpr.eqns
        )

    def closed(self, program: ClosedJaxpr, *args: Any) -> tuple[list[Any], list[Record]]:
        return self.run(program.jaxpr, program.consts, args)

    def scan(self, equation: JaxprEqn, operands: list[Any]) -> tuple[list[Any], list[Record]]:
        """The same loop, which gives the records of each turn, stacked."""
        params = equation.params
        fixed, carried = params["num_consts"], params["num_carry"]
        consts, first = operands[:fixed], operands[fixed : fixed + carried]

        def body(carry: list[Any], row: list[Any]) -> tuple[list[Any], tuple[list[Any], Any]]:
            values, records = self.closed(params["jaxpr"], *consts, *carry, *row)
            return values[:carried], (values[carried:], records)

        last, (rows, records) = lax.scan(
            body,
            first,
            operands[fixed + carried :],
            length=params["length"],
            reverse=params["reverse"],
        )
        return [*last, *rows], records

    def loop(self, equation: JaxprEqn, operands: list[Any]) -> tuple[list[Any], list[Record]]:
        """The same loop, which keeps the records of its latest turns."""
        params = equation.params
        held, own = params["cond_nconsts"], params["body_nconsts"]
        held_consts, consts = operands[:held], operands[held : held + own]
        start = operands[held + own :]

        def turn(carry: list[Any]) -> tuple[list[Any], list[Record]]:
            return self.closed(params["body_jaxpr"], *consts, *carry)

        empty = jax.tree.map(
            lambda a: jnp.zeros((_REMEMBERED, *a.shape), a.dtype), jax.eval_shape(turn, start)[1]
        )

        def goes_on(carry: list[Any]) -> Bool[Array, "*batch"]:
            return jaxpr_as_fun(params["cond_jaxpr"])(*held_consts, *carry)[0]

        def again(state: tuple) -> Array:
            return jnp.any(goes_on(state[0]))

        def body(state: tuple) -> tuple:
            carry, kept, count = state
            values, records = turn(carry)
            # in a mapped loop those that have ended wait for the others
            values = jax.tree.map(partial(_chosen, goes_on(carry)), values, carry)
            place = count % _REMEMBERED
            kept = jax.tree.map(lambda a, new: a.at[place].set(new), kept, records)
            return values, kept, count + 1

        last, kept, _ = lax.while_loop(again, body, (start, empty, jnp.zeros((), jnp.int32)))
        return last, kept

    def branch(self, equation: JaxprEqn, operands: list[Any]) -> tuple[list[Any], list[Record]]:
        """The same choice, which gives records of all branches; only those taken are valid."""
        index, *args = operands
        branches = [partial(self.closed, program) for program in equation.params["branches"]]
        shapes = [jax.eval_shape(branch, *args)[1] for branch in branches]
        nothing = [jax.tree.map(lambda a: jnp.zeros(a.shape, a.dtype), s) for s in shapes]

        def taken(number: int) -> Callable[..., tuple[list[Any], list[Record]]]:
            def run(*args: Any) -> tuple[list[Any], list[Record]]:
                values, records = branches[number](*args)
                each = [records if k == number else nothing[k] for k in range(len(branches))]
                return values, [record for part in each for record in part]

            return run

        return lax.switch(index, [taken(k) for k in range(len(branches))], *args)


_INLINED = {
    jit_p: "jaxpr",
    remat_p: "jaxpr",
    custom_jvp_call_p: "call_jaxpr",
    custom_vjp_call_p: "call_jaxpr",
}
_LOOPS: dict[Primitive, Callable[..., tuple[list[Any], list[Record]]]] = {
    scan_p: _Evaluation.scan,
    while_p: _Evaluation.loop,
    cond_p: _Evaluation.branch,
}


def _chosen(which: Bool[Array, "*batch"], new: Array, old: Array) -> Array:
    return jnp.where(which.reshape(which.shape + (1,) * (new.ndim - which.ndim)), new, old)


def _apply(jaxpr: Jaxpr, equation: JaxprEqn, operands: list[Any]) -> Sequence[Any]:
    """One operation of a program as it is."""
    given = {
        atom: value
        for atom, value in zip(equation.invars, operands, strict=True)
        if not isinstance(atom, Literal)
    }
    alone = jaxpr.replace(
        constvars=[],
        invars=list(given),
        outvars=equation.outvars,
        eqns=[equation],
        effects=equation.effects,
        debug_info=jaxpr.debug_info.with_unknown_names(),
    )
    return jax.core.eval_jaxpr(alone, (), *given.values())


def _inner(equation: JaxprEqn) -> list[Jaxpr]:
    """The programs that an operation runs."""
    leaves = jax.tree.leaves(
        list(equation.params.values()), is_leaf=lambda p: isinstance(p, Jaxpr | ClosedJaxpr)
    )
    return [
        leaf.jaxpr if isinstance(leaf, ClosedJaxpr) else leaf
        for leaf in leaves
        if isinstance(leaf, Jaxpr | ClosedJaxpr)
    ]
