"""Terraform for AWS Secrets Manager: secrets, key, replicas, rotation, the node policy, alarms. It holds no value."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from string import Formatter

from estate_config.generate import terraform_blocks as blocks
from estate_config.generate.aws_places import (
    ACCESS_POLICY,
    PROVIDER,
    FileKey,
    Place,
    aws_places,
    events_queue,
    file_key,
    partition,
    readers_of,
    regions_of,
)
from estate_config.generate.catalogue import Catalogue, EnvironmentEntry, SettingEntry
from estate_config.generate.choosing import environment_with
from estate_config.generate.iam import ACCOUNT, Document, policy
from estate_config.naming import variable_name
from estate_config.schema import sibling

_DATABASE = {"host": "address", "port": "port", "user": "master_username", "name": "db_name"}
"""The last word of a part of a database URL, and the attribute of the RDS instance that it is."""
_AWS_KEY = "alias/aws/secretsmanager"
"""The key that AWS manages, which each region has."""
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_MOST_DAYS = 999
_FEWEST_HOURS = 4
"""The limits of a `rate()`, by Secrets Manager's documentation of schedule expressions."""


@dataclass(frozen=True, slots=True)
class Url:
    """A secret that Terraform builds from the RDS instance and from other secrets."""

    secret: str
    expression: str
    """A string of HCL."""
    parts: Mapping[str, str]
    """The variables in it, and the secrets that they are."""


def terraform(catalogue: Catalogue, mark: str) -> str:
    """Return the file. Secrets of other accounts, named by an ARN, are not in it.

    Raises `RefusedError` where not exactly one environment has `aws` in its chain.
    """
    chosen = environment_with(catalogue, PROVIDER)
    environment, queue = chosen.name, events_queue(chosen)
    places = [place for place in aws_places(catalogue, environment) if not place.is_arn]
    urls = [url for place in places if (url := _url(place, catalogue, environment)) is not None]
    parts = {name: secret for url in urls for name, secret in url.parts.items()}
    texts = [
        f"# {mark}\n# No value is in this file, nor, thanks to write-only arguments, in Terraform's state.",
        blocks.VARIABLES.replace("REPLICAS", _replicas(regions_of(chosen)[1:])),
        *(blocks.VALUE_VARIABLE.replace("NAME", name).replace("SECRET", secret) for name, secret in parts.items()),
        *([blocks.DATABASE] if urls else []),
        _secrets(places),
        blocks.SECRETS,
        *(_version(name, secret, f"var.{name}") for name, secret in parts.items()),
        *(_version(variable_name(url.secret).lower(), url.secret, url.expression) for url in urls),
        blocks.ROTATION,
        *([] if queue is None else [blocks.CHANGES.replace("QUEUE", queue.name)]),
        _policy(places, chosen),
        blocks.ALARMS,
    ]
    return "\n\n".join(text.strip("\n") for text in texts) + "\n"


def node_policy(places: Sequence[Place], environment: EnvironmentEntry) -> Document:
    """Return the policy that the file deploys: as `iam` makes it, but for the keys, which are those of the file."""
    own, regions = [place for place in places if not place.is_arn], regions_of(environment)
    document = policy(own, environment, readers_of(own))
    keys = f"arn:{partition(regions[0])}:kms:*:{ACCOUNT}:key/*"
    via = [f"secretsmanager.{region}.amazonaws.com" for region in regions]
    decrypt = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": keys}
    condition = {"StringEquals": {"kms:ViaService": via}}
    others = [one for one in document["Statement"] if one["Action"] != "kms:Decrypt"]
    document["Statement"] = [*others, {**decrypt, "Condition": condition}]
    return document


def _url(place: Place, catalogue: Catalogue, environment: str) -> Url | None:
    """Return how a secret is built: from the first template of a URL whose every part is known here."""
    for entry in (reader for found in place.entries for reader in found.readers if found.place == place.secret):
        if "://" in entry.template:
            url = _built(place.secret, entry, catalogue, environment)
            if url is not None:
                return url
    return None


def _built(secret: str, entry: SettingEntry, catalogue: Catalogue, environment: str) -> Url | None:
    fields = {other.field: other for other in catalogue.service(entry.service).settings}
    variables: dict[str, str] = {}
    text = ""
    for literal, name, _, _ in Formatter().parse(entry.template):
        text += _quoted(literal)[1:-1]
        if name is None:
            continue
        part = fields[sibling(entry.setting, name)]
        own = _whole_secret(part, environment)
        attribute = _DATABASE.get(part.field.replace(".", "_").rpartition("_")[2])
        if own is not None:
            variables[variable_name(own).lower()] = own
            source = f"var.{variable_name(own).lower()}"
        elif attribute is not None and not part.secret:
            source = f"data.aws_db_instance.database.{attribute}"
        else:
            return None
        # urlencode() writes a space as +, which only a query may hold
        text += f'${{replace(urlencode({source}), "+", "%20")}}'
    return Url(secret, f'"{text}"', variables)


def _whole_secret(entry: SettingEntry, environment: str) -> str | None:
    """Return the name of the secret that is a setting's value as it is; None for a member of one, or for no secret."""
    places = [stop.place for stop in entry.looked_for[environment].stops if stop.provider == PROVIDER]
    return places[0] if entry.secret and places and not set("?#:") & set(places[0]) else None


def _replicas(regions: Sequence[str]) -> str:
    """Return the default of a variable; `terraform fmt` does not align what has several lines."""
    if not regions:
        return "default     = {}"
    width = max(map(len, regions)) + 2
    lines = [f"    {_quoted(region):<{width}} = {_quoted(_AWS_KEY)}" for region in regions]
    return "\n".join(["default = {", *lines, "  }"])


def _policy(places: Sequence[Place], environment: EnvironmentEntry) -> str:
    key = file_key(environment)
    keep = "" if key is None else _keep(key, environment.name, readers_of(places))
    listen = blocks.LISTEN if events_queue(environment) else ""
    return blocks.POLICY.replace("ACCESS_POLICY", ACCESS_POLICY).replace("LISTEN", listen).replace("KEEP", keep)


def _keep(key: FileKey, environment: str, services: Sequence[str]) -> str:
    own = f"replace(aws_kms_key.estate_secrets.arn, aws_kms_key.estate_secrets.key_id, {_quoted(key.number)})"
    alias = blocks.KEEP_ALIAS.replace("NAME", _quoted(key.alias)) if key.alias else ""
    filled = blocks.KEEP.replace("RESOURCE", _quoted(f"{key.home}:key/{key.number}") if key.home else own)
    filled = filled.replace("ALIAS", alias).replace("ENVIRONMENT", _quoted(environment))
    return filled.replace("SERVICES", ", ".join(map(_quoted, services)))


def _secrets(places: Sequence[Place]) -> str:
    lines = [line for place in places for line in _secret(place)]
    return "\n".join(["locals {", "  estate_secrets = {", *lines, "  }", "}"])


def _secret(place: Place) -> Iterable[str]:
    readers = [reader for entry in place.entries for reader in entry.readers]
    description = next((reader.description for reader in readers if reader.description), "")
    rotations = [reader.rotates for reader in readers if reader.rotates is not None]
    rate = f'"{_rate(min(rotations))}"' if rotations else "null"
    return (
        f"    {_quoted(place.secret)} = {{",
        f"      description = {_quoted(description)}",
        f"      rotation    = {rate}",
        "    }",
    )


def _rate(every: timedelta) -> str:
    """Return the schedule of a rotation, as often as the schema says, within what AWS takes."""
    if every < _DAY:
        return f"rate({max(every // _HOUR, _FEWEST_HOURS)} hours)"
    return f"rate({min(every // _DAY, _MOST_DAYS)} days)"


def _version(name: str, secret: str, expression: str) -> str:
    filled = blocks.VERSION.replace("NAME", name).replace("SECRET", _quoted(secret))
    return filled.replace("EXPRESSION", expression)


def _quoted(text: str) -> str:
    """Return a string of HCL that means the text, its `${` and `%{` included."""
    return json.dumps(text, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
