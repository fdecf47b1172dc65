"""FastAPI: one version of the settings for each request."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from estate_config.live import snapshot
from estate_config.loading import aload
from estate_config.settings import Settings, loaded

S = TypeVar("S", bound=Settings)


def current(settings: S) -> Callable[[], Awaitable[S]]:
    """Return a dependency that gives the version of now, the same one everywhere in a request.

    Made once: `Current = Annotated[AiSettings, Depends(current(settings))]`. Loads the settings, off the event loop, if
    nobody has; the request then fails with a `ConfigurationError` if they cannot be.
    """

    async def version() -> S:
        if loaded(settings) is None:
            await aload(settings)
        return snapshot(settings)

    return version
