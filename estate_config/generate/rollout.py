"""What a roll-out asks of AWS Secrets Manager: calls against its quotas, and the cost of a month."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from estate_config.generate.catalogue import Catalogue

BATCH = 20
"""Ids of one BatchGetSecretValue at most."""
BATCHES_PER_SECOND = 100
"""BatchGetSecretValue, per account and region (docs.aws.amazon.com/secretsmanager, reference_limits; read 2026-11)."""
GETS_PER_SECOND = 10_000
"""GetSecretValue, as above."""
SECRET_A_MONTH = 0.40
"""US dollars (aws.amazon.com/secrets-manager/pricing; read 2026-11). A replica costs as much as a secret."""
TEN_THOUSAND_CALLS = 0.05
"""US dollars, as above. A batch is counted as one call; whether AWS does so is not documented."""
_DAYS = 30


@dataclass(frozen=True, slots=True)
class Start:
    """What one start of one pod reads."""

    service: str
    secrets: int
    batches: int
    gets: int

    @property
    def calls(self) -> int:
        return self.batches + self.gets


@dataclass(frozen=True, slots=True)
class Rollout:
    """All pods of all services starting within one second, which is the worst that can be."""

    environment: str
    pods: int
    """Of each service."""
    starts: tuple[Start, ...]
    secrets: int
    """Secrets that are read, each once whoever reads it."""

    @property
    def batches(self) -> int:
        return self.pods * sum(start.batches for start in self.starts)

    @property
    def gets(self) -> int:
        return self.pods * sum(start.gets for start in self.starts)

    @property
    def seconds(self) -> float:
        """Seconds over which the starts have to be spread so that no quota is passed."""
        return max(1.0, self.batches / BATCHES_PER_SECOND, self.gets / GETS_PER_SECOND)

    @property
    def cost(self) -> float:
        """US dollars a month, with a roll-out a day."""
        return _cost(self.secrets, self.batches + self.gets)

    @property
    def cost_as_documents(self) -> float:
        """The same if each service's secrets were members of one JSON secret: one get a start."""
        services = sum(start.secrets > 0 for start in self.starts)
        return _cost(services, self.pods * services)

    def advice(self) -> Iterator[str]:
        """Yield what to change, or that nothing needs to be."""
        if self.seconds > 1:
            pods = math.floor(self.pods * len(self.starts) / self.seconds)
            yield f"spread the starts over {math.ceil(self.seconds)} seconds: {pods} pods a second, by maxSurge say"
        if self.batches:
            yield "throttled starts are not failed starts: they go on with single gets, a hundred times the quota"
        saved = self.cost - self.cost_as_documents
        if saved > 0:
            yield (
                f"one JSON secret for each service saves ${saved:.2f} a month, and a get has a hundred times the quota "
                "of a batch; a secret that two services read would then stand, and be rotated, twice"
            )

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON-ready data; dollars as numbers."""
        return {
            **asdict(self),
            "batches": self.batches,
            "gets": self.gets,
            "seconds": round(self.seconds, 1),
            "cost": round(self.cost, 2),
            "cost_as_documents": round(self.cost_as_documents, 2),
            "advice": list(self.advice()),
        }


def rollout(catalogue: Catalogue, environment: str, pods: int) -> Rollout:
    """Return what `pods` pods of each service ask of AWS at their start. Nothing is contacted."""
    places = {
        service.name: [
            stop.place
            for item in service.settings
            for stop in item.looked_for[environment].stops
            if stop.provider == "aws"
        ]
        for service in catalogue.services
    }
    secrets = {_whole(place).partition("?")[0] for found in places.values() for place in found}
    return Rollout(environment, pods, tuple(_start(name, found) for name, found in places.items()), len(secrets))


def _start(service: str, places: Iterable[str]) -> Start:
    wanted = set(map(_whole, places))
    current = sum("?" not in place for place in wanted)
    batches, rest = divmod(current, BATCH)
    gets = len(wanted) - current
    return Start(service, len(wanted), batches + (rest > 1), gets + (rest == 1))


def _whole(place: str) -> str:
    return place.partition("#")[0]


def _cost(secrets: int, calls: int) -> float:
    return secrets * SECRET_A_MONTH + calls * _DAYS / 10_000 * TEN_THOUSAND_CALLS
