"""Every notebook runs from beginning to end at its quick size."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))

LONG = {"graph_networks", "nesymres", "noisy_motion", "syrenets"}


@pytest.mark.parametrize(
    "path",
    [pytest.param(p, marks=[pytest.mark.slow] if p.stem in LONG else []) for p in NOTEBOOKS],
    ids=lambda path: path.stem,
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_notebook_runs(path, monkeypatch):
    monkeypatch.setenv("JAXSYM_QUICK", "1")
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=900, kernel_name="python3").execute()


def test_notebooks_keep_their_plots():
    for path in NOTEBOOKS:
        cells = nbformat.read(path, as_version=4).cells
        outputs = [o for cell in cells if cell.cell_type == "code" for o in cell.outputs]
        assert any("image/png" in o.get("data", {}) for o in outputs), path.name
