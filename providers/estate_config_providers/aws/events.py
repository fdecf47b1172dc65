"""What EventBridge tells of secrets, and which keys it is about. Pure: nothing is called here, and no body is shown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from estate_config.model import Key
from estate_config_providers.aws.address import Address, same_secret


@dataclass(frozen=True, slots=True)
class Moved:
    """AWSCURRENT of a secret is at another version."""

    arn: str
    name: str
    version: str
    at: str
    """In UTC, to the second: texts of this form sort as times do."""


class Other(Enum):
    """What else a message may be."""

    EVENT = "an event of another kind, or of another label"
    MALFORMED = "no event"


def event_in(body: str) -> Moved | Other:
    """Return what a message says; SNS may have wrapped it once more."""
    event = _json(body)
    if isinstance(event, dict) and event.get("Type") == "Notification":
        event = _json(event.get("Message"))
    match event:
        case {
            "source": "aws.secretsmanager",
            "detail-type": "Secret Label Updated",
            "time": str(at),
            "resources": [str(arn), *_],
            "detail": {"name": str(name), "labelUpdated": str(label), "versionId": str(version)},
        }:
            return Moved(arn, name, version, at) if label == "AWSCURRENT" else Other.EVENT
        case {"source": str(), "detail-type": str(kind)} if kind != "Secret Label Updated":
            return Other.EVENT
    return Other.MALFORMED


def changed(moves: Iterable[Moved], addresses: Mapping[Key, Address]) -> dict[Key, str | None]:
    """Return the keys that these events are about, each with the version to expect, None where no event says it."""
    expected: dict[Key, str | None] = {}
    for move in sorted(moves, key=lambda move: move.at):
        for key, address in addresses.items():
            if address.version is None and same_secret(address.secret, move.arn, move.name):
                if address.stage in (None, "AWSCURRENT"):
                    expected[key] = move.version
                elif address.stage == "AWSPREVIOUS":  # it goes where AWSCURRENT was
                    expected[key] = None
    return expected


def _json(text: object) -> Any:
    """Return what a text holds; None if it is no JSON."""
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None
