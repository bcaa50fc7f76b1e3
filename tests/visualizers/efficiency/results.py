"""A run's result for the tests of the tab: known times, as `sigma.efficiency` gives them."""

from sigma.efficiency.results import Machine, Result, point
from sigma.efficiency.settings import Settings

MACHINE = Machine("<b>a machine</b>", "cpu", 2, "cpu", "2", "2026-11-30T10:20:30+00:00")


def result(**given) -> Result:
    """STD needs 2 µs a token for each part, Sigma 1.25 and 1.5 ms for the augmented query."""
    s = Settings.asked(given)
    points = []
    for n in s.lengths():
        std = {"store": [1e-5], "copy": [2e-6 * n], "attention": [2e-6 * n]}
        sigma = {"store": [1e-5], "copy": [1.25e-6 * n], "attention": [1.25e-6 * n], "augmented": [1.5e-3]}
        points.append(point(n, {"std": std, "sigma": sigma, "selective": {"attention": [1e-4]}}))
    return Result.of(s, MACHINE, points, 12.3, ["A <note>."])
