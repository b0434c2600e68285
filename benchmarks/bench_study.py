"""A whole study, per particle and time unit, against a script of LAMMPS, DScribe and scikit-learn for the same work.

The work: molecular dynamics with one frame a time unit, the quench of every frame, p_hop of every particle at every
frame, and softness of the A particles of every inherent structure, or of every tenth. Both sides really run it.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import dscribe_functions as dscribe
import lammps_script
import numpy as np
from bench_p_hop import WINDOW, by_numpy
from bench_quench import TOLERANCE
from bench_softness import compiled, trained
from configurations import MODEL, run_at, shipped
from measure import MissingPeerError, Row, need, now, scratch
from numpy.typing import NDArray

from vitrify.descriptors.bond_angle import BondAngle
from vitrify.descriptors.combined import DescriptorSet
from vitrify.descriptors.radial_density import RadialDensity
from vitrify.engines.lammps import Lammps
from vitrify.particles import Frame
from vitrify.protocols.inherent import Quench
from vitrify.rearrangements.p_hop import PHop

EVERY = 10  # frames between those whose softness is computed, as `vitrify run softness` does
TARGET = 15.0
STAGES = ("md", "quench", "p_hop", "softness")
WIDE = 5.0


@dataclass
class Study:
    """What a study found, and the seconds of its stages."""

    seconds: dict[str, float] = field(default_factory=dict)
    energy: list[float] = field(default_factory=list)
    inherent: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    p_hop: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    softness: list[NDArray[np.float64]] = field(default_factory=list)

    @property
    def total(self) -> float:
        """Seconds of all stages."""
        return sum(self.seconds.values())


class Clock:
    """Adds the seconds of a stage to a study."""

    def __init__(self, study: Study, stage: str) -> None:
        self.study, self.stage = study, stage

    def __enter__(self) -> None:
        self.begun = now()

    def __exit__(self, *reason: object) -> None:
        self.study.seconds[self.stage] = now() - self.begun


def by_vitrify(
    start: Frame, n_frames: int, softness: Callable[[Frame], NDArray[np.float64]], every: int = EVERY
) -> Study:
    """Do the work with vitrify."""
    study, run, engine, folder = Study(), run_at(), Lammps(), scratch()
    box = start.box
    with Clock(study, "md"):
        engine.begin(run, start, None, folder / "study-first")
        made = engine.advance(run, folder / "study-first", n_frames, folder / "study-last")
    with Clock(study, "quench"):
        found = Quench(force_tolerance=TOLERANCE).run(
            MODEL, made.positions, start.species, made.box_vectors, made.box_origin, box.periodic
        )
    with Clock(study, "p_hop"):
        study.p_hop = PHop(window=WINDOW).compute(found.positions)
    with Clock(study, "softness"):
        study.softness = [softness(start.with_positions(x)) for x in found.positions[::every]]
    study.energy, study.inherent = found.energy.tolist(), found.positions
    return study


@dataclass(frozen=True)
class Pipeline:
    """DScribe's functions of chosen particles, and scikit-learn's standardized linear support vector machine on them."""

    functions: tuple[Any, ...]
    classifier: Any

    def features(self, frame: Frame, centres: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return all functions side by side."""
        system = dscribe.atoms(frame)
        return np.hstack([f.create(system, centers=centres.tolist()) for f in self.functions])


def make_pipeline(members: tuple[Any, ...], wide: bool) -> Pipeline:
    """Return a pipeline trained on a few particles; what it learned does not matter for the time."""
    need("dscribe.descriptors", "dscribe")
    from sklearn.pipeline import make_pipeline as sklearn_pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import LinearSVC

    functions = tuple(
        dscribe.make(m, m.radii[-1] if isinstance(m, RadialDensity) else m.cutoff) for m in members
    )
    frame = shipped(1000)
    centres = frame.of_species("A")[: 20 if wide else 200]
    untrained = Pipeline(functions, None)
    features = untrained.features(frame, centres)
    classifier = sklearn_pipeline(StandardScaler(), LinearSVC(loss="hinge", max_iter=100_000))
    label = features.sum(axis=1) > np.median(features.sum(axis=1))
    return Pipeline(functions, classifier.fit(features, label))


def by_script(start: Frame, n_frames: int, pipeline: Pipeline, share: float, every: int = EVERY) -> Study:
    """Do the work with LAMMPS, numpy, DScribe and scikit-learn; DScribe gets a `share` of the A particles."""
    study, run, thermal = Study(), run_at(), []
    with Clock(study, "md"), lammps_script.system(start, "linear") as session:
        session(f"velocity all create {run.temperature!r} 4711 mom yes rot no dist gaussian")
        session(f"neighbor {Lammps().skin} bin\nneigh_modify delay 0 every 1 check yes\ntimestep 0.005")
        session(
            f"fix dynamics all nvt temp {run.temperature!r} {run.temperature!r} {run.thermostat.time_constant!r}"
        )
        for _ in range(n_frames):
            session(f"run {run.steps_per_frame} post no")
            thermal.append(session.unwrapped(3))
    with Clock(study, "quench"):
        minima = [lammps_script.minimize(start.with_positions(x), "cg", TOLERANCE) for x in thermal]
    study.inherent = np.array([m.positions for m in minima])
    with Clock(study, "p_hop"):
        study.p_hop = by_numpy(study.inherent, WINDOW)
    centres = start.of_species("A")[:: max(1, round(1 / share))]
    with Clock(study, "softness"):
        for x in study.inherent[::every]:
            features = pipeline.features(start.with_positions(x), centres)
            study.softness.append(pipeline.classifier.decision_function(features))
    study.seconds["softness"] *= len(start.of_species("A")) / len(centres)
    study.energy = [m.energy for m in minima]
    return study


def study_rows(quick: bool) -> Iterator[Row]:
    """Yield the study with the 166 functions, with the radial ones alone, and with angular functions to 5."""
    lammps_script.require_lammps()
    need("dscribe.descriptors", "dscribe")
    start, n_frames, rounds = shipped(1000), 12 if quick else 20, 1 if quick else 2
    full, radial = trained("schoenholz-2016"), trained()
    members = (RadialDensity(), BondAngle())
    yield _compared("study, 166 functions", start, n_frames, full.softness, members, 1.0, rounds)
    if quick:
        return
    yield _compared("study, 166 of every frame", start, n_frames, full.softness, members, 1.0, 1, every=1)
    try:
        softness, way = compiled(radial).softness, "compiled softness"
    except MissingPeerError:
        softness, way = radial.softness, "softness by its functions"
    yield _compared("study, 100 radial", start, n_frames, softness, members[:1], 1.0, 1, way)
    wide = (RadialDensity(), BondAngle(cutoff=WIDE))
    wide_softness = functools.partial(_wide_softness, DescriptorSet(wide), start.of_species("A"))
    yield _compared(
        "study, angles to 5", start, n_frames, wide_softness, wide, 1 / 20, 1, "DScribe: one A particle in 20"
    )


def _wide_softness(descriptors: Any, centres: NDArray[np.int64], frame: Frame) -> NDArray[np.float64]:
    """Return a weighted sum of the functions: the time of a softness without training one."""
    return descriptors.evaluate(frame, centres).sum(axis=1)


def _compared(
    name: str,
    start: Frame,
    n_frames: int,
    softness: Callable[[Frame], NDArray[np.float64]],
    members: tuple[Any, ...],
    share: float,
    rounds: int,
    way: str = "softness by its functions",
    every: int = EVERY,
) -> Row:
    """Return the row of one study, both sides in turns."""
    pipeline = make_pipeline(members, wide=share < 1)
    by_vitrify(start, WINDOW, softness)
    own, peer = [], []
    for _ in range(rounds):
        own.append(by_vitrify(start, n_frames, softness, every))
        peer.append(by_script(start, n_frames, pipeline, share, every))
    ratios = [b.total / a.total for a, b in zip(own, peer, strict=True)]
    amount = start.n_particles * n_frames
    energies = [np.mean(s.energy) for s in (own[-1], peer[-1])]
    hops = [np.nanmean(s.p_hop) for s in (own[-1], peer[-1])]
    return Row(
        name,
        start.n_particles,
        "particle-τ/s",
        amount / float(np.median([s.total for s in own])),
        "LAMMPS cg + numpy + DScribe + scikit-learn",
        amount / float(np.median([s.total for s in peer])),
        float(np.median(ratios)),
        float(min(ratios)),
        float(max(ratios)),
        target=TARGET,
        agreement=f"means of two trajectories: inherent energy {energies[0]:.3f} and {energies[1]:.3f}, "
        f"p_hop {hops[0]:.3f} and {hops[1]:.3f}",
        remark=f"{n_frames} frames, softness every {every}: {way}; ms a frame, ours | theirs: "
        + ", ".join(
            f"{s} {1e3 * own[-1].seconds[s] / n_frames:.1f} | {1e3 * peer[-1].seconds[s] / n_frames:.0f}"
            for s in STAGES
        ),
    )


ROWS = {"study": study_rows}
