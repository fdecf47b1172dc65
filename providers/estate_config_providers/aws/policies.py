"""The policies of an account that are there by name, with who has them; no secret is asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from estate_config.errors import Code, ProviderError
from estate_config.model import Deadline, Failed, Policy
from estate_config.parallel import at_once
from estate_config_providers._aws import mending
from estate_config_providers._aws.access import AwsAccess
from estate_config_providers._aws.causes import Cause, Trouble, whole_trouble
from estate_config_providers._aws.connection import Connection, Connector
from estate_config_providers._aws.failures import Service
from estate_config_providers._aws.patience import THREADS, patiently

T = TypeVar("T")

IAM = Service(
    provider="aws",
    client="iam",
    operations=frozenset({"GetPolicy", "GetPolicyVersion"}),
    codes={
        "NoSuchEntity": Cause.NOT_FOUND,
        "NoSuchEntityException": Cause.NOT_FOUND,
        "InvalidInput": Cause.MALFORMED,
        "InvalidInputException": Cause.MALFORMED,
        "ServiceFailure": Cause.FAILED,
        "ServiceFailureException": Cause.FAILED,
    },
)
STS = Service(provider="aws", client="sts", operations=frozenset({"GetCallerIdentity"}), codes={})
"""It says which account this is: it tells everybody, whatever the policies say."""


class Policies:
    """The customer-managed policies of one account. Any thread may use it."""

    def __init__(self, access: AwsAccess) -> None:
        own = access.model_copy(update={"endpoint_url": None})  # that one is of Secrets Manager
        self._role_arn = access.role_arn
        self._iam: Connector[Any] = Connector(own, IAM)
        self._sts: Connector[Any] = Connector(own, STS)

    def read(self, names: Sequence[str], deadline: Deadline) -> Mapping[str, Policy | Failed]:
        """Return the policies with these names; a name that is left out is not deployed."""
        iam, sts = self._iam.connected(deadline), self._sts.connected(deadline)
        who = sts if isinstance(sts, Trouble) else sts.ask(lambda client: str(client.get_caller_identity()["Arn"]))
        if isinstance(iam, Trouble):
            raise self._error(iam)
        if isinstance(who, Trouble):
            raise self._error(who)
        _, partition, _, _, account, _ = who.split(":", 5)
        arns = {name: f"arn:{partition}:iam::{account}:policy/{name}" for name in names}
        seen = at_once(lambda arn: _policy(iam, arn, deadline), arns.values(), deadline, THREADS)
        whole = whole_trouble(seen.values())
        if whole is not None and len(seen) == len(arns):
            raise self._error(whole)
        answers = {name: seen.get(arn, Trouble(Cause.LATE)) for name, arn in arns.items()}
        denied = [arns[name] for name, answer in answers.items() if answer == Trouble(Cause.DENIED)]
        return {
            name: self._failed(answer, denied) if isinstance(answer, Trouble) else answer
            for name, answer in answers.items()
            if answer != Trouble(Cause.NOT_FOUND)
        }

    def close(self) -> None:
        self._iam.close()
        self._sts.close()

    def _failed(self, trouble: Trouble, denied: list[str]) -> Failed:
        if trouble.cause is Cause.DENIED:
            hint = "may not be looked at by this identity, or does not exist: AWS then says the same"
            return Failed(Code.DENIED, hint, mending.statement(["iam:GetPolicy", "iam:GetPolicyVersion"], denied))
        hint = f"{trouble.cause.hint} {trouble.detail}".rstrip()
        return Failed(trouble.cause.code, hint, mending.of_whole(trouble.cause, IAM, self._role_arn))

    def _error(self, trouble: Trouble) -> ProviderError:
        failed = self._failed(trouble, [])
        return ProviderError(failed.code, failed.hint, failed.fix)


def _policy(iam: Connection[Any], arn: str, deadline: Deadline) -> Policy | Trouble:
    seen = _asked(iam, deadline, lambda client: client.get_policy(PolicyArn=arn)["Policy"])
    if isinstance(seen, Trouble):
        return seen
    number = str(seen.get("DefaultVersionId"))
    version = _asked(iam, deadline, lambda client: client.get_policy_version(PolicyArn=arn, VersionId=number))
    if isinstance(version, Trouble):
        return version
    document = version.get("PolicyVersion", {}).get("Document")
    return Policy(arn, document, seen.get("AttachmentCount")) if isinstance(document, dict) else Trouble(Cause.STRANGER)


def _asked(iam: Connection[Any], deadline: Deadline, call: Callable[[Any], T]) -> T | Trouble:
    return patiently(lambda: iam.ask(call), lambda trouble: trouble.cause is Cause.THROTTLED, deadline)
