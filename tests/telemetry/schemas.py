"""What the tests of telemetry load."""

from __future__ import annotations

from datetime import timedelta

from estate_config import Settings, secret, setting

CANARY = "canary-2f8a61d3c7"


class Metered(Settings):
    token: str = secret("token", rotates=timedelta(days=90))
    other: str | None = secret("other", default=None)
    workers: int = setting(default=1)
