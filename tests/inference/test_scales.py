"""How far noise moves the components of a state."""

import numpy as np

from jaxsym.inference import observations
from jaxsym.inference.shooting.scales import noise_scale


def test_each_column_and_its_velocity_have_the_columns_share_of_noise():
    time = np.linspace(0.0, 10.0, 101)
    states = np.stack(
        [np.cos(5 * time), 3 * np.sin(time), -5 * np.sin(5 * time), 3 * np.cos(time)], axis=-1
    )[None]
    sigma = np.array([0.1, 0.003])
    data = observations(time, states[0, :, :2], sigma=sigma)
    deviation = states[0].std(axis=0)
    share = np.tile(sigma / deviation[:2], 2)
    np.testing.assert_allclose(noise_scale(states, data), share * deviation)


def test_states_that_are_not_the_columns_have_the_usual_share():
    time = np.linspace(0.0, 1.0, 5)
    data = observations(time, np.stack([time, time, time], axis=-1), sigma=[1.0, 2.0, 4.0])
    state = np.stack([time, 10 * time], axis=-1)[None]
    scale = noise_scale(state, data)
    np.testing.assert_allclose(scale, [2.0, 20.0])
