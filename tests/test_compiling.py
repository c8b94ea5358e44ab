"""The clock of compilations: each second once, of this thread alone."""

from __future__ import annotations

import threading

import jax
import jax.numpy as jnp
import pytest

from jaxsym import _compiling
from jaxsym._compiling import _Spans, compile_clock


def test_spans_within_others_count_once():
    spans = _Spans()
    for start, end, total in [(1, 2, 1), (2.5, 3, 1.5), (0.5, 4, 3.5), (6, 7, 4.5), (6.5, 8, 5.5)]:
        spans.add(start, end)
        assert spans.total == pytest.approx(total)


def test_what_is_compiled_already_takes_no_time():
    double = jax.jit(lambda x: jnp.tanh(2 * x))
    clock = compile_clock()
    double(jnp.ones(3))
    first, again = clock(), compile_clock()
    double(jnp.ones(3))
    assert first > 0 and again() == 0 and clock() == first


def test_other_threads_are_not_waited_for_and_do_not_count():
    clock = compile_clock()
    thread = threading.Thread(target=lambda: jax.jit(lambda x: jnp.cos(3 * x))(jnp.ones(4)))
    thread.start()
    thread.join()
    assert clock() == 0
    assert _compiling._listen.cache_info().currsize == 1
