"""From a key to a secret: its name or ARN, the version that is asked for, and the member of its JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from estate_config.errors import Code
from estate_config.model import Failed, Key
from estate_config.payload import split_member

_NAME = r"[A-Za-z0-9/_+=.@!-]{1,512}"
"""A secret's name, by CreateSecret's documentation; `!` is in the names that AWS gives to secrets of RDS."""
_ARN = re.compile(
    rf"arn:(?P<partition>aws[a-z-]*):secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{{12}}):secret:(?P<name>{_NAME})"
)
_VERSION = re.compile(r"stage=(?P<stage>.{1,256})|version=(?P<version>.{32,64})")
"""The lengths are those of `VersionStage` and `VersionId` of GetSecretValue."""
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")
"""What AWS puts after a secret's name in its ARN."""


@dataclass(frozen=True, slots=True)
class Address:
    """One version of one secret, and the member of its JSON."""

    secret: str
    """Its name, or its ARN with or without the six characters at the end."""
    stage: str | None = None
    version: str | None = None
    member: str | None = None

    @property
    def whole(self) -> Address:
        """The secret with all its members: what one read gives."""
        return replace(self, member=None)

    @property
    def is_current(self) -> bool:
        """Whether it is the version that AWS gives to who asks for none."""
        return self.stage is None and self.version is None

    @property
    def text(self) -> str:
        """The address as a person writes it in a schema."""
        stage = "" if self.stage is None else f"?stage={self.stage}"
        version = "" if self.version is None else f"?version={self.version}"
        member = "" if self.member is None else f"#{self.member}"
        return f"{self.secret}{stage}{version}{member}"

    @property
    def name(self) -> str:
        """The name, also where the ARN was given."""
        found = _ARN.fullmatch(self.secret)
        return _SUFFIX.sub("", found["name"]) if found else self.secret

    @property
    def is_arn(self) -> bool:
        return self.secret.startswith("arn:")

    @property
    def may_be_whole(self) -> bool:
        """Whether it is an ARN that ends in six characters: AWS has put them there, or they are of the name itself."""
        return self.is_arn and self.name != self.secret.rpartition(":")[2]

    def copy_in(self, region: str) -> Address:
        """The address of a replica, whose ARN differs in its region only. A name is the same everywhere."""
        arn = _ARN.fullmatch(self.secret)
        if arn is None:
            return self
        return replace(self, secret=f"{self.secret[: arn.start('region')]}{region}{self.secret[arn.end('region') :]}")

    def part(self, name: str) -> str | None:
        """Return `partition`, `region` or `account` of an ARN; None for a name."""
        found = _ARN.fullmatch(self.secret)
        return found[name] if found else None


def address_of(key: Key, prefix: str) -> Address | Failed:
    """Return where a key is: derived (`database/url` → prefix + `database/url`), or as given.

    Given addresses: a name or an ARN, then `?stage=AWSPREVIOUS` or `?version=ID`, then `#member`. Neither `?` nor `#`
    can be in a name, so each address has one reading. A key's own stage replaces that of its address; one version stays
    that version.
    """
    place, member = (prefix + key.name, None) if key.address is None else split_member(key.address)
    secret, question, query = place.partition("?")
    version = _VERSION.fullmatch(query)
    if question and version is None:
        return _malformed(f"{place!r} has neither stage=… nor version=… after its ?", "NAME?stage=AWSPREVIOUS")
    if member == "":
        return _malformed(f"{key.address!r} names no member after its #", "NAME#password")
    if secret.startswith("arn:") and not _ARN.fullmatch(secret):
        arn = "arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME-AbCdEf"
        return _malformed(f"{secret!r} is no ARN of a secret", arn)
    if not secret.startswith("arn:") and not re.fullmatch(_NAME, secret):
        return _malformed(f"{secret!r} is no name of a secret", "letters, digits and /_+=.@!-, 512 at most")
    asked = version if key.stage is None or (version and version["version"]) else _asked_for(key.stage)
    if key.stage and asked is None:
        return _malformed(f"{key.stage!r} is neither a stage nor version=…", "AWSPENDING, version=ID")
    return Address(secret, asked and asked["stage"], asked and asked["version"], member)


def _asked_for(stage: str) -> re.Match[str] | None:
    return _VERSION.fullmatch(stage if stage.startswith("version=") else f"stage={stage}")


def _malformed(hint: str, form: str) -> Failed:
    return Failed(Code.MALFORMED, hint, f"correct the address in the schema: {form}")


def same_secret(asked: str, arn: str, name: str) -> bool:
    """Whether a name or an ARN, as it was asked for, is this secret."""
    return asked in (arn, name) or (asked.startswith("arn:") and asked == _SUFFIX.sub("", arn))
