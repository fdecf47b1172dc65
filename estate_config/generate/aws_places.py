"""The secrets of AWS Secrets Manager that a catalogue's services read, out of the texts of their places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from estate_config.generate.catalogue import Catalogue, EnvironmentEntry, PlaceEntry
from estate_config.generate.files import RefusedError

PROVIDER = "aws"
ACCESS_POLICY = "estate-secrets-manager-access"
"""The policy of the whole estate, for a node group's role."""
UNKNOWN_REGION = "REGION"
"""What stands for the region where `estate.toml` does not say it."""

_NAME = r"[A-Za-z0-9/_+=.@!-]{1,512}"
"""A secret's name, by CreateSecret's documentation. In a policy, a `*` or a `?` would mean other secrets too."""
_ARN = re.compile(
    rf"arn:(?P<partition>[a-z-]+):secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{{12}}):secret:{_NAME}"
)
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
"""What AWS puts after a secret's name in its ARN."""


@dataclass(frozen=True, slots=True)
class Place:
    """A secret and all who read it; versions and members are left aside."""

    secret: str
    """Its name, or the ARN of another account's secret."""
    entries: tuple[PlaceEntry, ...]

    @property
    def is_arn(self) -> bool:
        return self.secret.startswith("arn:")

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(service for entry in self.entries for service in entry.services))


@dataclass(frozen=True, slots=True)
class EventsQueue:
    """The queue that EventBridge tells of changes."""

    name: str
    arn: str


@dataclass(frozen=True, slots=True)
class FileKey:
    """The KMS key of the last known good."""

    home: str
    """The beginning of its ARN, if `estate.toml` says it: `arn:aws:kms:REGION:ACCOUNT`."""
    number: str
    """Its id; `*` where it is known by its alias."""
    alias: str
    """`alias/estate-cache`; "" where it is known by its id."""


def aws_places(catalogue: Catalogue, environment: str) -> tuple[Place, ...]:
    """Return every secret that is read in an environment, in order of first use.

    Raises `RefusedError` for a place that is no secret's.
    """
    entries: dict[str, list[PlaceEntry]] = {}
    for entry in catalogue.places(environment, PROVIDER):
        entries.setdefault(secret_at(entry.place), []).append(entry)
    return tuple(Place(secret, tuple(found)) for secret, found in entries.items())


def secret_at(place: str) -> str:
    """Return the name or the ARN of the secret at a place. Raises `RefusedError` where it is neither."""
    secret = re.split(r"[?#]", place, maxsplit=1)[0]  # neither can be in a name
    if _ARN.fullmatch(secret) or re.fullmatch(_NAME, secret):
        return secret
    raise RefusedError(f"{secret!r} is no name of a secret, and no ARN of one", "correct the address in the schema")


def regions_of(environment: EnvironmentEntry) -> tuple[str, ...]:
    """Return the region that is read from, `UNKNOWN_REGION` where nothing says it, then those of the replicas."""
    link = environment.link(PROVIDER)
    options = link.options if link is not None else {}
    asked = options.get("regions") or [options.get("region", UNKNOWN_REGION)]
    return tuple(dict.fromkeys([*asked, *options.get("replica_regions", ())]))


def events_queue(environment: EnvironmentEntry) -> EventsQueue | None:
    """Return the queue that services listen to, if `estate.toml` names one: it is in the region that is read from."""
    link = environment.link(PROVIDER)
    url = link.options.get("events_queue_url") if link is not None else None
    if url is None:
        return None
    region = regions_of(environment)[0]
    *_, account, name = url.split("/")
    return EventsQueue(name, f"arn:{partition(region)}:sqs:{region}:{account}:{name}")


def readers_of(places: Iterable[Place]) -> tuple[str, ...]:
    """Return the services that read any of these secrets, in order of first use."""
    return tuple(dict.fromkeys(service for place in places for service in place.services))


def file_key(environment: EnvironmentEntry) -> FileKey | None:
    """Return the key of the last known good, if it is one of KMS."""
    kind, _, named = environment.file_key.partition(":")
    if kind != PROVIDER:
        return None
    home, _, name = named.rpartition(":")
    return FileKey(home, "*", name) if name.startswith("alias/") else FileKey(home, name.removeprefix("key/"), "")


def resources(secret: str, regions: tuple[str, ...], account: str) -> Iterator[tuple[str, str]]:
    """Yield a region and the secret's ARN in it, as a policy names it: six `?` for the six characters that AWS adds.

    A secret that is named by its ARN is in the region that this says. One that ends in six characters may be whole, or
    that of a name which ends so: then both are yielded.
    """
    arn = _ARN.fullmatch(secret)
    if arn is not None:
        if _SUFFIX.search(secret):
            yield arn["region"], secret
        yield arn["region"], f"{secret}-??????"
        return
    for region in regions:
        yield region, f"arn:{partition(region)}:secretsmanager:{region}:{account}:secret:{secret}-??????"


def partition(region: str) -> str:
    """Return what an ARN of the region has after `arn:`. The providers have the same, and the core imports none."""
    if region.startswith("us-gov-"):
        return "aws-us-gov"
    return {"cn": "aws-cn", "eusc": "aws-eusc"}.get(region.partition("-")[0], "aws")
