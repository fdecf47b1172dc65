"""A strict fake of AWS Systems Manager Parameter Store: GetParameters, DescribeParameters, PutParameter, and no more.

What AWS documents and moto does not enforce: ten names a call, names and their paths, sizes by tier, types that do not
change, one denied name or key that denies the whole call, `InvalidParameters` both for what is not there and for what
has no such version, the key of AWS's own where a write names none. Where AWS does not say (one name twice in a call),
it refuses.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.fakes.aws import ACCOUNT, REGION, StrictAws
from tests.fakes.aws_model import AwsError, Caller, validate
from tests.fakes.iam import Request, decide

AWS_KEY = "alias/aws/ssm"
_NAME = re.compile(r"[A-Za-z0-9_.-]+|(/[A-Za-z0-9_.-]+){1,15}")
_ASKED = re.compile(r"(?P<parameter>arn:[^:]+:ssm:[^:]+:\d{12}:parameter/[^:]+|[^:]+)(:(?P<selector>[^:]+))?")
_PAGE = 10
_LIMITS = {"Standard": 4096, "Advanced": 8192}


@dataclass
class Version:
    value: str
    modified: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass
class Parameter:
    name: str
    kind: str
    key: str
    """`alias/aws/ssm`, or the ARN of a key of the account's."""
    tier: str = "Standard"
    pattern: str = ""
    account: str = ACCOUNT
    region: str = REGION
    shared_with: set[str] = field(default_factory=set)
    versions: list[Version] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return arn_of(self.name, self.account, self.region)

    def at(self, selector: str | None) -> int | None:
        """Return the number of a version."""
        if selector is None:
            return len(self.versions)
        number = int(selector) if selector.isdigit() else self.labels.get(selector, 0)
        return number if 1 <= number <= len(self.versions) else None


@dataclass
class _Call:
    body: dict[str, Any]
    caller: Caller
    region: str


class StrictParameters(StrictAws):
    """`with StrictParameters() as ssm: ssm.hold("/estate/jwt", "made-up")`."""

    def __init__(self) -> None:
        super().__init__()
        self.parameters: list[Parameter] = []
        self.unsaid: set[str] = set()
        """Names that an answer says nothing of: what must not happen, and must not pass for absent."""

    def hold(self, name: str, *values: str, kind: str = "SecureString", key: str = AWS_KEY, **words: Any) -> Parameter:
        """Put values there as versions; over an older parameter of the name, if there is one."""
        found = self._find(name, words.get("account", ACCOUNT), REGION)
        if found is None:
            found = Parameter(name, kind, key, **words)
            self.parameters.append(found)
        found.versions += [Version(value) for value in values]
        return found

    def value(self, name: str) -> str:
        """Return the latest value."""
        found = self._find(name, ACCOUNT, REGION)
        assert found is not None
        return found.versions[-1].value

    def answer(self, action: str, body: dict[str, Any], authorization: str, token: str | None) -> dict[str, Any]:
        """Return the answer to a call. Raises `AwsError`."""
        caller, region = self._caller(authorization, token)
        calls: dict[str, Callable[[_Call], dict[str, Any]]] = {
            "GetParameters": self._get,
            "DescribeParameters": self._describe,
            "PutParameter": self._put,
        }
        if action not in calls:
            raise AwsError("UnknownOperationException", f"nothing here may call {action}")
        validate("ssm", action, body)
        return calls[action](_Call(body, caller, region))

    # --- the calls ---------------------------------------------------------------------------------------------------

    def _get(self, call: _Call) -> dict[str, Any]:
        asked = [_asked(name) for name in call.body["Names"]]
        paths = [_path(parameter) for parameter, _ in asked]
        if len(set(paths)) != len(paths):
            raise AwsError("ValidationException", "one parameter twice in a request")
        self._permit_all(call, "GetParameters", [parameter for parameter, _ in asked])
        found, invalid = [], []
        for name, (parameter, selector) in zip(call.body["Names"], asked, strict=True):
            held = self._find(parameter, call.caller.account, call.region)
            number = held.at(selector) if held else None
            if held is None or number is None:
                invalid += [name] if name not in self.unsaid else []
            elif name not in self.unsaid:
                found.append(self._shown(held, number, selector, call))
        return {"Parameters": sorted(found, key=lambda one: str(one["Name"])), "InvalidParameters": invalid}

    def _shown(self, held: Parameter, number: int, selector: str | None, call: _Call) -> dict[str, Any]:
        if held.kind == "SecureString":
            if not call.body.get("WithDecryption"):
                raise AwsError("ValidationException", "a ciphertext is of no use to anybody here")
            self._use_key(held.key, "Decrypt", held.arn, call)
        version = held.versions[number - 1]
        return {
            "Name": held.name if held.account == call.caller.account else held.arn,
            "ARN": held.arn,
            "Type": held.kind,
            "Value": version.value,
            "Version": number,
            "LastModifiedDate": version.modified.timestamp(),
            "DataType": "text",
        } | ({} if selector is None else {"Selector": f":{selector}"})

    def _describe(self, call: _Call) -> dict[str, Any]:
        filters = call.body.get("ParameterFilters", [])
        if len(filters) != 1 or filters[0]["Key"] != "Name" or filters[0].get("Option", "Equals") != "Equals":
            raise AwsError("InvalidFilterKey", "nothing here may list parameters")
        names = filters[0]["Values"]
        if not 1 <= len(names) <= 50:
            raise AwsError("InvalidFilterValue", "1 to 50 values")
        self._permit(call, "DescribeParameters", f"arn:aws:ssm:{call.region}:{call.caller.account}:*")
        mine = [one for one in self.parameters if one.name in names and one.account == call.caller.account]
        start = int(call.body.get("NextToken", 0))
        shown = [_described(one) for one in mine[start : start + _PAGE]]
        more = {"NextToken": str(start + _PAGE)} if start + _PAGE < len(mine) else {}
        return {"Parameters": shown, **more}

    def _put(self, call: _Call) -> dict[str, Any]:
        body = call.body
        name, value = body["Name"], body["Value"]
        if not _NAME.fullmatch(name) or re.match(r"/?(aws|ssm)", name, re.IGNORECASE):
            raise AwsError("ValidationException", 'Parameter name: can\'t be prefixed with "aws" or "ssm" …')
        self._permit(call, "PutParameter", arn_of(name, call.caller.account, call.region))
        held = self._find(name, call.caller.account, call.region)
        if held is None and "Type" not in body:
            raise AwsError("ValidationException", "A parameter type is required when you create a parameter.")
        if held is not None and not body.get("Overwrite"):
            raise AwsError("ParameterAlreadyExists", "The parameter already exists.")
        if held is not None and body.get("Type", held.kind) != held.kind:
            raise AwsError("HierarchyTypeMismatchException", "The parameter type cannot be changed.")
        key = body.get("KeyId", AWS_KEY)
        held = held or Parameter(name, body["Type"], key)
        _check_value(value, held)
        if held.kind == "SecureString":
            self._use_key(key, "Encrypt", held.arn, call)
        held.key = key
        held.versions.append(Version(value))
        if held not in self.parameters:
            self.parameters.append(held)
        return {"Version": len(held.versions), "Tier": held.tier}

    # --- permissions -------------------------------------------------------------------------------------------------

    def _permit_all(self, call: _Call, action: str, parameters: Iterable[str]) -> None:
        """One that is denied denies the whole call, whether or not it is there."""
        for parameter in parameters:
            arn = parameter if parameter.startswith("arn:") else arn_of(parameter, call.caller.account, call.region)
            held = self._find(parameter, call.caller.account, call.region)
            foreign = arn.split(":")[4] != call.caller.account
            if foreign and (held is None or call.caller.account not in held.shared_with):
                raise _denied(call.caller, f"ssm:{action}", arn)
            self._permit(call, action, arn)

    def _permit(self, call: _Call, action: str, arn: str) -> None:
        request = Request(f"ssm:{action}", arn, call.caller.arn, {"aws:RequestedRegion": call.region})
        if call.caller.policies is not None and not decide(call.caller.policies, request):
            raise _denied(call.caller, f"ssm:{action}", arn)

    def _use_key(self, key: str, action: str, parameter: str, call: _Call) -> None:
        if key == AWS_KEY:
            return  # its policy lets everybody in the account, through Parameter Store
        context = {
            "kms:ViaService": f"ssm.{call.region}.amazonaws.com",
            "kms:EncryptionContext:PARAMETER_ARN": parameter,
        }
        request = Request(f"kms:{action}", key, call.caller.arn, context)
        if call.caller.policies is not None and not decide(call.caller.policies, request):
            error = _denied(call.caller, f"kms:{action}", key)
            raise AwsError(error.code, f"{error.message} (Service: AWSKMS; Status Code: 400)")
        if self.store.keys[key].state != "Enabled":
            raise AwsError("InvalidKeyId", f"{key} is disabled. (Service: AWSKMS; Error Code: DisabledException)")

    def _find(self, parameter: str, account: str, region: str) -> Parameter | None:
        for one in self.parameters:
            if parameter == one.arn or (parameter == one.name and (one.account, one.region) == (account, region)):
                return one
        return None


def arn_of(name: str, account: str = ACCOUNT, region: str = REGION) -> str:
    return f"arn:aws:ssm:{region}:{account}:parameter/{name.removeprefix('/')}"


def _path(parameter: str) -> str:
    return parameter.partition(":parameter/")[2] or parameter.removeprefix("/")


def _asked(name: str) -> tuple[str, str | None]:
    """Return the parameter and the selector of a name. Raises `AwsError` for one that is no name."""
    found = _ASKED.fullmatch(name)
    if found is None or not (name.startswith("arn:") or _NAME.fullmatch(found["parameter"])):
        raise AwsError("ValidationException", "Parameter name must be a fully qualified name.")
    return found["parameter"], found["selector"]


def _check_value(value: str, held: Parameter) -> None:
    if not value:
        raise AwsError("ValidationException", "Member must have length greater than or equal to 1.")
    if len(value) > _LIMITS[held.tier]:
        raise AwsError("ValidationException", f"{held.tier} tier parameters support fewer characters.")
    if "{{" in value:
        raise AwsError("ValidationException", 'Parameter value can\'t nest another parameter. Do not use "{{}}".')
    if not re.search(held.pattern, value):
        raise AwsError("ParameterPatternMismatchException", "Parameter value, doesn't match the specified pattern.")


def _described(held: Parameter) -> dict[str, Any]:
    shown = {
        "Name": held.name,
        "ARN": held.arn,
        "Type": held.kind,
        "Tier": held.tier,
        "Version": len(held.versions),
        "LastModifiedDate": held.versions[-1].modified.timestamp(),
    }
    return shown | ({"KeyId": held.key} if held.kind == "SecureString" else {})


def _denied(caller: Caller, action: str, arn: str) -> AwsError:
    because = f"no identity-based policy allows the {action} action"
    message = f"User: {caller.arn} is not authorized to perform: {action} on resource: {arn} because {because}"
    return AwsError("AccessDeniedException", message)
