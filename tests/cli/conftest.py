"""A runner of the command, and a discovery without its minutes of work."""

from __future__ import annotations

import made_discovery
import pytest
from click.testing import CliRunner, Result

from jaxsym import distill
from jaxsym.cli import main


@pytest.fixture
def run():
    """Runs `jaxsym` with some arguments; the result has exit code, output and error text."""

    def run(*arguments: object, **environment: str) -> Result:
        return CliRunner(env=environment).invoke(main, [str(a) for a in arguments])

    return run


@pytest.fixture
def found(monkeypatch):
    """Puts a ready discovery in the place of the work; returns the calls that were made of it."""
    calls = []

    def put(discovery=None):
        def discover(source, **options):
            calls.append({"source": source, **options})
            return discovery or made_discovery.spring()

        monkeypatch.setattr(distill, "discover", discover)
        return calls

    return put
