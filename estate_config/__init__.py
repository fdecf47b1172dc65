"""One typed schema per service declares every setting and every secret; everything else is derived from it."""

__version__ = "0.1.0"
