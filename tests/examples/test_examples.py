"""The files that come with jaxsym: where they are from."""

import numpy as np
import pandas as pd
import pytest

from jaxsym.examples import EXAMPLES, copy_example, example_path
from jaxsym.examples.simulated import robot, tracks


@pytest.mark.parametrize(("name", "make"), [("tracks", tracks), ("robot", robot)])
def test_simulated_examples_are_made_as_they_say(name, make):
    kept, made = pd.read_csv(example_path(name)), make()
    assert list(kept) == list(made)
    np.testing.assert_allclose(kept, made, rtol=1e-6, atol=1.1e-5)


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_copy_is_new_unless_it_may_replace(name, tmp_path):
    copy = copy_example(name, tmp_path / "new")
    assert copy.read_bytes() == example_path(name).read_bytes()
    copy.write_text("mine")
    with pytest.raises(FileExistsError):
        copy_example(name, tmp_path / "new")
    assert copy.read_text() == "mine"
    assert copy_example(name, tmp_path / "new", replace=True).read_text() != "mine"
