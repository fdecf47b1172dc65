"""From `[rotation.NAME]` to what is rotated: which provider of the chain, which secret, in which way."""

from __future__ import annotations

import re
from datetime import timedelta

from estate_config.chains import declared, link_to
from estate_config.contract import Prober, Rotator
from estate_config.environments import Environment, Estate
from estate_config.errors import ConfigurationError
from estate_config.model import Key
from estate_config.resolve import Link
from estate_config.rotation.steps import Rotation
from estate_config.rotation.ways import way_of
from estate_config.schema import Setting
from estate_config.services import schema_of

_LOGICAL = re.compile(r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*")
"""What else is written in `[rotation]` is an address: an ARN, `rds!db-…`."""


def rotation_of(estate: Estate, chosen: Environment, name: str) -> Rotation:
    """Return how a secret that `[rotation]` lists is rotated in an environment. The caller closes its provider.

    Raises `ConfigurationError` where no provider of the chain can rotate, or where one cannot be built.
    """
    table = estate.table.rotation[name]
    is_handed_over = table.kind != "postgresql-single"  # a single user's old password is refused at once
    return Rotation(
        name=name,
        environment=chosen.name,
        link=_rotating_link(estate, chosen),
        key=_key(name),
        way=way_of(table),
        admin=_key(table.admin) if table.admin else None,
        hand_over=timedelta(seconds=table.hand_over if is_handed_over else 0),
        seconds=chosen.deadline,
    )


def refuse_unfit(estate: Estate, name: str) -> None:
    """Raise `ConfigurationError` where a generated value would not have the length that a schema asks for.

    A service that cannot be imported here is not asked: `estate check` says why.
    """
    table = estate.table.rotation[name]
    if table.kind != "generated":
        return
    for service in estate.table.services:
        try:
            settings = declared(schema_of(estate, service))
        except ConfigurationError:
            continue
        for item in settings:
            least, most = (_limit(item, word) for word in ("min_length", "max_length"))
            if item.name == name and not (least or 0) <= table.length <= (most or table.length):
                words = " and ".join(
                    f"at {side} {n}" for side, n in (("least", least), ("most", most)) if n is not None
                )
                message = f"{name} would get {table.length} characters, and {item.field} of {service} takes {words}"
                raise estate.error(message, f'set length under [rotation."{name}"]')


def _limit(item: Setting, word: str) -> int | None:
    return next((one for mark in item.info.metadata if (one := getattr(mark, word, None)) is not None), None)


def _key(name: str) -> Key:
    return Key(name, name, address=None if _LOGICAL.fullmatch(name) else name)


def _rotating_link(estate: Estate, chosen: Environment) -> Link:
    for entry in chosen.chain:
        link = link_to(entry.provider, estate, chosen)
        offered = {Rotator, Prober} <= set(link.spec.offers)
        if offered and isinstance(link.provider, Rotator) and isinstance(link.provider, Prober):
            return link
    chain = ", ".join(map(str, chosen.chain))
    message = f"no provider in the chain of {chosen.name} can rotate: {chain}"
    raise estate.error(message, "name an environment whose chain has aws: --env NAME")
