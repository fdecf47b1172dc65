"""Writing parameters: what is missing is made, what differs gets a new version, what is the same is left alone.

Nothing here raises: there are values in every frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from estate_config.errors import Code
from estate_config.model import Deadline, Failed, Key
from estate_config.parallel import at_once
from estate_config.payload import with_members
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.connection import Connection
from estate_config_providers._aws.patience import patiently
from estate_config_providers.parameter_store.address import Address
from estate_config_providers.parameter_store.describing import describe
from estate_config_providers.parameter_store.reading import Answer, Held, read
from estate_config_providers.parameter_store.words import Words

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient
    from mypy_boto3_ssm.type_defs import PutParameterResultTypeDef

_STANDARD, _ADVANCED = 4096, 8192
"""Characters of a value at most, by tier (PutParameter's documentation)."""
_AT_ONCE = 2
"""Writes share the quota of calls with every reader, and there is no hurry."""


@dataclass(frozen=True, slots=True)
class Value:
    """A value on its way to one parameter, out of sight."""

    text: str = field(repr=False)
    secret: bool
    current: Held | None


def write(
    ssm: Connection[SSMClient], values: Mapping[Key, tuple[Address, str | bytes]], words: Words, deadline: Deadline
) -> dict[Key, Failed]:
    """Write each value to its address, members of one parameter together; return those that failed."""
    groups: dict[Address, dict[Key, tuple[Address, str | bytes]]] = {}
    for key, (address, value) in values.items():
        groups.setdefault(address.whole, {})[key] = (address, value)
    current = read(ssm, groups, deadline)
    ready = {whole: _value(whole, group, current[whole], words) for whole, group in groups.items()}
    new = {whole: value for whole, value in ready.items() if isinstance(value, Value)}
    failed = {whole: value for whole, value in ready.items() if isinstance(value, Failed)}
    failed |= _put_all(ssm, new, words, deadline)
    return {key: failed[whole] for whole, group in groups.items() if whole in failed for key in group}


def _value(
    whole: Address, group: Mapping[Key, tuple[Address, str | bytes]], current: Answer, words: Words
) -> Value | Failed | None:
    """Return what to write, None if it is there already."""
    if whole.selector is not None or whole.parameter.startswith("arn:"):
        hint = "names a version or an ARN: only a name can be written, and gets a new version"
        return Failed(Code.MALFORMED, hint, "name the parameter in the schema, without its version")
    if isinstance(current, Trouble):
        return words.failed(current, whole)
    held = current if isinstance(current, Held) else None
    text = _text(group, held)
    if isinstance(text, Failed):
        return replace(text, fix=text.fix or words.put(whole))
    if held is not None and held.value == text:
        return None
    secret = any(key.secret for key in group)
    if held is not None and secret and held.kind != "SecureString":
        return words.unencrypted(whole)
    return Value(text, secret, held)


def _text(group: Mapping[Key, tuple[Address, str | bytes]], held: Held | None) -> str | Failed:
    """Return the text of a parameter: the one value, or the members written into the JSON that is there."""
    texts: dict[str | None, str] = {}
    for address, value in group.values():
        try:
            text = value if isinstance(value, str) else value.decode()
        except UnicodeDecodeError:
            return Failed(Code.MALFORMED, "is not text in UTF-8, and a parameter holds text only", "keep it in a file")
        if texts.setdefault(address.member, text) != text or (None in texts and len(texts) > 1):
            return Failed(Code.MALFORMED, "is given two values at once", "let the fields have different addresses")
    members = {member: text for member, text in texts.items() if member is not None}
    whole = texts[None] if None in texts else with_members(None if held is None else held.value, members)
    if isinstance(whole, Failed):
        return whole
    if not whole:
        return Failed(Code.MALFORMED, "is empty, and a parameter cannot be", "leave it out of what is pushed")
    return whole if len(whole) <= _ADVANCED else _too_long(whole)


def _too_long(text: str) -> Failed:
    hint = f"has {len(text):,} characters: a standard parameter takes {_STANDARD:,}, an advanced one {_ADVANCED:,}"
    advanced = "aws ssm put-parameter --tier Advanced …   # it costs money, and cannot be made standard again"
    fix = advanced if len(text) <= _ADVANCED else "keep it in AWS Secrets Manager, which takes 65,536 bytes"
    return Failed(Code.MALFORMED, hint, fix)


def _put_all(
    ssm: Connection[SSMClient], values: Mapping[Address, Value], words: Words, deadline: Deadline
) -> dict[Address, Failed]:
    # Named no key, AWS may encrypt with its own: what is encrypted with a key of the account's has to stay so.
    encrypted = [one for one, value in values.items() if value.current and value.current.kind == "SecureString"]
    seen = describe(ssm, encrypted, deadline)
    unseen = {one: words.failed(it, one, "DescribeParameters") for one, it in seen.items() if isinstance(it, Trouble)}
    keys = {one: it.get("KeyId") for one, it in seen.items() if it is not None and not isinstance(it, Trouble)}
    ready = [one for one in values if one not in unseen]
    done = at_once(lambda one: _put(ssm, one, values[one], keys.get(one), deadline), ready, deadline, _AT_ONCE)
    troubles = {one: done.get(one, Trouble(Cause.LATE)) for one in ready}
    return unseen | {one: _failed(it, one, values[one], words) for one, it in troubles.items() if it is not None}


def _put(
    ssm: Connection[SSMClient], address: Address, value: Value, key: str | None, deadline: Deadline
) -> Trouble | None:
    kind = value.current.kind if value.current is not None else "SecureString" if value.secret else "String"
    request: dict[str, Any] = {"Name": address.parameter, "Value": value.text, "Type": kind}
    request |= {"Overwrite": value.current is not None} | ({} if key is None else {"KeyId": key})

    def call(client: SSMClient) -> PutParameterResultTypeDef:
        return client.put_parameter(**request)

    reply = patiently(lambda: ssm.ask(call), lambda trouble: trouble.cause is Cause.THROTTLED, deadline)
    if isinstance(reply, Trouble) and reply.cause is Cause.EXISTS:  # the SDK sends again what was lost on the way back
        there = read(ssm, [address], deadline)[address]
        return None if isinstance(there, Held) and (there.kind, there.value) == (kind, value.text) else reply
    return reply if isinstance(reply, Trouble) else None


def _failed(trouble: Trouble, address: Address, value: Value, words: Words) -> Failed:
    if trouble.cause is Cause.MALFORMED and len(value.text) > _STANDARD:
        return _too_long(value.text)
    return words.failed(trouble, address, "PutParameter")
