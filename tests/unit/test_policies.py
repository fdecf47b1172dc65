"""What is deployed beside what is generated, from a provider that shows policies or fails to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from estate_config import Code, environments
from estate_config.contract import KeyKeeper, Policed
from estate_config.errors import ProviderError
from estate_config.generate.aws_places import Place as SecretPlace
from estate_config.generate.aws_places import aws_places
from estate_config.generate.catalogue import EnvironmentEntry, catalogue_of, schemas_of
from estate_config.generate.iam import policy
from estate_config.generate.terraform import node_policy
from estate_config.model import DataKey, Deadline, Failed, Key, Place, Policy
from estate_config.policies import Review, reviewed
from estate_config_providers.aws.options import AwsOptions
from tests.doubles import Shelf, estate, spec_of
from tests.unit.conftest import Offer

SCHEMAS = """
from estate_config import Settings, secret, setting

class Ai(Settings):
    url: str = secret("database/url")
    key: str = secret("openai/key")

class Etl(Settings):
    url: str = secret("database/url")

class Web(Settings):
    level: str = setting(default="info")
"""
SERVICES = {"ai": "made_up_schemas:Ai", "etl": "made_up_schemas:Etl", "web": "made_up_schemas:Web"}
OPTIONS = {"region": "eu-west-1", "prefix": "estate/", "replica_regions": ["eu-north-1"]}
KEPT: dict[str, Any] = {}
"""What the environment says of a last known good."""
NODE = "estate-secrets-manager-access"
ACCOUNT = "123456789012"

Answers = Mapping[str, Policy | Failed]


class Aws(Shelf):
    """Shows policies as the test says; an exception is raised."""

    def __init__(self, answers: Any) -> None:
        super().__init__("aws")
        self.answers = answers

    def locate(self, key: Key) -> Place:
        return Place(f"estate/{key.name}")

    def data_key(self, name: str, context: Mapping[str, str], wrapped: bytes | None, deadline: Deadline) -> DataKey:
        raise AssertionError("no policy needs a key")

    def policies(self, names: Sequence[str], deadline: Deadline) -> Answers:
        if isinstance(self.answers, Exception):
            raise self.answers
        return {name: self.answers[name] for name in names if name in self.answers}


@pytest.fixture(autouse=True)
def _schemas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "made_up_schemas.py").write_text(SCHEMAS, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def made() -> environments.Estate:
    table = estate("aws", services=SERVICES, providers={"aws": OPTIONS})
    table["environments"]["here"].update(KEPT)
    return environments.read(table)


def read() -> tuple[tuple[SecretPlace, ...], EnvironmentEntry]:
    """Return what policies are made of."""
    found = made()
    catalogue = catalogue_of(found, schemas_of(found, list(SERVICES)))
    return aws_places(catalogue, "here"), catalogue.environment("here")


def review(offer: Offer, answers: Any, *services: str) -> Review:
    aws = Aws(answers)
    offer(spec_of("aws", aws, options=AwsOptions, offers=(Policed, KeyKeeper), secrets_only=True, remote=True))
    found = made()
    answer = reviewed(found, found.choose(), services or ("ai", "etl"))
    assert aws.closed
    return answer


def deployed(document: Mapping[str, Any], name: str, bearers: int | None = 1) -> Policy:
    text = json.dumps(document).replace("ACCOUNT_ID", ACCOUNT)
    return Policy(f"arn:aws:iam::{ACCOUNT}:policy/{name}", json.loads(text), bearers)


def generated(*services: str, name: str, bearers: int | None = 1) -> Policy:
    places, entry = read()
    own = [place for place in places if set(services) & set(place.services)]
    return deployed(policy(own, entry, services), name, bearers)


def states(found: Review) -> dict[str, str]:
    return {one.name: one.state for one in found.findings}


def test_the_generated_policies_are_the_same(offer: Offer) -> None:
    names = {"estate-ai": ("ai",), "estate-etl": ("etl",), NODE: ("ai", "etl")}
    found = review(offer, {name: generated(*services, name=name) for name, services in names.items()})
    assert states(found) == dict.fromkeys(names, "same")
    assert [one.bearers for one in found.findings] == [1, 1, 1]
    assert (found.problems, found.warnings) == ((), ())


def test_the_shared_policy_may_be_the_one_of_terraform_with_arns_and_keys_as_they_came_out(offer: Offer) -> None:
    text = json.dumps(node_policy(*read()))
    text = text.replace("??????", "AbCdEf").replace(":kms:*:", ":kms:eu-west-1:").replace("key/*", "key/1234-5678")
    found = review(offer, {NODE: deployed(json.loads(text), NODE)}, "ai")
    assert states(found) == {"estate-ai": "not deployed", NODE: "same"}
    assert (found.problems, found.warnings) == ((), ())


def test_whoever_listens_for_changes_needs_the_right_to_in_either_form_of_the_policy(
    offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = forms()
    monkeypatch.setitem(OPTIONS, "events_queue_url", f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/changes")
    for right, lacks in zip(forms(), wrong, strict=True):
        assert states(review(offer, {NODE: right}, "ai"))[NODE] == "same"
        (lacking,) = review(offer, {NODE: lacks}, "ai").problems
        assert lacking.message.endswith(f"it lacks Allow sqs:ReceiveMessage on arn:aws:sqs:eu-west-1:{ACCOUNT}:changes")


def test_whoever_keeps_a_last_known_good_needs_its_key_in_either_form_of_the_policy(
    offer: Offer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = forms()
    monkeypatch.setitem(KEPT, "last_known_good", {"file": "{service}.lkg", "key": "aws:alias/estate-cache"})
    for right, lacks in zip(forms(), wrong, strict=True):
        assert states(review(offer, {NODE: right}, "ai"))[NODE] == "same"
        (lacking,) = review(offer, {NODE: lacks}, "ai").problems
        assert "it lacks Allow kms:GenerateDataKey, kms:Decrypt on " in lacking.message
        assert "if ForAnyValue:StringEquals kms:ResourceAliases alias/estate-cache" in lacking.message


def forms() -> list[Policy]:
    """Return the shared policy as `iam` makes it, and as Terraform deploys it."""
    places, entry = read()
    return [deployed(policy(places, entry, ["ai", "etl"]), NODE), deployed(node_policy(places, entry), NODE)]


def test_a_policy_that_knows_less_or_more_is_a_problem_that_says_which(offer: Offer) -> None:
    found = review(offer, {"estate-ai": generated("etl", name="estate-ai"), "estate-etl": generated("ai", name="x")})
    assert states(found)["estate-ai"] == states(found)["estate-etl"] == "differs"
    lacking, besides = found.problems
    key = f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:estate/openai/key-??????"
    assert lacking.code is Code.STALE
    assert f"it lacks Allow secretsmanager:GetSecretValue, secretsmanager:DescribeSecret on {key} | " in lacking.message
    assert "besides" not in lacking.message
    assert (
        f"it has besides Allow secretsmanager:GetSecretValue, secretsmanager:DescribeSecret on {key}" in besides.message
    )
    assert "lacks" not in besides.message
    assert f"aws iam create-policy-version --policy-arn arn:aws:iam::{ACCOUNT}:policy/estate-ai" in lacking.fix


def test_a_policy_that_differs_in_much_is_cut_and_counted(offer: Offer) -> None:
    everything = {"Statement": [{"Effect": "Allow", "Action": f"s3:{n}", "Resource": f"a{n}"} for n in range(6)]}
    (problem,) = review(offer, {"estate-etl": deployed(everything, "estate-etl")}, "etl").problems
    assert "Allow s3:3 on a3 | and 2 more" in problem.message


@pytest.mark.parametrize("bearers", [None, 0])
def test_a_service_that_gets_nothing_by_these_names_is_a_warning(offer: Offer, bearers: int | None) -> None:
    answers = {} if bearers is None else {"estate-etl": generated("etl", name="estate-etl", bearers=0)}
    found = review(offer, answers, "etl")
    assert not found.problems
    (warning,) = found.warnings
    assert (warning.field, warning.code) == ("etl", Code.MISSING)
    assert [(step.place, step.outcome) for step in warning.places] == [
        ("estate-etl", "not deployed" if bearers is None else "no role has it"),
        (NODE, "not deployed"),
    ]
    assert warning.fix.startswith("estate generate iam etl --env here ")


def test_who_may_not_look_is_warned_and_nothing_is_said_of_what_was_not_seen(offer: Offer) -> None:
    denied = Failed(Code.DENIED, "may not be looked at", "allow it")
    found = review(offer, dict.fromkeys(["estate-ai", "estate-etl", NODE], denied))
    assert set(states(found).values()) == {"DENIED"}
    assert not found.problems
    assert {(one.code, one.fix) for one in found.warnings} == {(Code.DENIED, "allow it")}
    assert len(found.warnings) == 3


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        (ProviderError(Code.CREDENTIALS, "has none", "log in"), Code.CREDENTIALS),
        (ValueError("canary"), Code.PLUGIN),
        (7, Code.PLUGIN),
    ],
)
def test_a_provider_that_cannot_show_any_is_a_warning(offer: Offer, answers: Any, code: Code) -> None:
    found = review(offer, answers)
    assert [one.code for one in found.warnings] == [code]
    assert "canary" not in repr(found)
    assert (found.findings, found.problems) == ((), ())


class Named(Shelf):
    def locate(self, key: Key) -> Place:
        return Place(key.name)


def test_a_provider_that_offers_to_show_policies_and_cannot_is_a_warning(offer: Offer) -> None:
    offer(spec_of("aws", Named("aws"), options=AwsOptions, offers=(Policed,), secrets_only=True))
    found = made()
    (warning,) = reviewed(found, found.choose(), ["ai"]).warnings
    assert (warning.code, warning.message) == (Code.PLUGIN, "aws offers to show policies, and cannot")


def test_without_a_region_in_estate_toml_nobody_knows_what_to_compare_with(offer: Offer) -> None:
    offer(spec_of("aws", Aws({}), options=AwsOptions, offers=(Policed,), secrets_only=True))
    found = environments.read(estate("aws", services=SERVICES))
    (warning,) = reviewed(found, found.choose(), ["ai"]).warnings
    assert (warning.code, warning.fix) == (Code.SCHEMA, 'put region = "…" under [providers.aws]')


@pytest.mark.parametrize("chain", [("aws",), ("env",)])
def test_where_no_store_has_policies_there_is_nothing_to_say(offer: Offer, chain: tuple[str, ...]) -> None:
    offer(spec_of("aws", Aws({}), options=AwsOptions, secrets_only=True))
    found = environments.read(estate(*chain, services=SERVICES, providers={"aws": OPTIONS}))
    assert reviewed(found, found.choose(), ["ai"]) == Review()


def test_a_schema_that_cannot_be_read_is_a_warning(offer: Offer) -> None:
    found = environments.read(estate("aws", services={**SERVICES, "bad": "no.such.module:Class"}))
    (warning,) = reviewed(found, found.choose(), ["ai"]).warnings
    assert warning.code is Code.SCHEMA


def test_a_service_without_secrets_of_aws_needs_no_policy(offer: Offer) -> None:
    offer(spec_of("aws", Aws({}), options=AwsOptions, offers=(Policed,), secrets_only=True))
    found = made()
    assert reviewed(found, found.choose(), ["web"]) == Review()
