"""Cranmer et al. 2020 (arXiv 2006.11287): tables 1, 3 and 5, as published."""

MODELS = ("standard", "bottleneck", "l1", "kl", "hamiltonian")
SIMULATIONS = {  # the paper's name of a law
    "charge": "charge",
    "damped_paper": "damped",
    "discontinuous": "discontinuous",
    "r1": "1/r",
    "r2": "1/r^2",
    "spring": "spring",
}

# table 3: test error, in the order of MODELS
ERROR = {
    ("charge", 2): (48.688, 50.012, 51.906, 59.927, 54.962),
    ("charge", 3): (1.174, 0.986, 0.940, 4.201, 3.538),
    ("damped_paper", 2): (0.299, 0.328, 0.300, 1.466, 0.346),
    ("damped_paper", 3): (0.415, 0.449, 0.400, 3.297, 0.474),
    ("discontinuous", 2): (0.064, 0.074, 0.044, 1.804, 0.075),
    ("discontinuous", 3): (0.199, 0.177, 0.126, 4.191, 0.139),
    ("r1", 2): (0.077, 0.069, 0.079, 3.463, 0.050),
    ("r1", 3): (0.051, 0.050, 0.055, 3.523, 0.017),
    ("r2", 2): (1.613, 1.640, 1.184, 9.252, 1.284),
    ("r2", 3): (3.976, 3.591, 3.366, 9.788, 2.476),
    ("spring", 2): (0.047, 0.046, 0.045, 1.659, 0.016),
    ("spring", 3): (0.111, 0.110, 0.090, 3.797, 0.010),
}

# table 1: R2 of the messages against the true forces, for the first four models
MESSAGES = {
    ("charge", 2): (0.016, 0.947, 0.004, 0.185),
    ("charge", 3): (0.013, 0.980, 0.002, 0.425),
    ("r1", 2): (0.000, 1.000, 1.000, 0.796),
    ("r1", 3): (0.000, 1.000, 1.000, 0.332),
    ("r2", 2): (0.004, 0.993, 0.990, 0.770),
    ("r2", 3): (0.002, 0.994, 0.977, 0.214),
    ("spring", 2): (0.032, 1.000, 1.000, 0.883),
    ("spring", 3): (0.036, 0.995, 1.000, 0.214),
}

# table 5: whether symbolic regression of the messages gave the law, for the first four models
LAWS = {
    ("charge", 2): (False, True, False, False),
    ("charge", 3): (False, True, False, False),
    ("r1", 2): (False, True, True, True),
    ("r1", 3): (False, True, True, True),
    ("r2", 2): (False, True, True, False),
    ("r2", 3): (False, True, True, False),
    ("spring", 2): (False, True, True, True),
    ("spring", 3): (False, True, True, True),
}


def published(table: dict, sim: str, dims: int, model: str):
    """The paper's entry, or None where it has none.

    >>> published(ERROR, "spring", 2, "l1")
    0.045
    """
    row = table.get((sim, dims), ())
    column = MODELS.index(model)
    return row[column] if column < len(row) else None
