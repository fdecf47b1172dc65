"""Rotating a secret in four steps, each of which can be done again: create, set, test, finish.

`handler` is the entry point of AWS Lambda: `estate_config.rotation.handler`.
"""

from __future__ import annotations

from estate_config.rotation.function import handler

__all__ = ["handler"]
