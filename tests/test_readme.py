"""What the README shows is what the package does."""

from __future__ import annotations

import json
import re
from pathlib import Path

import made_discovery
import pytest

import jaxsym
from jaxsym import distill

ROOT = Path(jaxsym.__file__).parents[1]
README, USAGE = ((ROOT / name).read_text() for name in ("README.md", "docs/usage.md"))
EXAMPLE = re.compile(r"```python\n(.*?)```", re.S)
README_EXAMPLES, USAGE_EXAMPLES = EXAMPLE.findall(README), EXAMPLE.findall(USAGE)
PROMISED = re.compile(r"^print\(.*\) *# (.*)$", re.M)


def run(example: str, folder: Path, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    exec(compile(example, "example", "exec"), {})


def agrees(promise: str, line: str) -> bool:
    """Whether a line begins as promised; the promise may end in dots."""
    return line.startswith(promise.removesuffix("...").rstrip())


@pytest.mark.parametrize("example", README_EXAMPLES, ids=range(len(README_EXAMPLES)))
def test_readme_examples_print_what_they_promise(example, monkeypatch, tmp_path, capsys):
    run(example, tmp_path, monkeypatch)
    promised = PROMISED.findall(example)
    printed = capsys.readouterr().out.splitlines()
    assert promised and all(map(agrees, promised, printed)), printed


@pytest.mark.parametrize("example", USAGE_EXAMPLES, ids=range(len(USAGE_EXAMPLES)))
def test_examples_of_the_usage_page_run(example, monkeypatch, tmp_path):
    monkeypatch.setattr(distill, "discover", lambda *args, **options: made_discovery.spring())
    run(example, tmp_path, monkeypatch)


def test_the_readme_is_read_in_three_minutes():
    assert len(README.split()) <= 700


def test_every_link_of_the_pages_leads_somewhere():
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
            if "://" not in link:
                assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_every_key_of_the_result_is_explained():
    result = json.loads(json.dumps(made_discovery.known_gravity().to_json()))
    for keys in (result, result["law"], result["message_r2"]):
        missing = {key for key in keys if f"`{key}`" not in USAGE}
        assert not missing, f"docs/usage.md does not explain {missing}"
