"""The arrows between the rooms, as `docs/architecture.md` draws them."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import jaxsym

PACKAGE = Path(jaxsym.__file__).parent

# Lowest first. A room may import rooms of lower floors and itself, none of its own floor.
FLOORS = (
    ("_check", "_random"),
    ("expr",),
    ("trajectories",),
    ("datasets",),
    ("mechanics",),
    ("simulate",),
    ("inference",),
    ("training",),
    ("graphs", "search", "syrenets"),
    ("nesymres",),
    ("distill",),
    ("plotting",),
    ("report",),
    ("cli",),
    ("__main__",),
)
FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}
FILES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imported_modules(path: Path) -> set[str]:
    """Every module that a file imports, at its top, in functions, or for types alone."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the arrows"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imported_rooms(path: Path) -> set[str]:
    names = [name.split(".") for name in imported_modules(path)]
    inside = {parts[1] for parts in names if parts[0] == "jaxsym" and len(parts) > 1}
    unknown = inside - set(FLOOR) - {"__version__"}
    assert not unknown, f"{path} imports {unknown}, which names no room"
    return inside - {room_of(path), "__version__"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_point_down(path):
    floor = FLOOR[room_of(path)]
    upward = {room for room in imported_rooms(path) if FLOOR[room] >= floor}
    assert not upward, f"{path} imports {upward}, which is not below it"


def test_the_parser_of_imports_sees_them_all(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("import jaxsym.cli\ndef f():\n    from jaxsym import search, parse\n")
    assert imported_modules(file) == {"jaxsym.cli", "jaxsym.search", "jaxsym.parse"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_text_is_executed_and_no_pickle_is_read(path):
    tree = ast.parse(path.read_text())
    called = {
        n.func.id
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)
    }
    assert not called & {"eval", "exec", "compile", "__import__"}
    assert not {name.split(".")[0] for name in imported_modules(path)} & {"pickle", "marshal"}


def test_importing_jaxsym_starts_nothing():
    heavy = ("jax", "sympy", "numpy", "matplotlib", "pandas", "pysr")
    code = f"import sys, jaxsym; print([m for m in {heavy} if m in sys.modules])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "[]"


def test_names_of_the_package_come_from_their_rooms():
    from jaxsym.expr import parse

    assert jaxsym.parse is parse
    assert jaxsym.simulate.particles is jaxsym.particles
    assert set(jaxsym.__all__) <= set(dir(jaxsym))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = jaxsym.nothing
