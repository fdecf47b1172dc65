"""The web application. Made by a function, so that importing this module connects to nothing."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException, Response
from pydantic import BaseModel, Field

from estate_config import explain, health
from services.ai.describer import ModelError, client_of, describe
from services.ai.listings import read_listing
from services.ai.secrets_manager import secrets_manager
from services.ai.settings import AiSettings
from services.database import DatabaseUnavailableError, connect

log = logging.getLogger(__name__)


class Request(BaseModel):
    """Which listing to describe."""

    listing_id: str = Field(min_length=1, max_length=64)


class Description(BaseModel):
    """What the language model wrote."""

    listing_id: str
    description: str


def create_app(settings: AiSettings) -> FastAPI:
    """Return the application; loads `settings` if nobody has yet."""
    client = client_of(settings)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        client.close()

    app = FastAPI(title="Listing descriptions", lifespan=lifespan)

    @app.get("/healthz")
    def healthz(response: Response) -> dict[str, Any]:
        """Say how the settings are and where each came from, and no value. 503: only a new start would help."""
        now = health(settings)
        response.status_code = 200 if now.live else 503
        status = "ok" if now.live and not now.degraded else "degraded"
        return {"status": status, "reasons": now.reasons, **explain(settings).as_json()}

    @app.get("/readyz")
    def readyz(response: Response) -> dict[str, Any]:
        """Say whether to send requests here. 503: not now, a secret is older than it may be."""
        now = health(settings)
        response.status_code = 200 if now.ready else 503
        return now.as_json()

    @app.post("/describe")
    def describe_listing(request: Request) -> Description:
        """Describe one listing. 404: no such listing; 502, 503: somebody we depend on does not do its part."""
        try:
            listing = read_listing(connect(secrets_manager.get_database_url()), request.listing_id)
            if listing is not None:
                return Description(listing_id=listing.id, description=describe(client, settings.openai_model, listing))
        except DatabaseUnavailableError as error:
            problem = 503, str(error)
        except ModelError as error:
            problem = error.status, str(error)
        else:
            raise HTTPException(404, "there is no such listing")
        log.warning("no description for %s: %s", request.listing_id, problem[1])
        raise HTTPException(*problem)

    return app
