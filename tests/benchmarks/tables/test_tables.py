"""What the README and docs/ state is what benchmarks/results/ holds."""

from __future__ import annotations

import re

import pytest

from benchmarks.common import ROOT
from benchmarks.tables.__main__ import TOPICS, differences
from benchmarks.tables.statement import load, say

PAGE = "a table:\n| spring | 0.5 s |\n| r1 | 0.7 s |\nand two\nlines with 3 s in them.\n"


@pytest.mark.parametrize("topic", TOPICS, ids=lambda topic: topic.__name__.rpartition(".")[2])
def test_pages_state_what_was_measured(topic):
    assert not differences(topic.statements()), "run `python -m benchmarks.tables --write`"


def test_every_file_of_results_is_behind_a_statement():
    load.cache_clear()
    read = []
    for topic in TOPICS:
        topic.statements()
    read = load.cache_info().currsize
    assert read == len(list((ROOT / "benchmarks" / "results").glob("*.json")))


def test_a_figure_is_found_compared_and_written():
    row = say("p", "| r1 | {} s |", "0.8")
    assert row.differences(PAGE) == ["p: '0.7' is '0.8' in: | r1 | {} s |"]
    assert row.written(PAGE) == PAGE.replace("0.7", "0.8")
    across = say("p", "two lines {*} {} s in them.", 3)
    assert across.differences(PAGE) == []
    assert say("p", "| {} s |", 0.5)._replace(after="spring").differences(PAGE) == []


@pytest.mark.parametrize("text", ["| r2 | {} s |", "| {} s |", "3 {}"])
def test_a_piece_that_is_missing_twofold_or_open_is_refused(text):
    with pytest.raises(ValueError, match=re.escape(text[:5])):
        say("p", text, 1).found(PAGE)
