"""Writing secrets: what is missing is made, what differs gets a new version, what is the same is left alone.

Nothing here raises: there are values in every frame. A secret that is scheduled for deletion is not restored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Key
from estate_config.parallel import at_once
from estate_config.payload import part_of, with_members
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import patiently
from estate_config_providers.aws import mending
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.answering import Replies
from estate_config_providers.aws.looking import describe, explained, failed
from estate_config_providers.aws.mending import Site
from estate_config_providers.aws.reading import Held, read

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_LIMIT = 65_536
"""Bytes of a value at most, by the API's model."""
_AT_ONCE = 4
"""Writes have a quota of 50 a second in the whole account, and there is no hurry."""

Values = Mapping[Key, tuple[Address, str | bytes]]


def write(
    aws: Connection[SecretsManagerClient], values: Values, current: Replies, site: Site, deadline: Deadline
) -> dict[Key, Failed]:
    """Store each value at its address, given what is there now; return those that failed."""
    failed = {key: _A_VERSION for key, (address, _) in values.items() if not address.is_current}
    secrets = _secrets(aws, {address.whole for address, _ in values.values()}, current, site, deadline)
    groups: dict[str, dict[Key, tuple[Address, str | bytes]]] = {}
    for key, (address, value) in values.items():
        same = secrets[address.whole]
        if isinstance(same, Failed):
            failed.setdefault(key, same)
        elif key not in failed:
            groups.setdefault(same, {})[key] = (address, value)
    done = at_once(lambda same: _write(aws, groups[same], current, site, deadline), groups, deadline, _AT_ONCE)
    for same, group in groups.items():
        problem = done.get(same, Failed(Code.UNAVAILABLE, "was not written in time", "push again"))
        if problem is not None:
            failed |= dict.fromkeys(group, problem)
    return failed


_A_VERSION = Failed(Code.MALFORMED, "names a stage or a version, and neither can be written", "write to the secret")


def _secrets(
    aws: Connection[SecretsManagerClient], wholes: Iterable[Address], current: Replies, site: Site, deadline: Deadline
) -> dict[Address, str | Failed]:
    """Return which secret each address is of: by name and by ARN it is one, and is to be written once."""
    held = {one: now.arn if isinstance(now := current[one], Held) else one.secret for one in wholes}
    empty = [one for one in held if isinstance(current[one], Failed)]
    alike = [one for one in empty if any(one != other and _may_be_one(one, other) for other in empty)]
    seen = at_once(lambda one: describe(aws, one, deadline), alike, deadline, _AT_ONCE)
    told = {one: seen.get(one, Trouble(Cause.LATE)) for one in alike}
    return held | {one: _untold(it, one, site) if isinstance(it, Trouble) else it["ARN"] for one, it in told.items()}


def _may_be_one(one: Address, other: Address) -> bool:
    shorter, longer = sorted((it.secret.rpartition(":")[2] for it in (one, other)), key=len)
    return (one.is_arn or other.is_arn) and longer.startswith(shorter)  # AWS puts six characters after a name


def _untold(trouble: Trouble, address: Address, site: Site) -> Failed:
    fix = mending.allow(address, site, "DescribeSecret") if trouble.cause is Cause.DENIED else "push again"
    return Failed(trouble.cause.code, "has no value yet, and cannot be told from one that another field names", fix)


def _write(
    aws: Connection[SecretsManagerClient], group: Values, current: Replies, site: Site, deadline: Deadline
) -> Failed | None:
    """Write the values of one secret; return what went wrong."""
    address = next(iter(group.values()))[0].whole
    now = current[address]
    if isinstance(now, Failed) and now.code is not Code.NO_VALUE:
        return now
    payload = _payload(group.values(), now.value if isinstance(now, Held) else None)
    if isinstance(payload, Failed):
        return payload
    if isinstance(now, Held) and now.value == payload:
        return None
    if now is None and address.is_arn:
        hint = "does not exist, and what is made by name gets an ARN of its own"
        return Failed(Code.MISSING, hint, mending.create(address, site))
    trouble = _store(aws, address, now, payload, deadline)
    if trouble is not None and trouble.cause is Cause.EXISTS:  # made since it was looked for: perhaps by a lost answer
        there = read(aws, [address], deadline)[address]
        made = Failed(Code.UNAVAILABLE, "was made meanwhile, by somebody else", "push again")
        return None if isinstance(there, Held) and there.value == payload else made
    return None if trouble is None else refused(aws, address, trouble, site, deadline)


def _payload(group: Iterable[tuple[Address, str | bytes]], there: str | bytes | None) -> str | bytes | Failed:
    """Return what to store: the one value, or the members written into the JSON that is there."""
    parts: dict[str | None, str | bytes] = {}
    for address, value in group:
        if parts.setdefault(address.member, value) != value or (None in parts and len(parts) > 1):
            return Failed(Code.MALFORMED, "is given two values at once", "let the fields have different addresses")
    whole = parts.pop(None, None)
    payload = _merged(parts, there) if whole is None else whole
    if isinstance(payload, Failed):
        return payload
    size = len(payload.encode() if isinstance(payload, str) else payload)
    if size == 0:
        return Failed(Code.EMPTY, "is empty, and AWS stores no empty value", "leave it out, or give it a value")
    if size > _LIMIT:
        return Failed(Code.MALFORMED, f"has {size:,} bytes, and AWS stores {_LIMIT:,} at most", "store it elsewhere")
    return payload


def _merged(members: Mapping[str | None, str | bytes], there: str | bytes | None) -> str | Failed:
    fix = "give the member an address in another secret"
    if isinstance(there, bytes):
        return Failed(Code.MALFORMED, "holds bytes, so a member cannot be written into it", fix)
    texts = {}
    for name, value in members.items():
        text = part_of(value, None, binary=False)
        if not isinstance(text, str):
            return Failed(Code.MALFORMED, f"is not text in UTF-8, and cannot be the member {name!r} of a JSON", fix)
        texts[name or ""] = text
    merged = with_members(there, texts)
    return replace(merged, fix=fix) if isinstance(merged, Failed) else merged


def _store(
    aws: Connection[SecretsManagerClient],
    address: Address,
    now: Held | Failed | None,
    payload: str | bytes,
    deadline: Deadline,
) -> Trouble | None:
    """Make the secret or add a version, whichever it needs; where nobody may look whether it is there, both are tried.

    The SDK gives each call a random ClientRequestToken: however often it sends it, one version is made.
    """
    content: dict[str, Any] = {"SecretString" if isinstance(payload, str) else "SecretBinary": payload}

    def create(sm: SecretsManagerClient) -> Mapping[str, Any]:
        return sm.create_secret(Name=address.name, **content)

    def put(sm: SecretsManagerClient) -> Mapping[str, Any]:
        return sm.put_secret_value(SecretId=address.secret, **content)

    def ask(call: Callable[[SecretsManagerClient], Mapping[str, Any]]) -> Mapping[str, Any] | Trouble:
        return patiently(lambda: aws.ask(call), lambda trouble: trouble.cause is Cause.THROTTLED, deadline)

    done = ask(create if now is None else put)
    if isinstance(done, Trouble) and isinstance(now, Failed) and done.cause is Cause.NOT_FOUND:
        done = ask(create)
    if isinstance(done, Trouble):
        return done
    return None if "ARN" in done else Trouble(Cause.STRANGER)


def refused(
    aws: Connection[SecretsManagerClient], address: Address, trouble: Trouble, site: Site, deadline: Deadline
) -> Failed:
    """Return what stands behind a trouble with writing."""
    if trouble.cause is Cause.DENIED:
        return Failed(Code.DENIED, "may not be written by this identity", mending.allow_writing(address, site))
    if trouble.cause is Cause.KMS:
        seen = describe(aws, address, deadline)
        key = None if isinstance(seen, Trouble) else seen.get("KmsKeyId")
        hint = "cannot be encrypted: this identity may not use its KMS key, or the key is disabled"
        return Failed(Code.KMS, hint, mending.allow_key(address, site, key, "Decrypt", "GenerateDataKey"))
    found = explained(aws, address, trouble, site, deadline)
    return found or failed(trouble, address, site)
