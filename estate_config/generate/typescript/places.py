"""Environments, and where each has a setting, as data of TypeScript: what `estate.toml` and the providers say."""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import Any

from pydantic_core import PydanticUndefined

from estate_config.describe import declared
from estate_config.generate.catalogue import Catalogue, ChainLink, EnvironmentEntry, ServiceEntry, SettingEntry, Stop
from estate_config.naming import variable_name
from estate_config.schema import default_of
from estate_config.shapes import Shape

Data = dict[str, Any]


def environments(catalogue: Catalogue) -> Data:
    """Return the environments of `estate.toml` with their chains."""
    return {environment.name: _environment(environment) for environment in catalogue.environments}


def _environment(environment: EnvironmentEntry) -> Data:
    return _some(
        deadline=environment.deadline,
        forbidExamples=environment.forbid_examples,
        chain=[_link(link) for link in environment.chain],
    )


NOT_IN_TYPESCRIPT = ("regions", "replica_regions", "events_queue_url")
"""Options of `aws` that change nothing in what a service in Node.js reads: it reads once, and asks one region."""


def _link(link: ChainLink) -> Data:
    options = dict(link.options)
    if link.provider == "aws":
        home = options.get("regions", ())[:1]
        options = {name: value for name, value in options.items() if name not in ("prefix", *NOT_IN_TYPESCRIPT)}
        if home:
            options["region"] = home[0]
    return _some(
        provider=link.provider, title=link.title, nextOn=[code.value for code in link.next_on], options=options
    )


def settings(service: ServiceEntry) -> list[Data]:
    """Return the settings of a service, and what each environment asks for them."""
    in_templates = {part for entry in service.settings for part in entry.parts}
    return [_setting(entry, in_template=entry.field in in_templates) for entry in service.settings]


def _setting(entry: SettingEntry, *, in_template: bool) -> Data:
    item = entry.setting
    default = default_of(item) if in_template else None
    has_default = default is not None and default is not PydanticUndefined
    examples = [hashlib.sha256(str(example).encode()).hexdigest() for example in item.info.examples or ()]
    return {
        **_some(field=entry.field, secret=entry.secret, required=item.required, allowEmpty=entry.allow_empty),
        "declared": declared(item.info),
        **_some(binary=item.shape is Shape.BINARY),
        **({} if entry.providers is None else {"providers": list(entry.providers)}),
        **_some(template=entry.template),
        **({"defaultText": str(default.value if isinstance(default, Enum) else default)} if has_default else {}),
        **_some(optionalParents=[".".join(path) for path in item.optional_parents]),
        **_some(examples=examples if entry.secret else []),
        "places": {
            environment: {stop.provider: _asked(stop) for stop in found.stops}
            for environment, found in entry.looked_for.items()
        },
    }


def _asked(stop: Stop) -> str:
    """What a provider is asked for: a variable, the address of a secret, a field."""
    match stop.provider:
        case "dotenv":
            return variable_name(stop.key.name) if stop.key.address is None else stop.key.address
        case "fixture":
            return stop.key.field
        case _:
            return stop.place


def _some(**members: Any) -> Data:
    """Return the members that say something."""
    return {name: value for name, value in members.items() if value not in (None, False, "", [], {})}
