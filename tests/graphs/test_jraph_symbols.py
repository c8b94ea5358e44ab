"""jraph is no longer maintained: every symbol of it that we touch must still be there and work."""

import jraph
import pytest


@pytest.mark.parametrize("name", ["GraphsTuple", "InteractionNetwork", "pad_with_graphs"])
def test_jraph_still_has(name):
    assert hasattr(jraph, name)
