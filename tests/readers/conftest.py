"""A reader of frames that are in memory, to try what comes after reading."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from vitrify.particles import Box
from vitrify.readers.base import FileFrame, Reader


@dataclass(frozen=True)
class InMemory(Reader):
    name = "in_memory"
    held: tuple[FileFrame, ...] = ()

    @property
    def n_frames(self) -> int:
        return len(self.held)

    def frames(self, start: int = 0, stop: int | None = None) -> Iterator[FileFrame]:
        yield from self.held[start:stop]

    def to_dict(self):
        return {"name": self.name, "files": [str(f) for f in self.files]}


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "frames.bin"
    path.write_bytes(b"anything")
    return path


@pytest.fixture
def in_memory(file):
    def make(frames) -> InMemory:
        return InMemory((file,), tuple(frames))

    return make


@pytest.fixture
def walk():
    """Frames of a walk in a tilted, breathing box: unwrapped positions and boxes, ids, types."""
    rng = np.random.default_rng(3)
    n_frames, n = 12, 20
    fractional = rng.random((n, 3)) + np.cumsum(rng.normal(0, 0.06, (n_frames, n, 3)), axis=0)
    shape = np.array([[6.0, 0, 0], [1.5, 5.0, 0], [-1.0, 0.7, 7.0]])
    boxes = [Box(shape * (1 + 0.02 * np.sin(k)), [-3.0, 1.0, 0.5]) for k in range(n_frames)]
    positions = np.stack([b.origin + f @ b.vectors for b, f in zip(boxes, fractional, strict=True)])
    return positions, boxes, np.arange(n) * 3 + 5, np.repeat(["1", "2"], [15, 5])


@pytest.fixture
def file_frames(walk):
    """Return a maker of the walk's FileFrames, shuffled: 'unwrapped', 'images' or 'wrapped'."""

    def make(form="unwrapped", with_ids=True):
        positions, boxes, ids, labels = walk
        rng, frames = np.random.default_rng(0), []
        for k, (x, box) in enumerate(zip(positions, boxes, strict=True)):
            order = rng.permutation(len(x)) if with_ids else np.arange(len(x))
            frames.append(
                FileFrame(
                    (x if form == "unwrapped" else box.wrap(x))[order],
                    box,
                    labels[order],
                    ids[order] if with_ids else None,
                    box.images(x)[order] if form == "images" else None,
                    form == "unwrapped",
                    step=10 * k,
                    columns={"radius": np.where(labels == "1", 0.5, 0.4)[order]},
                    label=f"frames.bin, frame {k}",
                )
            )
        return frames

    return make
