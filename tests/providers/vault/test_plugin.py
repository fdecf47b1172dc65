"""The fixture `estate_vault` of the pytest plug-in, as a project's own tests use it."""

from __future__ import annotations

import pytest


def test_estate_vault_is_seeded_from_a_schema_and_asked(pytester: pytest.Pytester) -> None:
    (pytester.path / "estate.toml").write_text(
        '[environments.production]\nchain = ["vault"]\n\n[providers.vault]\nprefix = "estate/"\n'
    )
    pytester.makepyfile(
        """
        from pydantic import PostgresDsn, SecretStr

        from estate_config import Settings, explain, load, secret


        class AiSettings(Settings):
            database_url: PostgresDsn = secret("database/url")
            openai_api_key: SecretStr = secret("openai/api_key")
            rds_password: SecretStr = secret("rds/password", vault="rds#password")


        def test_seeded(estate, estate_vault):
            estate_vault.seed(AiSettings, rds_password="made-up")
            estate.environment("production")
            settings = load(AiSettings)
            assert settings.rds_password.get_secret_value() == "made-up"
            assert settings.openai_api_key.get_secret_value().startswith("fake-")
            assert explain(settings)["database_url"].place == "secret:estate/database/url#value"


        def test_empty_again(estate, estate_vault):
            import pytest
            from estate_config import ConfigurationError

            estate.environment("production")
            with pytest.raises(ConfigurationError) as caught:
                load(AiSettings)
            assert {problem.code for problem in caught.value.problems} == {"MISSING"}
            assert "vault kv put -mount=secret rds password=-" in str(caught.value)
        """
    )
    result = pytester.runpytest_subprocess("-p", "estate_config", "-W", "error")
    result.assert_outcomes(passed=2)
