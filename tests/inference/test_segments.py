"""Segments: every sample once, encounters apart, and as many as there shall be."""

import numpy as np
import pytest

from jaxsym.inference import observations
from jaxsym.inference.shooting.segments import cut

STEPS = np.ones((2, 11), int)
STEPS[1, 5] = 40  # an encounter


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    times = [np.sort(rng.uniform(0, 1, n)) for n in (12, 9)]
    series = [np.stack([time, -time], axis=1) for time in times]
    series[0][3, 1] = np.nan
    return observations(times, series, sigma=0.5)


def laid(data, **given):
    steps = np.where(np.diff(data.time, axis=1) > 0, STEPS, 0)
    return cut(data, steps, np.diff(data.time, axis=1), 3, **given)


def test_every_sample_is_in_one_segment_at_its_time(data):
    segments, places = laid(data)
    when = np.concatenate([segments.start[..., None], segments.stops], axis=-1)
    np.testing.assert_array_equal(places.gather(when), data.time)
    found = np.where(data.present, places.gather(segments.value), 0.0)
    np.testing.assert_array_equal(found, data.value)
    weight = places.gather(segments.weight)
    there = np.arange(12) < data.lengths[:, None]
    np.testing.assert_array_equal(weight[there], 2.0 * data.present[there])
    assert np.sum(segments.weight > 0) == data.present.sum()


def test_an_encounter_is_a_segment_of_its_own(data):
    segments, _ = laid(data)
    [at] = np.flatnonzero(segments.start[1] == data.time[1, 5])
    assert segments.count[1, at] == 1
    assert segments.order[1, -1] == at
    assert segments.count.sum(axis=1).tolist() == [11, 8]


def test_as_many_segments_as_another_fit_had(data):
    wanted = laid(data)[0].start.shape[1]
    for number in (wanted, wanted + 2, 4):
        segments, places = laid(data, segments=number)
        assert segments.start.shape == (2, number)
        assert segments.count.sum(axis=1).tolist() == [11, 8]
        when = np.concatenate([segments.start[..., None], segments.stops], axis=-1)
        np.testing.assert_array_equal(places.gather(when), data.time)
