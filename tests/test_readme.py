"""What the README shows is what the package does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import made_discovery
import pytest

import jaxsym
from jaxsym import distill

README = (Path(jaxsym.__file__).parents[1] / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, re.S)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(len(EXAMPLES)))
def test_examples_run(example, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(distill, "discover", lambda *args, **options: made_discovery.spring())
    exec(compile(example, "README.md", "exec"), {})


def test_every_key_of_the_result_is_explained():
    result = json.loads(json.dumps(made_discovery.known_gravity().to_json()))
    for keys in (result, result["law"], result["message_r2"]):
        missing = {key for key in keys if f"`{key}`" not in README}
        assert not missing, f"the README does not explain {missing}"
