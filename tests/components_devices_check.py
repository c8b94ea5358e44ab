"""Run by `test_components.py` with eight devices: how far pmap is from a loop, per component."""

import json
import sys

import jax
import numpy as np
from components import COMPONENTS, INPUTS

if __name__ == "__main__":
    assert jax.device_count() == len(INPUTS)
    found = {}
    for name in sys.argv[1:]:
        f = COMPONENTS[name]()
        # each dispatch waits for the one before: devices of one processor share its threads
        apart = np.asarray(jax.block_until_ready(jax.pmap(f)(INPUTS)))
        compiled = jax.jit(f)
        loop = np.stack([np.asarray(jax.block_until_ready(compiled(x))) for x in INPUTS])
        found[name] = float(np.max(np.abs(apart - loop) / (2e-5 + 2e-4 * np.abs(loop))))
    print(json.dumps(found))
