"""What in a liquid's structure decides where it will rearrange?"""

from vitrify._version import __version__

__all__ = ["__version__"]
