"""Models in files: whatever is not what was saved is one ValueError."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from jaxsym import SymbolicRegressor
from jaxsym.expr import parse
from jaxsym.search.front.pareto import Candidate, ParetoFront
from jaxsym.search.serialization import front_to_json, write_model

FRONT = front_to_json(ParetoFront((Candidate(parse("2.5*x"), 3, 0.1),), 1.0, 10))
MODEL = {
    "parameters": {"random_state": 0},
    "variables": ["x"],
    "feature_names": ["x"],
    "single": True,
    "fronts": [FRONT],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


def load(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return SymbolicRegressor.load(path)


def row(**changes):
    return {"fronts": [FRONT | {"candidates": [FRONT["candidates"][0] | changes]}]}


def test_the_model_comes_back(tmp_path):
    write_model(tmp_path / "m.json", MODEL)
    model = SymbolicRegressor.load(tmp_path / "m.json")
    assert model.expression_ == parse("2.5*x")
    assert [p.name for p in tmp_path.iterdir()] == ["m.json"]


@pytest.mark.parametrize(
    "changes",
    [
        {"fronts": []},
        {"fronts": None},
        {"fronts": [None]},
        {"fronts": [FRONT | {"candidates": []}]},
        {"variables": []},
        {"variables": "x"},
        {"feature_names": [1]},
        {"parameters": []},
        {"parameters": {"nothing": 1}},
        {"single": 1},
        row(complexity=float("inf")),
        row(complexity=float("nan")),
        row(expression=7),
        row(expression="x + y"),
        row(loss="much"),
    ],
)
def test_other_entries_are_refused(changes, tmp_path):
    with pytest.raises(ValueError) as caught:
        load(tmp_path / "m.json", {"jaxsym_model": 1} | MODEL | changes)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 10**5, '{"jaxsym_model": 1}', "\x00"])
def test_other_texts_are_refused(text, tmp_path):
    with pytest.raises(ValueError, match="m.json"):
        load(tmp_path / "m.json", text)


@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.sampled_from([*MODEL]), JSON)
def test_any_json_is_a_model_or_a_value_error(tmp_path, name, value):
    try:
        load(tmp_path / "m.json", {"jaxsym_model": 1} | MODEL | {name: value})
    except ValueError as error:
        assert "\n" not in str(error)
