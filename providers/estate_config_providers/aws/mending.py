"""What mends what: commands of AWS's own tool, and policy statements with the least that is needed. No value in any."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from estate_config_providers._aws import mending as shared
from estate_config_providers._aws.causes import Cause
from estate_config_providers.aws.address import Address
from estate_config_providers.aws.failures import SERVICE

_TYPED = "type the value, no Enter, then Ctrl-D twice"
"""How a value gets to a command that reads it from the keyboard: into no history, and into no list of processes."""


@dataclass(frozen=True, slots=True)
class Site:
    """Where commands and statements are for; what is not known is left out, or `*`."""

    region: str | None = None
    account: str | None = None
    role_arn: str | None = None

    def command(self, words: str, address: Address) -> str:
        region = address.part("region") or self.region
        return f"aws secretsmanager {words}" + (f" --region {region}" if region else "")

    def resources(self, address: Address) -> list[str]:
        """The secret's ARN for a policy: six `?` for the six characters that AWS adds, not `*` for any other secret.

        An ARN that ends in such six may be whole, or that of a name which ends so: then both are named.
        """
        region = self.region or "*"
        home = f"arn:{shared.partition(region)}:secretsmanager:{region}:{self.account or '*'}"
        arn = address.secret if address.is_arn else f"{home}:secret:{address.name}"
        return [arn, f"{arn}-??????"] if address.may_be_whole else [f"{arn}-??????"]


def put(address: Address, site: Site, when: str = "") -> str:
    """Return the command that puts a value into a secret that is there."""
    if address.version is not None:
        words = f"list-secret-version-ids --secret-id {shlex.quote(address.secret)}"
        return f"{site.command(words, address)}   # a version cannot be written: name one that is there"
    stage = "" if address.stage is None else f" --version-stages {shlex.quote(address.stage)}"
    words = f"put-secret-value --secret-id {shlex.quote(address.secret)}{stage}"
    return _with_value(site.command(words, address), address, when)


def create(address: Address, site: Site, when: str = "") -> str:
    """Return the command that makes a secret which is not there."""
    if address.may_be_whole:
        when += f"or --name {shlex.quote(address.secret.rpartition(':')[2])}, if that is its name; "
    return _with_value(site.command(f"create-secret --name {shlex.quote(address.name)}", address), address, when)


def make(address: Address, site: Site) -> str:
    """Return how a value gets to where none is; of members and stages nobody knows whether their secret is there."""
    return create(address, site) if address == Address(address.secret) else fill(address, site)


def fill(address: Address, site: Site) -> str:
    """Return how a value gets there, be the secret there already or not."""
    if address.version is not None:
        return put(address, site)
    return f"{create(address, site, 'it is not there yet: ')}\n{put(address, site, 'it is there: ')}"


def restore(address: Address, site: Site) -> str:
    return site.command(f"restore-secret --secret-id {shlex.quote(address.secret)}", address)


def describe(address: Address, site: Site) -> str:
    return site.command(f"describe-secret --secret-id {shlex.quote(address.secret)}", address)


def rotate(address: Address, site: Site) -> str:
    return site.command(f"rotate-secret --secret-id {shlex.quote(address.secret)}", address)


def replicate(address: Address, site: Site, region: str) -> str:
    words = f"replicate-secret-to-regions --secret-id {shlex.quote(address.secret)}"
    return site.command(f"{words} --add-replica-regions Region={region} --force-overwrite-replica-secret", address)


def rekey(address: Address, site: Site) -> str:
    words = f"update-secret --secret-id {shlex.quote(address.secret)} --kms-key-id KEY-ID"
    return f"{site.command(words, address)}   # a key of your own, that both accounts may use"


def allow(address: Address, site: Site, *actions: str) -> str:
    """Return the statement that allows actions on this secret and on no other."""
    arns = site.resources(address)
    return shared.statement([f"secretsmanager:{action}" for action in actions], arns if len(arns) > 1 else arns[0])


def allow_writing(address: Address, site: Site) -> str:
    """Return the statement that allows to make this secret and to add versions; until it is made it has no suffix."""
    arn = site.resources(address)[-1]
    actions = ["secretsmanager:CreateSecret", "secretsmanager:PutSecretValue"]
    return shared.statement(actions, [arn.removesuffix("-??????"), arn])


def allow_key(address: Address, site: Site, key: str | None, *actions: str) -> str:
    """Return the statement for a KMS key; `key` is what DescribeSecret says of it, None where nobody knows."""
    region = address.part("region") or site.region or "*"
    account = address.part("account") or site.account or "*"
    return shared.allow_key(SERVICE, region, account, key, *actions)


def of_cause(cause: Cause, address: Address, site: Site) -> str:
    """Return what mends a cause of which nothing more is known."""
    match cause:
        case Cause.NOT_FOUND:
            return fill(address, site)
        case Cause.DENIED:
            return f"{allow(address, site, 'GetSecretValue', 'DescribeSecret')}\n{create(address, site)}"
        case Cause.DELETED:
            return restore(address, site)
        case Cause.STATE | Cause.UNSAID | Cause.EXISTS:
            return describe(address, site)
        case Cause.KMS:
            return allow_key(address, site, None, "Decrypt")
        case _:
            return of_whole(cause, site)


def of_whole(cause: Cause, site: Site) -> str:
    """Return what mends a cause that is not about one secret."""
    return shared.of_whole(cause, SERVICE, site.role_arn)


def _with_value(command: str, address: Address, when: str) -> str:
    if address.member is None:
        return f"{command} --secret-string file:///dev/stdin   # {when}{_TYPED}"
    return f'{command} --secret-string file://secret.json   # {when}the whole JSON object, "{address.member}" in it'
