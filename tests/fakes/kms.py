"""The rules of KMS for keys of files, as its documents and the SDK's model state them; on the wire by `StrictAws`.

Who has wrapped what, with which encryption context, is remembered rather than computed.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.aws_model import AwsError, Caller, validate
from tests.fakes.iam import Request, decide
from tests.fakes.secrets_manager import Key


@dataclass
class Kms:
    """The keys of customers, and what they have wrapped."""

    keys: Mapping[str, Key]
    """By ARN."""
    aliases: dict[str, str] = field(default_factory=dict)
    """ARNs of keys by `alias/NAME`."""
    wrapped: dict[str, tuple[str, dict[str, str], str]] = field(default_factory=dict)
    """By ciphertext: the key's ARN, the encryption context, the plaintext."""
    actions = ("GenerateDataKey", "Decrypt")

    def answer(self, action: str, body: dict[str, Any], caller: Caller, region: str) -> dict[str, Any]:
        """Return the answer to a call. Raises `AwsError`."""
        validate("kms", action, body)
        key, context = self._key(body["KeyId"], caller, region), body.get("EncryptionContext", {})
        self._judge(key, action, context, caller)
        if key.state != "Enabled":
            raise AwsError("DisabledException", f"{key.arn} is disabled.")
        if action == "GenerateDataKey":
            plain, blob = (base64.b64encode(os.urandom(size)).decode() for size in (32, 96))
            self.wrapped[blob] = (key.arn, context, plain)
            return {"KeyId": key.arn, "Plaintext": plain, "CiphertextBlob": blob}
        by, bound, plain = self.wrapped.get(body["CiphertextBlob"], ("", {}, ""))
        if bound != context or not by:
            raise AwsError("InvalidCiphertextException", "")
        if by != key.arn:
            raise AwsError("IncorrectKeyException", "The key ID in the request does not identify a CMK that can do it.")
        return {"KeyId": key.arn, "Plaintext": plain, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}

    def _key(self, named: str, caller: Caller, region: str) -> Key:
        home = f"arn:aws:kms:{region}:{caller.account}"
        arn = named if named.startswith("arn:") else f"{home}:{named if '/' in named else f'key/{named}'}"
        before, _, name = arn.rpartition(":")
        found = self.aliases.get(name, "") if name.startswith("alias/") else arn
        if found not in self.keys or not found.startswith(f"{before}:"):
            raise AwsError("NotFoundException", f"{arn} is not found.")
        return self.keys[found]

    def _judge(self, key: Key, action: str, context: Mapping[str, str], caller: Caller) -> None:
        said: dict[str, str | tuple[str, ...]] = {
            "kms:ResourceAliases": tuple(name for name, arn in self.aliases.items() if arn == key.arn),
            **{f"kms:EncryptionContext:{name}": value for name, value in context.items()},
        }
        if caller.policies is not None and not decide(
            caller.policies, Request(f"kms:{action}", key.arn, caller.arn, said)
        ):
            words = f"User: {caller.arn} is not authorized to perform: kms:{action} on resource: {key.arn}"
            raise AwsError("AccessDeniedException", f"{words} because no identity-based policy allows it", 400)
