"""Synthetic results with the shapes and the look of a real study; nothing here is measured."""

from __future__ import annotations

import shutil
import subprocess

import numpy as np
import pytest
import xarray as xr

from vitrify.report.results import SoftnessResults, TableRow

E0, E1, SIGMA0, SIGMA1 = 8.7, 1.02, 9.6, 1.27
TEMPERATURES = np.array([0.47, 0.50, 0.53, 0.58, 0.63, 0.70])
BINS = np.linspace(-3.5, 3.5, 15)


def rearrangement_probability(rng, temperatures=TEMPERATURES, bins=BINS):
    temperature, softness = np.meshgrid(temperatures, bins, indexing="ij")
    true = np.minimum(1, np.exp(SIGMA0 - SIGMA1 * softness - (E0 - E1 * softness) / temperature))
    exposure = np.round(2e6 * np.exp(-((softness + 0.6) ** 2) / 1.6))
    events = rng.poisson(exposure * true / 4)
    dims = ("temperature", "softness_bin")
    measured = np.divide(4.0 * events, exposure, out=np.full(true.shape, np.nan), where=exposure > 0)
    spread = 1 / np.sqrt(np.maximum(events, 1))
    one = np.divide(4.0, exposure, out=np.full(true.shape, np.nan), where=exposure > 0)
    return xr.Dataset(
        {
            "probability": (dims, measured),
            "probability_low": (dims, measured * np.exp(-spread)),
            "probability_high": (dims, np.where(events > 0, measured * np.exp(spread), 1.8 * one)),
            "events": (dims, events),
            "exposure": (dims, exposure),
            "fitted": (dims, true),
        },
        {"temperature": temperatures, "softness": ("softness_bin", bins)},
    )


def arrhenius(rng, bins=BINS):
    noise = 0.05 + 0.03 * bins**2
    shift = 0.6 * noise * rng.normal(size=len(bins))
    events = np.round(4000 * np.exp(-((bins - 0.5) ** 2) / 2))
    return xr.Dataset(
        {
            "energy_barrier": ("softness_bin", E0 - E1 * bins + shift),
            "energy_barrier_error": ("softness_bin", noise),
            "log_prefactor": ("softness_bin", SIGMA0 - SIGMA1 * bins + 1.8 * shift),
            "log_prefactor_error": ("softness_bin", 1.6 * noise),
            "events": ("softness_bin", events),
            "used": ("softness_bin", events > 30),
        },
        {"softness": ("softness_bin", bins)},
        {
            "e0": E0,
            "e1": E1,
            "sigma0": SIGMA0,
            "sigma1": SIGMA1,
            "T0": E1 / SIGMA1,
            "T0_low": 0.76,
            "T0_high": 0.86,
        },
    )


def softness_distribution(rng, temperatures=TEMPERATURES):
    bins = np.linspace(-4, 4, 41)
    width = bins[1] - bins[0]
    everyone = np.exp(-((bins + 0.7) ** 2) / 2.0)
    mobile = np.exp(-((bins - 1.1) ** 2) / 1.7)
    n = rng.poisson(4e5 * np.outer(np.ones(len(temperatures)), everyone / everyone.sum()))
    n_r = rng.poisson(np.outer(900 * (temperatures / 0.47) ** 8, mobile / mobile.sum()))

    def density(counts):
        total = np.maximum(counts.sum(axis=1, keepdims=True), 1)
        return counts / total / width, np.sqrt(counts) / total / width

    dims = ("temperature", "softness_bin")
    (p, dp), (r, dr) = density(n), density(n_r)
    return xr.Dataset(
        {
            "density": (dims, p),
            "density_error": (dims, 6 * dp),
            "density_rearranging": (dims, r),
            "density_rearranging_error": (dims, dr),
            "n": (dims, n),
            "n_rearranging": (dims, n_r),
        },
        {"temperature": temperatures, "softness": ("softness_bin", bins)},
    )


def snapshot(rng, n_side=9, n_frames=8, dimension=3):
    n = n_side**dimension
    grid = np.stack(np.meshgrid(*[np.arange(n_side)] * dimension, indexing="ij"), axis=-1).reshape(
        n, dimension
    )
    spacing = 0.94
    side = n_side * spacing
    waves = rng.normal(size=(24, dimension)) * 1.5
    phases = rng.uniform(0, 2 * np.pi, 24)
    position = np.empty((n_frames, n, dimension))
    softness = np.empty((n_frames, n))
    home = spacing * (grid + 0.5) + rng.normal(scale=0.13, size=(n, dimension))
    for k in range(n_frames):
        home = home + rng.normal(scale=0.05, size=(n, dimension))
        position[k] = home % side
        field = np.cos(position[k] @ waves.T + phases + 0.35 * k).sum(axis=1) / 3.4
        softness[k] = -0.3 + field + 0.35 * rng.normal(size=n)
    species = np.where(rng.random(n) < 0.2, "B", "A")
    softness[:, species == "B"] = np.nan
    return xr.Dataset(
        {
            "position": (("snapshot_frame", "particle", "xyz"), position),
            "softness": (("snapshot_frame", "particle"), softness),
        },
        {"time": ("snapshot_frame", 25.0 * np.arange(n_frames)), "species": ("particle", species)},
        {"box_vectors": (side * np.eye(dimension)).tolist(), "temperature": 0.47},
    )


def p_hop_example(rng, n=1000):
    time = np.arange(n, dtype=float)
    p_hop = 0.006 * rng.gamma(2.0, size=n)
    displacement = 0.12 + 0.02 * rng.random(n)
    for start, height, duration in ((160, 0.12, 9), (420, 0.62, 12), (455, 0.29, 10), (800, 0.41, 11)):
        p_hop += height * np.exp(-(((time - start) / duration) ** 2))
        displacement += np.sqrt(height) / (1 + np.exp(-(time - start) / 2)) * (1 if start != 455 else -0.5)
    return xr.Dataset(
        {"p_hop": ("time", p_hop), "displacement": ("time", displacement)},
        {"time": time},
        {"event_threshold": 0.05, "rearrangement_threshold": 0.2, "particle": 417, "temperature": 0.47},
    )


def rdf(rng):
    r = np.linspace(0.025, 4.975, 199)
    g = np.empty((2, 3, len(r)))
    for s, (first, height) in enumerate(((1.07, 6.4), (0.89, 9.0))):
        for k, sharp in enumerate((1.0, 1.12, 0.84)):
            peak = height * sharp * np.exp(-(((r - first) / 0.055) ** 2))
            tail = 1 + 0.5 * sharp * np.exp(-(r - first) / 1.4) * np.cos(2 * np.pi * (r - first) / 0.9)
            g[s, k] = (
                np.where(r > first - 0.06, tail * (1 - np.exp(-(((r - first + 0.2) / 0.35) ** 6))), 0) + peak
            )
    return xr.Dataset(
        {
            "g": (("neighbor_species", "group", "r"), g),
            "g_error": (("neighbor_species", "group", "r"), 0.02 + 0.02 * g * rng.random(g.shape)),
        },
        {"neighbor_species": ["A", "B"], "group": ["all", "hard", "soft"], "r": r},
    )


def overlap(rng, temperatures=TEMPERATURES):
    lag = np.concatenate([[0.0], np.geomspace(1, 2000, 24).round()])
    tau = 25 * np.exp(3.4 * (1 / temperatures - 1 / 0.7) ** 1.3)
    q = np.exp(-((lag / tau[:, None]) ** 0.62))
    error = 0.004 + 0.03 * q * (1 - q)
    dims = ("temperature", "lag")
    return xr.Dataset(
        {
            "overlap": (dims, np.clip(q + error * rng.normal(size=q.shape) * 0.4, 0, 1)),
            "overlap_error": (dims, error),
        },
        {"temperature": temperatures, "lag": lag},
        {"cutoff": 0.5},
    )


TABLE = (
    TableRow("fraction of rearranging particles with S > 0", "0.90", 0.784, 0.013, 0.012, 1043,
             "Schoenholz 2016, Fig. 1b", "1 000 particles instead of 10 000; the value grows with the training set."),
    TableRow("cross-validated accuracy", "0.90", 0.762, 0.009, 0.009, 1400, "Schoenholz 2016, Methods"),
    TableRow("barrier at S = 0, e0", None, E0, 0.21, 0.24, 9481, "Schoenholz 2016, Fig. 2c"),
    TableRow("slope of the barrier, e1", None, E1, 0.07, 0.07, 9481, "Schoenholz 2016, Fig. 2c"),
    TableRow("onset temperature T0", "0.80", E1 / SIGMA1, 0.043, 0.057, 9481, "Schoenholz 2016, Fig. 2d",
             "Where the Arrhenius lines of all softness values meet."),
    TableRow("accuracy with an RBF kernel", "0.904", float("nan"), float("nan"), float("nan"), None,
             "Cubuk 2016 thesis, Sec. 5.6", "Not part of this preset."),
)  # fmt: skip

RUN = {
    "model": "Kob-Andersen 80:20",
    "density": 1.2,
    "temperatures": TEMPERATURES.tolist(),
    "particles": 1000,
    "frames per temperature": 900,
    "scale": "laptop",
    "minimizer": "FIRE, force below 1e-6",
    "thresholds": {"event": 0.05, "rearrangement": 0.2},
    "command line": "vitrify run softness --scale laptop --out runs/softness",
    "wall time": "41 min",
    "versions": {"vitrify": "0.1.0", "python": "3.11", "numpy": "2.4.6"},
}


def make_results(seed=7, n_side=9, n_frames=8):
    rng = np.random.default_rng(seed)
    return SoftnessResults(
        table=TABLE,
        run=dict(RUN),
        citations=["schoenholz2016", "kob1994", "candelier2010"],
        warnings=["3 of 900 frames at T = 0.47 did not converge and were left out."],
        datasets={
            "snapshot": snapshot(rng, n_side, n_frames),
            "softness_distribution": softness_distribution(rng),
            "rearrangement_probability": rearrangement_probability(rng),
            "arrhenius": arrhenius(rng),
            "p_hop_example": p_hop_example(rng),
            "rdf": rdf(rng),
            "overlap": overlap(rng),
        },
    )


@pytest.fixture(scope="session")
def results():
    return make_results()


@pytest.fixture(scope="session")
def report(results, tmp_path_factory):
    """The page of the synthetic results, built once."""
    from vitrify.report.page import build_report

    return build_report(results, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="session")
def chromium_path():
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("no chromium on PATH; install it to look at the page")
    subprocess.run([found, "--version"], check=True, capture_output=True)
    return found
