"""The arrows between the rooms, as `docs/architecture.md` draws them."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import jaxsym

PACKAGE = Path(jaxsym.__file__).parent

# Lowest first. A room may import rooms of lower floors and itself, none of its own floor.
FLOORS = (
    ("_check", "_deprecation", "_indices", "_random", "_settings", "_views", "progress"),
    ("_compiling", "_files", "_memory", "_programs"),
    ("_folders",),
    ("expr",),
    ("terms", "trajectories"),
    ("datasets",),
    ("mechanics", "taps"),
    ("simulate",),
    ("examples", "inference"),
    ("training",),
    ("graphs", "search", "syrenets"),
    ("odes",),
    ("nesymres",),
    ("laws",),
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


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path) for path in FILES}


def imports_of(path: Path) -> set[str]:
    """Modules that a file needs to run, and not for its types alone."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else node.module)
    return (found & MODULES) - {module_name(path)}


# The same within rooms that have rooms of their own; a name stands for all modules that it begins.
# Modules of one line may import each other where they are of one inner room.
WITHIN = {
    "search": (
        ("tolerances",),
        ("problem",),
        ("front",),
        ("shared_form", "experiments", "serialization"),
        # what stages and changes of variables are built from
        (
            "native.library",
            "native.linear",
            "native.monomials",
            "native.polynomials",
            "native.ranking",
            "native.stages.pursuit",
        ),
        ("reparametrize",),
        ("engines",),
        ("native",),
        ("parameters",),
        ("table_search", "fitted"),
        ("request",),
        ("regressor",),
    ),
    "syrenets": (
        ("regression", "network", "library", "besides", "stribeck", "preparation"),
        ("fourier", "stage_table", "fitting"),
        ("hints", "measured.weak"),
        ("direct", "discovery", "hardening", "term_network"),
        ("workflow", "measured.weak_search", "change"),
        ("measured",),
    ),
}


def floor_within(room: str, name: str) -> int | None:
    """The line of the longest name that begins a module's; None for the room's public names."""
    lines = enumerate(WITHIN[room])
    fits = [
        (len(n), line) for line, names in lines for n in names if f"{name}.".startswith(f"{n}.")
    ]
    return max(fits)[1] if fits else None


INNER = [p for p in FILES if room_of(p) in WITHIN and p != PACKAGE / room_of(p) / "__init__.py"]


@pytest.mark.parametrize("path", INNER, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_arrows_point_down_within_rooms(path):
    room, *parts = path.relative_to(PACKAGE).with_suffix("").parts
    floor = floor_within(room, ".".join(parts))
    assert floor is not None, f"{path} has no line in the table"
    prefix = f"jaxsym.{room}."
    for name in imports_of(path):
        inner = name.removeprefix(prefix)
        below = floor_within(room, inner) if name.startswith(prefix) else None
        if below is not None and inner.split(".")[0] != parts[0]:
            assert below < floor, f"{path} imports {name}, which is not below it"


# An expression gives its sympy form, which makes expressions; sympy is imported when it is used.
KNOWN_CYCLES = {("jaxsym.expr.expression", "jaxsym.expr.sympy_bridge")}


def test_no_modules_import_each_other_in_a_circle():
    arrows = {module_name(path): imports_of(path) for path in FILES}
    for name, other in KNOWN_CYCLES:
        arrows[name].discard(other)
    while True:
        ends = {name for name, others in arrows.items() if not others & set(arrows)}
        if not ends:
            break
        arrows = {name: others for name, others in arrows.items() if name not in ends}
    assert not arrows, f"in a circle, or importing one: {sorted(arrows)}"


def test_folders_and_files_can_be_taken_in_at_a_glance():
    folders = {path.parent for path in FILES}
    for folder in folders:
        modules = [path for path in folder.glob("*.py") if path.name != "__init__.py"]
        assert len(modules) <= 16, f"{folder} has {len(modules)} modules"
    for path in FILES:
        lines = len(path.read_text().splitlines())
        assert lines <= 450, f"{path} has {lines} lines"


OTHERS = ("cli",)  # its functions are commands, each in the module of its name
ROOMS = [p for p in FILES if p.name == "__init__.py" and room_of(p) not in OTHERS]


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: room_of(path))
def test_no_public_name_of_a_room_hides_a_module_of_it(path):
    imports = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.ImportFrom)]
    public = {alias.asname or alias.name for node in imports for alias in node.names}
    modules = {other.stem for other in path.parent.iterdir() if other.stem != "__init__"}
    assert not public & modules


def test_the_parser_of_imports_sees_them_all(tmp_path):
    file = tmp_path / "module.py"
    file.write_text("import jaxsym.cli\ndef f():\n    from jaxsym import search, parse\n")
    assert imported_modules(file) == {"jaxsym.cli", "jaxsym.search", "jaxsym.parse"}


def test_the_map_names_every_room_and_files_that_exist():
    page = (PACKAGE.parent / "docs" / "architecture.md").read_text()
    drawn = page.split("```")[1]
    missing = [room for room in FLOOR if room not in drawn and not room.startswith("__")]
    assert not missing, f"the map does not have {missing}"
    files = [path.as_posix() for path in PACKAGE.parent.glob("[jbt]*/**/*.py")]
    named = set(re.findall(r"`([a-z_/]+\.py)`", page))
    gone = [name for name in named if not any(file.endswith(f"/{name}") for file in files)]
    assert not gone, f"there is no {gone}"


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
