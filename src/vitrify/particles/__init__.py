"""What a configuration is: box, frame, neighbours, and the trajectory store on disk."""

from vitrify.particles.box import Box
from vitrify.particles.frame import Frame

__all__ = ["Box", "Frame"]
