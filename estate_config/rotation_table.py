"""`[rotation.NAME]` of `estate.toml`: how a secret is rotated. It holds no secret."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

HAND_OVER = 3600.0
"""Seconds, unless the table says otherwise."""

Kind = Literal["postgresql-single", "postgresql-alternating", "generated"]

_WORDS: dict[Kind, frozenset[str]] = {
    "postgresql-single": frozenset({"connection"}),
    "postgresql-alternating": frozenset({"admin", "connection", "hand_over"}),
    "generated": frozenset({"length", "hand_over"}),
}


class RotationTable(BaseModel):
    """How one secret is rotated, in every environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    admin: str | None = None
    """The secret of who may make users: a logical name, or what can be none: an ARN, `rds!db-…`."""
    connection: str | None = None
    """Where the server is, and who the user, if the secret does not say it: `postgresql://estate@db:5432/estate`."""
    hand_over: float = Field(default=HAND_OVER, ge=0)
    """Seconds that the value before is accepted at least."""
    length: int = Field(default=64, ge=32, le=4096)
    """Characters."""

    @field_validator("connection")
    @classmethod
    def _says_where_and_who(cls, connection: str | None) -> str | None:
        parts = urlsplit(connection or "postgresql://user@host")
        if parts.scheme not in ("postgresql", "postgres") or not parts.username or not parts.hostname:
            raise ValueError("is not of the form postgresql://USER@HOST:PORT/DATABASE")
        if parts.password is not None:
            raise ValueError("holds a password, which belongs into the secret alone")
        return connection

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        for word in sorted(self.model_fields_set - {"kind"} - _WORDS[self.kind]):
            raise ValueError(f"{word} does not go with {self.kind}")
        if self.kind == "postgresql-alternating" and not self.admin:
            raise ValueError("admin is missing: the secret of who may make users")
        return self
