"""What went wrong with a parameter, in words, and what mends it: commands of AWS's own tool and policy statements."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from estate_config.errors import Code, ProviderError
from estate_config.model import Failed
from estate_config_providers._aws.causes import Cause, Trouble
from estate_config_providers._aws.mending import allow_key, of_whole, partition, statement
from estate_config_providers.parameter_store.address import Address
from estate_config_providers.parameter_store.failures import SERVICE

_STDIN = "--value file:///dev/stdin   # type the value, then Ctrl-D twice, no Enter: it stays out of the history"


@dataclass(frozen=True, slots=True)
class Words:
    """Words for one region, account and role; what is not known is left out of commands, and is `*` in statements."""

    region: str | None = None
    role_arn: str | None = None

    def put(self, address: Address, *, secret: bool = True) -> str:
        """Return the command that puts a value there, whether or not the parameter is there."""
        name = shlex.quote(address.names[0])
        if address.selector is not None and address.selector[0].isdigit():  # a label cannot begin with a digit
            return f"{self.describe(address)}   # a version cannot be written: this shows the latest"
        if address.selector is not None:
            words = f"label-parameter-version --name {name} --parameter-version N --labels {address.selector}"
            return f"{self._command(words, address)}   # a version cannot be written: label one that is there"
        words = f"put-parameter --overwrite --name {name} --type {'SecureString' if secret else 'String'}"
        whole = f"--value file://all.json   # the whole JSON object, {address.member} in it"
        return f"{self._command(words, address)} {_STDIN if address.member is None else whole}"

    def describe(self, address: Address) -> str:
        """Return the command that shows all of a parameter but its value."""
        name = shlex.quote(address.names[0])
        return self._command(f"describe-parameters --parameter-filters Key=Name,Values={name}", address)

    def allow(self, address: Address, action: str) -> str:
        """Return the statement that allows an action on this parameter, and on no other where AWS can tell."""
        region, account = self._home(address)
        arn = f"arn:{partition(region)}:ssm:{region}:{account}:parameter/{address.path}"
        return statement([f"ssm:{action}"], "*" if action == "DescribeParameters" else arn)

    def no_version(self, address: Address) -> Failed:
        hint = f"exists, and has no version or label {address.selector}"
        return Failed(Code.NO_VALUE, hint, f"{self.describe(address)}   # shows the latest version")

    def elsewhere(self, address: Address, region: str) -> Failed:
        hint = f"is in {address.part('region')}, and {region} is asked"
        return Failed(Code.MALFORMED, hint, "name the parameter of that region, or set region")

    def only_by_reading(self) -> Failed:
        hint = "is not in this account, or not by this name: whether it may be read, only reading tells"
        return Failed(Code.UNAVAILABLE, hint, "load the service that reads it")

    def unencrypted(self, address: Address) -> Failed:
        name = shlex.quote(address.names[0])
        delete = self._command(f"delete-parameter --name {name}", address)
        hint = "is not encrypted: its type is not SecureString, and a type cannot be changed"
        return Failed(Code.INSECURE, hint, f"{delete}\n{self.put(address)}")

    def failed(self, trouble: Trouble, address: Address, action: str = "GetParameters") -> Failed:
        """Return what a trouble with one parameter is; `action` is what was tried."""
        return Failed(trouble.cause.code, self._hint(trouble), self._fix(trouble.cause, address, action))

    def error(self, trouble: Trouble) -> ProviderError:
        """Return what a trouble is that is not about one parameter."""
        return ProviderError(trouble.cause.code, self._hint(trouble), of_whole(trouble.cause, SERVICE, self.role_arn))

    def _hint(self, trouble: Trouble) -> str:
        role = f" {self.role_arn}" if self.role_arn and trouble.cause is Cause.ROLE else ""
        return f"{trouble.cause.hint}{role} {trouble.detail}".rstrip()

    def _fix(self, cause: Cause, address: Address, action: str) -> str:
        match cause:
            case Cause.DENIED:
                return f"{self.allow(address, action)}\n{self.put(address)}"
            case Cause.KMS:
                return allow_key(SERVICE, *self._home(address), None, "Decrypt")
            case Cause.NOT_FOUND:
                return self.put(address)
            case Cause.EXISTS | Cause.UNSAID:
                return self.describe(address)
            case _:
                return of_whole(cause, SERVICE, self.role_arn)

    def _home(self, address: Address) -> tuple[str, str]:
        account = self.role_arn.split(":")[4] if self.role_arn else "*"
        return address.part("region") or self.region or "*", address.part("account") or account

    def _command(self, words: str, address: Address) -> str:
        region = address.part("region") or self.region
        return f"aws ssm {words}" + (f" --region {region}" if region else "")
