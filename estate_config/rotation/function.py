"""The rotation function: AWS Secrets Manager calls it once for each step."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace

from estate_config import environments
from estate_config.environments import Estate
from estate_config.errors import Code
from estate_config.loading import close_all
from estate_config.model import Failed
from estate_config.resolve import place_of
from estate_config.rotation.choosing import rotation_of
from estate_config.rotation.steps import Rotation, Step, perform, standing

log = logging.getLogger("estate_config")

_STEPS = {f"{step}Secret": step for step in Step}
"""`createSecret`, `setSecret`, `testSecret`, `finishSecret`."""
_SUFFIX = 7
"""Characters that AWS puts after a secret's name in its ARN: a hyphen, and six more."""


def handler(event: Mapping[str, str], context: object) -> None:
    """Do the step that the event asks for. Raises `RuntimeError` with what is wrong: AWS then tries it again.

    The environment is that of `estate.toml` and its variables, in the function's own folder.
    """
    del context
    step, token = _STEPS.get(event["Step"]), event["ClientRequestToken"]
    if step is None:
        raise RuntimeError("the event names a step that is not known")
    rotation = _asked_for(environments.read(), event["SecretId"])
    try:
        failed = _not_meant(rotation, token) or perform(rotation, step, token)
    finally:
        close_all([rotation.link])
    log.info("%s: %s for version %s: %s", rotation.name, step, token, failed.code if failed else "done")
    if failed is not None:
        raise RuntimeError(f"{failed.code} {rotation.name} {failed.hint}. {failed.fix}")


def _asked_for(estate: Estate, secret: str) -> Rotation:
    """Return the rotation of the secret with this ARN. Raises `RuntimeError` if `[rotation]` has none."""
    chosen = estate.choose()
    name = secret.partition(":secret:")[2][:-_SUFFIX]
    for listed in estate.table.rotation:
        rotation = rotation_of(estate, chosen, listed)
        if place_of(rotation.link, rotation.key).text in (secret, secret[:-_SUFFIX], name):
            return replace(rotation, key=replace(rotation.key, address=secret))
    raise RuntimeError(f"{estate.source} has no [rotation] for {secret}: add one")


def _not_meant(rotation: Rotation, token: str) -> Failed | None:
    """Return why the event is not from a rotation that AWS has begun, as AWS's own functions look."""
    stands = standing(rotation)
    if isinstance(stands, Failed):
        return stands
    if not stands.rotated:
        return Failed(
            Code.DENIED, "is not rotated by AWS on a schedule", "aws secretsmanager rotate-secret turns it on"
        )
    if token in (stands.pending, stands.current):
        return None
    return Failed(Code.DENIED, f"does not have the version {token} as AWSPENDING", "let AWS call this function")
