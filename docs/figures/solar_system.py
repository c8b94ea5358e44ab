"""The README's picture: orbits, the force that a network learned from them, and what is left.

python docs/figures/solar_system.py    # two minutes of a core; needs the ephemeris extra
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import jaxsym
from jaxsym.plotting import plot_errors, plot_pair_law

found = jaxsym.discover("solar-system", seed=0)
figure = Figure(figsize=(13.0, 4.2), layout="constrained")
orbits, law, errors = figure.subplots(1, 3)

motion = found.task.train
position = np.asarray(motion.position).reshape(-1, *np.shape(motion.position)[-2:])
for body, name in enumerate(motion.names or ()):
    x, y = (position - position[:, :1])[:, body, :2].T  # relative to the Sun
    distance = np.hypot(x, y)
    inward = np.sqrt(distance) / np.maximum(distance, 1e-9)
    orbits.plot(inward * x, inward * y, ".", ms=1.0, label=name)
orbits.set(aspect="equal", xticks=[], yticks=[])
orbits.set_title("the motion (square roots of distances)", loc="left", fontsize=11)
orbits.spines[:].set_visible(False)

plot_pair_law(found, law)
law.set_title(r"read from the network: $a = m_2\, d / r^3$", loc="left", fontsize=11)
law.set(xlabel="distance (AU)", ylabel="acceleration by a solar mass (AU/yr² / 4π²)")
plot_errors(found, errors)
errors.set_title("errors on years never seen", loc="left", fontsize=11)
figure.savefig(Path(__file__).with_suffix(".png"), dpi=110)
