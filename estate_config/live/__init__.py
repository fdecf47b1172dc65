"""Live settings: new versions appear while the service runs, and it keeps serving while a store does not answer."""

from estate_config.live.changes import on_change
from estate_config.live.refreshing import Refreshed, refresh, snapshot
from estate_config.live.rejected import retry_on_rejected
from estate_config.live.standing import Health, health
from estate_config.live.watching import Watch, watch

__all__ = ["Health", "Refreshed", "Watch", "health", "on_change", "refresh", "retry_on_rejected", "snapshot", "watch"]
