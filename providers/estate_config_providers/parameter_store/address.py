"""From a key to a parameter: its name or ARN, a version or label of it, and the member of its JSON."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from estate_config.errors import Code
from estate_config.model import Failed, Key
from estate_config.payload import split_member

_NAME = r"(?:/[A-Za-z0-9_.-]+)+|[A-Za-z0-9_.-]+"
"""A parameter's name: one with a path begins with `/` (PutParameter's documentation)."""
_ARN = r"arn:aws[a-z-]*:ssm:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):parameter"
_PARAMETER = re.compile(rf"(?:{_ARN}/[A-Za-z0-9_./-]+|{_NAME})(?::(?P<selector>[A-Za-z0-9_.-]{{1,100}}))?")
"""A label has 100 characters at most (LabelParameterVersion's documentation)."""
_LONGEST = 2048
"""Characters of a name or an ARN, by the API's model."""


@dataclass(frozen=True, slots=True)
class Address:
    """One version of one parameter, and the member of its JSON."""

    parameter: str
    """Its name, or its ARN."""
    selector: str | None = None
    """A version's number or a label; None: the latest version."""
    member: str | None = None

    @property
    def whole(self) -> Address:
        """The parameter with all its members: what one read gives."""
        return replace(self, member=None)

    @property
    def asked(self) -> str:
        """What GetParameters is asked for."""
        return self.parameter if self.selector is None else f"{self.parameter}:{self.selector}"

    @property
    def text(self) -> str:
        """The address as a person writes it in a schema."""
        return self.asked if self.member is None else f"{self.asked}#{self.member}"

    @property
    def path(self) -> str:
        """The name without its first `/`, also where the ARN was given: what an ARN has after `parameter/`."""
        return path_of(self.parameter)

    @property
    def names(self) -> tuple[str, ...]:
        """The names that it may have: an ARN does not say whether one without a path begins with `/`."""
        if not self.parameter.startswith("arn:"):
            return (self.parameter,)
        return (f"/{self.path}",) if "/" in self.path else (self.path, f"/{self.path}")

    def part(self, name: str) -> str | None:
        """Return `region` or `account` of an ARN; None for a name."""
        found = _PARAMETER.fullmatch(self.parameter)
        return found[name] if found else None


def address_of(key: Key, prefix: str) -> Address | Failed:
    """Return where a key is: derived (`database/url` → `/` + prefix + `database/url`), or as given.

    Given addresses: a name or an ARN, then `:3` or `:label`, then `#member`. Neither `:` nor `#` can be in a name.
    """
    if key.address is None:
        place, member = "/" + (prefix + key.name).removeprefix("/"), None
    else:
        place, member = split_member(key.address)
    found = _PARAMETER.fullmatch(place)
    if found is None or len(place) > _LONGEST:
        return _malformed(f"{place!r} is no name of a parameter", "/PATH/NAME:LABEL#MEMBER")
    if member == "":
        return _malformed(f"{key.address!r} names no member after its #", "/PATH/NAME#password")
    selector = found["selector"]
    return Address(place if selector is None else place.removesuffix(f":{selector}"), selector, member)


def _malformed(hint: str, form: str) -> Failed:
    return Failed(Code.MALFORMED, hint, f"correct the address in the schema: {form}")


def path_of(parameter: str) -> str:
    """Return the name of a parameter without its first `/`, from its name or its ARN."""
    return parameter.partition(":parameter/")[2] if parameter.startswith("arn:") else parameter.removeprefix("/")
