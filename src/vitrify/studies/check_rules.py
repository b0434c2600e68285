"""From what a trajectory is to what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from vitrify.studies.check_frames import Judged
from vitrify.studies.check_scan import Scan
from vitrify.studies.importing import model_as_typed

if TYPE_CHECKING:
    from vitrify.readers.source import Source
    from vitrify.studies.check import Analysis, Checked

_FEW_DIGITS = 7
_CLOSE = 0.2  # of the spacing
_FAR = 0.25  # of the box between two frames: near what can be followed
_FAR_RAW = 0.5
_CRYSTALLINE = 0.1
_WINDOW = 10
_QUIET_TIME = 300
_USUAL_SPACING = (
    0.6,
    1.6,
)  # of density^(-1/d), in units of the diameter that radii of descriptor sets are given in


def conclude(found: Checked, seen: Scan, judged: Judged, source: Source | None, model: Any) -> None:
    """Add remarks and the table of analyses to what was found."""
    _remark_frames(found, seen)
    _remark_particles(found, seen, source)
    _remark_box(found)
    _remark_motion(found)
    _remark_configurations(found, judged)
    _remark_state(found)
    found.analyses = _Table(found, seen, source, model).rows()
    if not any(a.possible != "no" for a in found.analyses) and found.verdict != "unusable":
        found.remark("error", "No analysis is possible with this trajectory; the table says why.")


def _remark_frames(found: Checked, seen: Scan) -> None:
    frames = found.frames
    if "fault" in frames:
        found.remark("error", frames["fault"])
    if frames["looked_at"] < frames["n"] and not seen.faults:
        found.remark(
            "note",
            f"Only {frames['looked_at']} of {frames['n']} frames were looked at.",
            "`--all` looks at every one.",
        )
        if frames["spacing"] is None and "fault" not in frames:
            found.remark(
                "warning",
                "The frames are not evenly spaced, or cannot be told to be.",
                "`--all` finds the pattern.",
            )
    if frames["times"] == "frames":
        found.remark("note", "The file has neither times nor steps: times are counted in frames.")


def _remark_particles(found: Checked, seen: Scan, source: Source | None) -> None:
    particles = found.particles
    varies = particles["min"] != particles["max"] or particles["ids"] == "vary"
    if particles["ids"] == "none" and source is not None:
        if particles["min"] != particles["max"]:
            found.remark(
                "error",
                f"There are from {particles['min']} to {particles['max']} particles in a frame, and no ids to say which is which.",
                "Write the trajectory with ids.",
            )
        elif found.frames["n"] > 1:
            found.remark(
                "note",
                "There are no ids: row k is taken as the same particle in every frame.",
                "Sort dumps by id.",
            )
    elif varies:
        gaps = (
            f"; {particles['gaps']} times one is away for up to {particles['longest_gap']} frames"
            if particles["gaps"]
            else ""
        )
        absent = source is not None and not source.may_be_absent
        found.remark(
            "warning" if absent else "note",
            f"Particles come and go: {particles['min']} to {particles['max']} of {particles['all']} are in a frame{gaps}.",
            "Import with `--absent` if that is so; otherwise the file is damaged." if absent else "",
        )
    if "species" in seen.unlike:
        found.remark(
            "warning",
            f"The species of the first frame are not those of {seen.unlike['species']}.",
            "Give every particle the same species in all frames, or split the trajectory there.",
        )
    if "kind" in seen.unlike:
        found.remark(
            "error",
            f"A particle changes its species{_in(seen.unlike['kind'])}.",
            "A particle must keep its species; if ids are given to others on the way, split the trajectory there.",
        )


def _in(label: str) -> str:
    return f" in {label}" if label else ""


def _remark_box(found: Checked) -> None:
    box = found.box
    if box["jump"]:
        found.remark(
            "error" if box["largest_change"] > 0.07 else "warning",
            f"The box jumps: an edge changes by {100 * box['largest_change']:.3g} % before {box['jump']}.",
            "Import the parts one by one with `--start` and `--stop`.",
        )
    if box["flips"]:
        found.remark("note", f"The tilt flips to another choice of the same lattice {box['flips']} times.")


def _remark_motion(found: Checked) -> None:
    way = found.unwrapping
    step = way["largest_step"]
    if way["how"] == "followed" and found.frames["n"] > 1:
        _remark_following(found)
    raw = way["largest_raw_step"]
    if way["how"] == "unwrapped" and raw is not None and raw > _FAR_RAW and step < _FAR:
        found.remark(
            "warning",
            f"Positions that should be unwrapped jump by {raw:.2f} of the box between frames, and by at most {step:.2f} to "
            "the nearest image: they look wrapped.",
            "Make the store from unwrapped positions; displacements are wrong otherwise.",
        )


def _remark_following(found: Checked) -> None:
    """Say how safely wrapped positions are followed from frame to frame."""
    way = found.unwrapping
    step = way["largest_step"]
    if way["where"]:
        found.remark(
            "warning",
            f"Wrapped positions cannot be followed safely: a particle moves by {2 * step:.2f} of half the box before "
            f"{way['where']}.",
            "Dump `xu yu zu`, keep `ix iy iz`, or save frames more often.",
        )
    elif step is None:
        found.remark(
            "warning",
            "Whether wrapped positions can be followed was not seen: no neighbouring frames were compared.",
        )
    elif step > _FAR:
        found.remark(
            "warning",
            f"Wrapped positions are followed from frame to frame, and the largest step, {2 * step:.2f} of half the box, "
            "is not far from the limit.",
            "Dump `xu yu zu`, or keep `ix iy iz`.",
        )


def _remark_configurations(found: Checked, judged: Judged) -> None:
    digits = found.precision
    if (
        digits["digits"] < _FEW_DIGITS and found.source["format"] != "tracks"
    ):  # a microscope sees less than it writes
        by = ", as with `dump_modify … format float %.12g`" if found.source["format"] == "lammps_dump" else ""
        found.remark(
            "warning",
            f"Positions have {digits['digits']} significant digits: they are known to {digits['resolution']:.1g}. p_hop "
            f"below about {digits['p_hop_floor']:.1g} and forces of inherent structures are noise.",
            f"Write more digits{by}.",
        )
    if judged.on_one_spot:
        found.remark(
            "error",
            f"Two particles sit on one spot: {judged.shortest_where}.",
            "Look for repeated ids or a wrong column.",
        )
    elif found.pairs and found.pairs["relative"] < _CLOSE:
        found.remark(
            "warning",
            f"Particles overlap: {judged.shortest_where} are {judged.shortest:.3g} apart, {found.pairs['relative']:.2g} of "
            "their mean spacing.",
            "Look whether columns, box and units are right.",
        )
    crystal = found.crystallinity["fraction"]
    if crystal is not None and crystal > _CRYSTALLINE:
        found.remark(
            "warning",
            f"{100 * crystal:.0f} % of the particles are in crystalline surroundings.",
            "Softness is about liquids and glasses: look at the snapshot, or choose another composition.",
        )


def _remark_state(found: Checked) -> None:
    state = found.state
    said = (state.get("said") or {}).get("imported_as")
    if state["state"] == "not of this model":
        found.remark(
            "warning",
            f"These are no configurations of the model {state['model']}: the largest force is {state['max_force']:.3g}.",
            "Look whether species, units of length and the model are right.",
        )
    if state["state"] in ("between", "mixed"):
        found.remark(
            "warning",
            f"Frames are neither thermal nor at a minimum: max |F| = {state['max_force']:.3g}, about "
            f"{state['distance']:.1g} from a minimum.",
            "They were quenched too little, or by another potential or smoothing: quench them here, or give that model.",
        )
    if (
        said in ("thermal", "inherent")
        and state["state"] in ("thermal", "inherent")
        and said != state["state"]
    ):
        found.remark(
            "warning",
            f"The store says its positions are {said}; by the forces of {state['model']} they are {state['state']}.",
            "Import them again with the right `--positions`, or with the right model.",
        )
    if found.state["why"] is not None and state["model"] is not None:
        found.remark(
            "warning", f"Forces were not calculated: {state['why']}", "Rename species with `--species`."
        )


class _Table:
    """One row for each analysis."""

    def __init__(self, found: Checked, seen: Scan, source: Source | None, model: Any) -> None:
        self.found, self.seen, self.source, self.model = found, seen, source, model
        self.usable = found.verdict != "unusable"
        self.is_file = source is not None
        self.n = found.frames["n"]
        self.spacing = found.frames["spacing"]
        self.even = self.spacing is not None and self.spacing["kind"] == "linear"
        self.complete = found.particles["min"] == found.particles["max"] and found.particles["ids"] != "vary"
        self.moves = found.unwrapping["safe"] and self.n > 1
        self.kinds = found.source.get("positions") or self._kinds_of_files()
        self.names = tuple(s["name"] for s in found.species)

    def _kinds_of_files(self) -> list[str]:
        state = self.found.state["state"]
        return {"thermal": ["thermal"], "inherent": ["inherent"]}.get(state, [])

    def rows(self) -> list[Analysis]:
        """Return all rows."""
        rows = [self._import()] if self.is_file else []
        return [
            *rows,
            self._quench(),
            self._p_hop(),
            self._d2min(),
            *self._describe(),
            self._train(),
            self._softness(),
            self._correlations(),
            self._row("g(r)", "yes", f"{self.found.particles['min']} particles"),
            self._crystal(),
            self._propensity(),
        ]

    def _row(self, name: str, possible: str, why: str, do: str = "") -> Analysis:
        from vitrify.studies.check import Analysis

        if not self.usable:
            return Analysis(name, "no", "the errors above come first")
        return Analysis(name, possible, why, do)

    def _import(self) -> Analysis:
        state = self.found.state["state"]
        kind = state if state in ("thermal", "inherent") else "thermal or inherent"
        words = (
            "say which: it is not guessed"
            if " " in kind
            else f"by the forces of {self.model.name} the frames are {kind}"
        )
        files = " ".join(self.found.source["paths"][:1]) + (
            " …" if len(self.found.source["paths"]) > 1 else ""
        )
        do = f"vitrify import {files} STORE --positions {kind}" + (
            "" if self.model is None else f" --model {model_as_typed(self.model)}"
        )
        if not self.found.unwrapping["safe"] and self.n > 1:
            return self._row(
                "import",
                "no",
                "wrapped positions cannot be followed over such steps",
                "single frames: --stop 1",
            )
        return self._row("import", "yes", words, do)

    def _quench(self) -> Analysis:
        if self.kinds == ["inherent"]:
            return self._row("quench", "no", "not needed: the frames are inherent already")
        if "inherent" in self.kinds:
            return self._row("quench", "yes", "done")
        do = "vitrify quench STORE"
        if self.model is None:
            return self._row(
                "quench", "no", "no model is known", "give `--model` when importing, such as kob_andersen"
            )
        if self.found.state["why"]:
            return self._row("quench", "no", self.found.state["why"])
        if not all(self.found.box["periodic"]):
            return self._row("quench", "care", "open boundaries: particles at an edge are pulled inwards", do)
        if not self.complete:
            return self._row("quench", "no", "particles are absent in some frames")
        if self.found.state["state"] == "not of this model":
            return self._row("quench", "care", f"forces are not those of {self.model.name}", do)
        return self._row("quench", "yes", f"model {self.model.name}", do)

    def _moving(self, name: str) -> Analysis | None:
        if self.n < 2:
            return self._row(name, "no", "there is one frame")
        if not self.found.unwrapping["safe"]:
            return self._row(
                name, "no", "wrapped positions cannot be followed", "dump `xu yu zu`, or keep `ix iy iz`"
            )
        return None

    def _p_hop(self) -> Analysis:
        name = "rearrangements: p_hop"
        if (refused := self._moving(name)) is not None:
            return refused
        if not self.even:
            words = "unknown" if self.spacing is None else self.spacing["words"]
            do = "select evenly spaced frames with `--every`, `--start`, `--stop`; or D²min"
            return self._row(name, "no", f"needs evenly spaced frames; these are: {words}", do)
        if self.n < _WINDOW:
            return self._row(
                name,
                "no",
                f"needs `window` = {_WINDOW} frames; there are {self.n}",
                "a smaller `--window`, or more frames",
            )
        if not self.complete:
            return self._row(
                name, "care", "particles are absent in some frames: no value where a window has a gap"
            )
        if self.kinds == ["thermal"]:
            return self._row(
                name,
                "care",
                "thermal positions rattle: quench first",
                "or vitrify rearrangements STORE --positions thermal",
            )
        return self._row(name, "yes", f"{self.n} frames", "vitrify rearrangements STORE")

    def _d2min(self) -> Analysis:
        name = "rearrangements: D²min"
        if (refused := self._moving(name)) is not None:
            return refused
        where, do = f"{self.found.box['dimension']}D", "vitrify rearrangements STORE --indicator d2min"
        if self.even:
            return self._row(name, "yes", where, f"{do} --lag … --cutoff …")
        words = f"{where}; its lag is in frames, of unequal length here: take a reference frame"
        return self._row(name, "care", words, f"{do} --reference 0 --cutoff …")

    def _describe(self) -> list[Analysis]:
        from vitrify.descriptors import DESCRIPTOR_SETS

        sets = {name: DESCRIPTOR_SETS.load(name)() for name in sorted(DESCRIPTOR_SETS)}
        return [self._describe_with(f"describe: {name}", member) for name, member in sets.items()]

    def _describe_with(self, title: str, member: Any) -> Analysis:
        spacing, (low, high) = self.found.density["spacing"], _USUAL_SPACING
        if not member.knows(self.names):
            why = f"is not for the species {', '.join(self.names)}"
            return self._row(title, "no", why, "name them with `--species`")
        if not low <= spacing <= high:
            why = f"its radii are in particle diameters, and the mean spacing is {spacing:.3g}"
            return self._row(title, "care", why, "other radii, or another unit of length")
        if (lost := self._near_an_edge(member.reach)) > 0:
            why = f"about {100 * lost:.0f} % of the particles are within {member.reach:.3g} of an open edge and get NaN"
            return self._row(title, "care" if lost < 1 else "no", why)
        n = len(member.feature_names(self.names))
        return self._row(title, "yes", f"{n} features, {len(self.names)} species")

    def _near_an_edge(self, reach: float) -> float:
        """Return the part of the volume that is closer than `reach` to an open boundary."""
        lengths, periodic = np.array(self.found.box["lengths"]), np.array(self.found.box["periodic"])
        inside = np.clip(1 - 2 * reach / lengths, 0, 1)
        return float(1 - np.prod(inside[~periodic]))

    def _train(self) -> Analysis:
        hop = self._p_hop()
        if hop.possible == "no":
            if self._d2min().possible == "no":
                return self._row("train", "no", "no labels: " + hop.why, hop.do)
            return self._row("train", "care", "labels by D²min only", "vitrify train STORE --labels d2min")
        if self.n <= _QUIET_TIME + _WINDOW:
            why = f"a hard particle stays quiet for {_QUIET_TIME} frames by default; there are {self.n}"
            return self._row("train", "care", why, "a shorter `--quiet-time`, about one relaxation time")
        if self.kinds == ["thermal"]:
            return self._row("train", "care", "after quenching", "vitrify quench, rearrangements, train")
        return self._row("train", "yes", "after the rearrangements are found", "vitrify train STORE")

    def _softness(self) -> Analysis:
        why = "with a softness trained on the same species, dimension and unit of length"
        return self._row("softness", "yes", why, "vitrify softness STORE --model softness.json")

    def _correlations(self) -> Analysis:
        name = "MSD, overlap"
        if (refused := self._moving(name)) is not None:
            return refused
        words = "any spacing of frames will do" if self.spacing is None else self.spacing["words"]
        if not self.complete:
            words += "; absent particles are left out and counted"
        return self._row(name, "yes", words)

    def _crystal(self) -> Analysis:
        if self.found.crystallinity["fraction"] is None:
            return self._row(
                "crystallinity", "no", self.found.crystallinity["why"] or "not judged", "give a cutoff"
            )
        return self._row(
            "crystallinity", "yes", "order by q6" if self.found.box["dimension"] == 3 else "order by psi6"
        )

    def _propensity(self) -> Analysis:
        why = "needs many runs from one configuration with other velocities; this is one trajectory"
        return self._row("isoconfigurational propensity", "no", why, "simulate such runs and import each")
