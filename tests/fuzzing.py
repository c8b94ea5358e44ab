"""Damage to the bytes of files, for the tests of every reader.

`JAXSYM_FUZZ` asks for more examples of each test than the usual ones, and for new ones.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

COUNT = int(os.environ.get("JAXSYM_FUZZ", "120"))  # examples of each test, some seconds in all
FUZZ = settings(
    max_examples=COUNT,
    deadline=None,
    derandomize="JAXSYM_FUZZ" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
BYTES = st.binary(max_size=12) | st.sampled_from(
    [b"\x00", b"\xff" * 8, b"\n", b'"', b",", b";", b"PK\x03\x04", b"1e999", b"nan", b"{", b"#"]
)
CHANGES = st.lists(
    st.tuples(st.floats(0, 1), st.sampled_from(["put", "insert", "cut", "drop"]), BYTES),
    min_size=1,
    max_size=4,
)


def changed(content: bytes, changes) -> bytes:
    for where, how, new in changes:
        at = int(where * len(content))
        match how:
            case "put":
                content = content[:at] + new + content[at + len(new) :]
            case "insert":
                content = content[:at] + new + content[at:]
            case "cut":
                content = content[:at]
            case "drop":
                content = content[:at] + content[at + 1 + len(new) :]
    return content
