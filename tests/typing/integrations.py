"""The integrations as a user writes them. mypy --strict and pyright accept it, with no plug-in and no ignore."""

from __future__ import annotations

import sys
from typing import Annotated, Any, assert_type

import boto3
import httpx
from celery import Celery
from fastapi import Depends, FastAPI
from psycopg import AsyncConnection, Connection
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool
from pydantic import SecretStr
from sqlalchemy import Engine, create_engine
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from estate_config import Settings, lazy, secret
from estate_config.integrations.boto3 import session_for
from estate_config.integrations.celery import watch_in_workers
from estate_config.integrations.django import database
from estate_config.integrations.fastapi import current
from estate_config.integrations.httpx import CurrentToken
from estate_config.integrations.psycopg_pool import follow as follow_pool
from estate_config.integrations.sqlalchemy import follow


class AiSettings(Settings):
    database_url: str = secret("database/url")
    kreb_token: SecretStr = secret("kreb/api_key")
    mailer_key_id: str = secret("mailer/key_id")
    mailer_key: SecretStr = secret("mailer/key")


settings = lazy(AiSettings)

Current = Annotated[AiSettings, Depends(current(settings))]
app = FastAPI()
celery_app = Celery("worker")
watch_in_workers(settings, every=60)

Rows = Connection[DictRow]
AsyncRows = AsyncConnection[DictRow]


@app.get("/orders")
def orders(now: Current) -> list[str]:
    assert_type(now, AiSettings)
    return [now.mailer_key_id]


def connections() -> None:
    assert_type(follow(create_engine("postgresql+psycopg://", pool_size=2), settings, "database_url"), Engine)
    assert_type(follow(create_async_engine("postgresql+psycopg://"), settings, "database_url"), AsyncEngine)
    pool = ConnectionPool(connection_class=Rows, kwargs={"row_factory": dict_row}, open=False)
    assert_type(follow_pool(pool, settings, "database_url"), ConnectionPool[Rows])
    async_pool = AsyncConnectionPool(connection_class=AsyncRows, kwargs={"row_factory": dict_row}, open=False)
    assert_type(follow_pool(async_pool, settings, "database_url"), AsyncConnectionPool[AsyncRows])
    assert_type(database(settings, "database_url", CONN_MAX_AGE=60), dict[str, Any])


def clients() -> None:
    with httpx.Client(auth=CurrentToken(settings, "kreb_token", header="X-Api-Key", scheme="")):
        pass
    session = session_for(settings, access_key="mailer_key_id", secret_key="mailer_key", region_name="us-east-1")
    assert_type(session, boto3.Session)


if __name__ == "__main__":
    connections()
    clients()
    sys.stdout.write(" ".join(app.openapi()["paths"]))
