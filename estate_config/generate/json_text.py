"""The document as JSON, for programs: everything the pages show, with stable names."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from pydantic_core import to_jsonable_python

from estate_config.generate.catalogue import (
    Catalogue,
    EnvironmentEntry,
    LookedFor,
    SecretEntry,
    ServiceEntry,
    SettingEntry,
)


def json_text(catalogue: Catalogue, mark: str) -> str:
    """Return the document, ending in a newline; `mark` says how it was made. Durations are in ISO 8601."""
    document = {
        "generated": mark,
        "environment_variables": list(catalogue.environment_variables),
        "environments": [_environment(entry) for entry in catalogue.environments],
        "services": [_service(service) for service in catalogue.services],
        "secrets": [_secret(secret) for secret in catalogue.secrets],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def _environment(environment: EnvironmentEntry) -> dict[str, Any]:
    return {
        "name": environment.name,
        "default": environment.is_default,
        "deadline_seconds": environment.deadline,
        "chain": [
            {
                "provider": link.provider,
                "title": link.title,
                "next_on": [code.value for code in link.next_on],
                "secrets_only": link.secrets_only,
            }
            for link in environment.chain
        ],
    }


def _service(service: ServiceEntry) -> dict[str, Any]:
    return {
        "name": service.name,
        "schema": service.target,
        "summary": service.summary,
        "secrets": list(dict.fromkeys(entry.name for entry in service.secrets)),
        "settings": [_setting(entry) for entry in service.settings],
    }


def _setting(entry: SettingEntry) -> dict[str, Any]:
    return {
        "field": entry.field,
        "name": entry.name,
        "secret": entry.secret,
        "type": entry.type,
        "constraints": list(entry.constraints),
        "required": entry.required,
        "default": entry.default,
        "description": entry.description,
        "owner": entry.owner,
        "rotates": _duration(entry.rotates),
        "max_stale": _duration(entry.max_stale),
        "allow_empty": entry.allow_empty,
        "examples": list(entry.examples),
        "built_from": list(entry.parts),
        "environments": {name: _looked_for(looked_for) for name, looked_for in entry.looked_for.items()},
    }


def _looked_for(looked_for: LookedFor) -> dict[str, Any]:
    return {
        "looked_for": [
            {"provider": stop.provider, "place": stop.place, "fix": stop.fix, "change": stop.change}
            for stop in looked_for.stops
        ],
        "absent": looked_for.absent,
        "absent_words": looked_for.absent_words,
    }


def _secret(secret: SecretEntry) -> dict[str, Any]:
    return {
        "name": secret.name,
        "readers": [{"service": entry.service, "field": entry.field} for entry in secret.readers],
        "places": [
            {
                "environment": place.environment,
                "provider": place.provider,
                "place": place.place,
                "services": list(place.services),
            }
            for place in secret.places
        ],
    }


def _duration(value: timedelta | None) -> Any:
    return to_jsonable_python(value)
