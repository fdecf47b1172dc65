"""Generated policies, enforced by the strict fake: what a service may read with them, and what it is denied."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from estate_config import Code, ConfigurationError, Settings, environments, load, secret
from estate_config.contract import Context, KeyKeeper
from estate_config.errors import ProviderError
from estate_config.generate import aws_places
from estate_config.generate.catalogue import Catalogue, catalogue_of
from estate_config.generate.files import RefusedError
from estate_config.generate.iam import iam
from estate_config.model import Deadline
from estate_config_providers._aws import mending
from estate_config_providers.aws import spec
from tests.fakes.aws import ACCOUNT, REGION, StrictAws

Policy = dict[str, Any]
OTHER_ARN = f"arn:aws:secretsmanager:{REGION}:210987654321:secret:shared/map-AbCdEf"
TABLE: dict[str, Any] = {
    "environments": {"production": {"chain": ["aws"]}, "test": {"chain": ["fixture"]}},
    "default_environment": "production",
    "providers": {"aws": {"prefix": "estate/", "region": REGION, "replica_regions": ["ap-northeast-1"]}},
}


class Ai(Settings):
    database_url: str = secret("database/url")
    openai_key: str = secret("openai/key", aws="estate/openai#key")
    openai_organisation: str = secret("openai/organisation", aws="estate/openai#organisation")
    jwt_old: str | None = secret("jwt/old", aws="estate/jwt?stage=AWSPREVIOUS")


class Etl(Settings):
    database_url: str = secret("database/url")
    kreb_key: str = secret("kreb/key")
    kreb_key_2: str = secret("kreb/key/2")


def made(table: Mapping[str, Any] = TABLE, **services: type[Settings]) -> dict[str, Any]:
    text = iam(catalogue(table, **services), "made for a test")
    document: dict[str, Any] = json.loads(text.replace("ACCOUNT_ID", ACCOUNT))
    return document


def catalogue(table: Mapping[str, Any] = TABLE, **services: type[Settings]) -> Catalogue:
    return catalogue_of(environments.read(table), services)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StrictAws]:
    monkeypatch.chdir(tmp_path)
    with StrictAws() as fake:
        key = fake.key().arn
        for name in ("database/url", "kreb/key", "kreb/key/2", "kreb/key-of-another"):
            fake.add(f"estate/{name}", "canary", key=key)
        fake.add("estate/openai", '{"key": "canary", "organisation": "canary"}', key=key)
        fake.add("estate/jwt", "canary-old", key=key)
        fake.add("estate/jwt", "canary-new")
        yield fake


@pytest.fixture
def loading_with(aws: StrictAws, monkeypatch: pytest.MonkeyPatch) -> Loading:
    """Load a class as somebody who has one policy, and no other."""
    counter = iter(range(1000))

    def loaded(cls: type[Settings], policy: Policy, table: Mapping[str, Any] = TABLE) -> Settings:
        for name, value in aws.environment(aws.user(f"user{next(counter)}", policy)).items():
            monkeypatch.setenv(name, value)
        return load(cls, config=table)

    return loaded


Loading = Callable[..., Settings]


def outcomes(loading_with: Loading, cls: type[Settings], policy: Policy) -> dict[str, Code]:
    with pytest.raises(ConfigurationError) as caught:
        loading_with(cls, policy)
    return {problem.field: problem.code for problem in caught.value.problems}


def without(policy: Policy, sid: str) -> Policy:
    kept = [statement for statement in policy["Statement"] if not statement["Sid"].startswith(sid)]
    assert len(kept) < len(policy["Statement"])
    return {**policy, "Statement": kept}


def test_each_service_loads_and_is_denied_what_only_the_other_reads(loading_with: Loading) -> None:
    services = made(ai=Ai, etl=Etl)["services"]
    ai, etl = services["ai"]["policy"], services["etl"]["policy"]
    assert loading_with(Ai, ai)
    assert loading_with(Etl, etl)
    assert outcomes(loading_with, Etl, ai) == dict.fromkeys(("kreb_key", "kreb_key_2"), Code.DENIED)
    fields = ("openai_key", "openai_organisation", "jwt_old")
    assert outcomes(loading_with, Ai, etl) == dict.fromkeys(fields, Code.DENIED)


def test_a_secret_whose_name_only_begins_like_another_is_denied(loading_with: Loading) -> None:
    class Neighbour(Settings):
        other: str = secret(aws="estate/kreb/key-of-another")

    policy = made(etl=Etl)["services"]["etl"]["policy"]
    assert outcomes(loading_with, Neighbour, policy) == {"other": Code.DENIED}


def test_the_shared_policy_lets_every_service_load(loading_with: Loading) -> None:
    shared = made(ai=Ai, etl=Etl)["estate-secrets-manager-access"]
    assert loading_with(Ai, shared)
    assert loading_with(Etl, shared)


def test_no_service_loads_without_the_statement_on_secrets_or_the_one_on_keys(loading_with: Loading) -> None:
    policy = made(etl=Etl)["services"]["etl"]["policy"]
    fields = ("database_url", "kreb_key", "kreb_key_2")
    assert outcomes(loading_with, Etl, without(policy, "ReadSecrets")) == dict.fromkeys(fields, Code.DENIED)
    assert outcomes(loading_with, Etl, without(policy, "Decrypt")) == dict.fromkeys(fields, Code.KMS)


def test_without_the_statement_on_batches_each_secret_costs_a_call(loading_with: Loading, aws: StrictAws) -> None:
    policy = made(etl=Etl)["services"]["etl"]["policy"]
    loading_with(Etl, policy)
    assert aws.calls == {"BatchGetSecretValue": 1}
    aws.calls.clear()
    loading_with(Etl, without(policy, "ReadThemInBatches"))
    assert aws.calls == {"BatchGetSecretValue": 1, "GetSecretValue": 3}


def test_a_key_is_not_for_anything_else_than_these_secrets(loading_with: Loading) -> None:
    services = made(ai=Ai, etl=Etl)["services"]
    ai, etl = services["ai"]["policy"], services["etl"]["policy"]
    foreign_key = {**ai, "Statement": [*without(ai, "Decrypt")["Statement"], *etl["Statement"][2:]]}
    found = outcomes(loading_with, Ai, foreign_key)
    assert found == dict.fromkeys(("openai_key", "openai_organisation", "jwt_old"), Code.KMS)


def test_replicas_and_secrets_of_other_accounts_are_named_where_they_are() -> None:
    class Map(Settings):
        url: str = secret("database/url")
        key: str = secret(aws=f"{OTHER_ARN}#key")

    read, _, *decrypt = made(map=Map)["services"]["map"]["policy"]["Statement"]
    own = [
        f"arn:aws:secretsmanager:{region}:{ACCOUNT}:secret:estate/database/url-??????"
        for region in (REGION, "ap-northeast-1")
    ]
    assert sorted(read["Resource"]) == sorted([*own, OTHER_ARN, f"{OTHER_ARN}-??????"])
    assert [one["Condition"]["StringEquals"]["kms:ViaService"] for one in decrypt] == [
        f"secretsmanager.{region}.amazonaws.com" for region in (REGION, "ap-northeast-1")
    ]
    assert decrypt[0]["Resource"] == [f"arn:aws:kms:{REGION}:{account}:key/*" for account in (ACCOUNT, "210987654321")]


def test_an_arn_without_its_six_characters_is_allowed_though_its_name_ends_as_if_it_had_them(
    loading_with: Loading, aws: StrictAws
) -> None:
    class Signing(Settings):
        jwt: str = secret(aws=f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:prod/jwt-secret")

    aws.add("prod/jwt-secret", "x")
    policy = made(signing=Signing)["services"]["signing"]["policy"]
    assert loading_with(Signing, policy) == Signing(jwt="x")


def test_who_listens_for_changes_may_receive_from_the_queue_and_do_nothing_else_with_it() -> None:
    url = f"https://sqs.{REGION}.amazonaws.com/210987654321/changes"
    document = made({**TABLE, "providers": {"aws": {**TABLE["providers"]["aws"], "events_queue_url": url}}}, etl=Etl)
    right = {
        "Effect": "Allow",
        "Action": "sqs:ReceiveMessage",
        "Resource": f"arn:aws:sqs:{REGION}:210987654321:changes",
    }
    for policy in (document["services"]["etl"]["policy"], document["estate-secrets-manager-access"]):
        assert [one for one in policy["Statement"] if "sqs" in str(one)] == [{"Sid": "ListenForChanges", **right}]


ALIAS = "alias/estate-cache"


def keeping(key: str = f"aws:{ALIAS}") -> dict[str, Any]:
    kept = {"file": "{service}.lkg", "key": key}
    return {**TABLE, "environments": {"production": {"chain": ["aws"], "last_known_good": kept}}}


def test_the_last_known_good_is_kept_with_the_policy_and_not_without_the_statement_on_its_key(
    aws: StrictAws, loading_with: Loading, caplog: pytest.LogCaptureFixture
) -> None:
    aws.kms.aliases[ALIAS] = aws.key().arn
    policy = made(keeping(), Ai=Ai)["services"]["Ai"]["policy"]
    loading_with(Ai, without(policy, "KeepLastKnownGood"), keeping())
    assert f"KMS key {ALIAS} may not be used by this identity" in caplog.text
    assert not Path("Ai.lkg").exists()
    caplog.clear()
    loading_with(Ai, policy, keeping())
    assert "last known good" not in caplog.text
    assert Path("Ai.lkg").exists()


def key_for(aws: StrictAws, policy: Policy, key: str = ALIAS, **context: str) -> Code | None:
    """Ask KMS for a new key and unwrap it, as the bearer of one policy; return why that is not possible."""
    options = {"endpoint_url": aws.url, "session": aws.session(aws.user("bearer", policy))}
    provider = spec.build(spec.options.model_validate(options), Context("production", Path()))
    assert isinstance(provider, KeyKeeper)
    words = {"service": "Ai", "environment": "production", **context}
    try:
        made = provider.data_key(key, words, None, Deadline(5))
        assert provider.data_key(key, words, made.wrapped, Deadline(5)) == made
    except ProviderError as error:
        return error.code
    finally:
        provider.close()
    return None


@pytest.mark.parametrize("named", ["alias", "id", "arn", "arn of the alias"])
def test_the_key_is_for_files_of_the_service_in_the_environment_and_no_other_key_is(
    aws: StrictAws, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    arn, other = aws.key().arn, aws.key().arn
    aws.kms.aliases.update({ALIAS: arn, "alias/of-others": other})
    home, _, number = arn.rpartition("/")
    key = {"alias": ALIAS, "id": number, "arn": arn, "arn of the alias": home.removesuffix("key") + ALIAS}[named]
    document = made(keeping(f"aws:{key}"), Ai=Ai, Etl=Etl)
    own, shared = document["services"]["Ai"]["policy"], document["estate-secrets-manager-access"]
    assert key_for(aws, own, key) is None
    assert key_for(aws, own, key, service="Etl") is Code.DENIED
    assert key_for(aws, own, key, environment="staging") is Code.DENIED
    assert key_for(aws, own, other) is Code.DENIED
    assert {key_for(aws, shared, key, service=service) for service in ("Ai", "Etl")} == {None}
    assert key_for(aws, shared, key, service="Web") is Code.DENIED


@pytest.mark.parametrize("key", ["file:cache.key", "keyring:estate-cache"])
def test_a_key_that_is_not_in_kms_needs_nothing(key: str) -> None:
    assert made(keeping(key), Ai=Ai) == made(Ai=Ai)


def test_regions_are_region_and_replicas_in_one() -> None:
    aws = {"prefix": "estate/", "regions": [REGION, "ap-northeast-1"]}
    assert made({**TABLE, "providers": {"aws": aws}}, etl=Etl) == made(etl=Etl)
    more = made({**TABLE, "providers": {"aws": {**aws, "replica_regions": ["ap-northeast-1", "us-east-1"]}}}, etl=Etl)
    sids = [one["Sid"] for one in more["services"]["etl"]["policy"]["Statement"]]
    assert sids[2:] == ["DecryptApNortheast2", "DecryptApNortheast1", "DecryptUsEast1"]


@pytest.mark.parametrize(
    ("region", "partition", "service"),
    [
        ("cn-north-1", "aws-cn", "secretsmanager.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "aws-us-gov", "secretsmanager.us-gov-west-1.amazonaws.com"),
    ],
)
def test_other_partitions_are_spelled_their_way(region: str, partition: str, service: str) -> None:
    found = made({**TABLE, "providers": {"aws": {"region": region}}}, etl=Etl)["services"]["etl"]
    read, _, decrypt = found["policy"]["Statement"]
    assert read["Resource"][0].startswith(f"arn:{partition}:secretsmanager:{region}:")
    assert decrypt["Condition"]["StringEquals"] == {"kms:ViaService": service}
    (trust,) = found["trust-irsa"]["Statement"]
    assert trust["Principal"]["Federated"].startswith(f"arn:{partition}:iam::")


def test_policies_and_fixes_spell_the_partition_of_every_region_as_the_sdk_does() -> None:
    session = botocore.session.get_session()
    named = {
        region: name
        for name in ("aws", "aws-cn", "aws-us-gov", "aws-eusc")
        for region in session.get_available_regions("ec2", name)
    }
    assert named["eusc-de-east-1"] == "aws-eusc"
    assert {region: aws_places.partition(region) for region in named} == named
    assert {region: mending.partition(region) for region in named} == named


def test_only_pods_of_the_services_own_account_may_take_its_role() -> None:
    ai = made(ai=Ai)["services"]["ai"]
    (identity,), (irsa,) = ai["trust-pod-identity"]["Statement"], ai["trust-irsa"]["Statement"]
    tags = identity["Condition"]["StringEquals"]
    assert tags["aws:RequestTag/kubernetes-service-account"] == "estate-ai"
    assert irsa["Condition"]["StringEquals"] == {
        "OIDC_ISSUER:aud": "sts.amazonaws.com",
        "OIDC_ISSUER:sub": "system:serviceaccount:NAMESPACE:estate-ai",
    }


def test_a_region_that_estate_toml_does_not_say_is_left_open() -> None:
    policy = made({**TABLE, "providers": {}}, etl=Etl)["services"]["etl"]["policy"]
    assert f"arn:aws:secretsmanager:REGION:{ACCOUNT}:secret:kreb/key-??????" in policy["Statement"][0]["Resource"]


def test_where_no_chain_has_aws_there_is_nothing_to_allow() -> None:
    with pytest.raises(RefusedError, match="no chain has the provider aws"):
        made({"environments": {"test": {"chain": ["fixture"]}}, "default_environment": "test"}, etl=Etl)
