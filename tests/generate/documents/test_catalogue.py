"""The one model that documents and generators are made from: complete, in order, offline, and without a secret."""

from __future__ import annotations

import socket
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from estate_config import Code, ConfigurationError, Settings, environments, secret, setting
from estate_config.generate.artefacts import ARTEFACTS, DOCUMENTS, Artefact
from estate_config.generate.catalogue import SettingEntry, catalogue_of, schemas_of
from tests.generate.estates import MARK, TABLE, Api, Job, catalogue
from tests.leaks import CANARIES, assert_no_canary


def entry(field: str, service: str = "api") -> SettingEntry:
    return next(item for item in catalogue().service(service).settings if item.field == field)


def places(item: SettingEntry, environment: str) -> list[tuple[str, str]]:
    return [(stop.provider, stop.place) for stop in item.looked_for[environment].stops]


class TestEnvironments:
    def test_they_are_those_of_the_file_in_its_order(self) -> None:
        development, production = catalogue().environments
        assert (development.name, development.is_default, development.deadline) == ("development", True, 15)
        assert (production.name, production.is_default, production.deadline) == ("production", False, 30)
        assert catalogue().environment_variables == ("ESTATE_ENV", "NODE_ENV")

    def test_a_link_says_who_it_is_what_it_passes_over_and_with_which_options(self) -> None:
        env, gcp = catalogue().environment("production").chain
        assert (env.provider, env.title, env.next_on, env.secrets_only) == ("env", "environment variables", (), False)
        assert (gcp.title, gcp.next_on) == ("Google Secret Manager", (Code.DENIED, Code.UNAVAILABLE))
        assert (gcp.secrets_only, gcp.remote, gcp.options) == (True, True, {"project": "estate", "prefix": "estate-"})
        assert catalogue().environment("production").link("gcp") == gcp
        assert catalogue().environment("production").link("dotenv") is None

    def test_options_are_in_no_repr(self) -> None:
        assert "estate-" not in repr(catalogue().environment("production"))


class TestSettings:
    def test_a_service_is_its_class_and_the_first_paragraph_of_its_docstring(self) -> None:
        api, job = catalogue().services
        assert (api.name, api.target, api.summary) == ("api", "tests.generate.estates:Api", "Serves listings.")
        assert (job.summary, job.cls) == ("", Job)
        assert [item.field for item in job.settings] == ["db_user", "db_password", "database_url", "jwt_secret"]

    def test_what_a_declaration_says_is_there_in_words(self) -> None:
        item = entry("jwt_secret")
        assert (item.name, item.secret, item.type, item.constraints) == (
            "jwt/secret",
            True,
            "SecretStr",
            ("min_length=32",),
        )
        assert (item.owner, item.rotates, item.max_stale) == ("backend", timedelta(days=90), timedelta(hours=1))
        assert (item.required, item.default, item.description) == (True, None, "")

    @pytest.mark.parametrize(
        ("field", "default", "text"),
        [
            ("sentry_dsn", "none", None),
            ("pin", "not shown", None),
            ("login", "not shown", None),
            ("region", "north", "north"),
            ("timeout", "1m30s", "1m30s"),
            ("tags", '["a", "b", "c"]', '["a", "b", "c"]'),
            ("request_id", "made by <lambda>()", None),
            ("home_page", None, None),
        ],
    )
    def test_a_default_is_in_words_and_as_it_would_be_written(
        self, field: str, default: str | None, text: str | None
    ) -> None:
        assert (entry(field).default, entry(field).default_text) == (default, text)

    def test_examples_are_those_of_settings_and_never_of_secrets(self) -> None:
        assert entry("home_page").examples == ("https://estate.example/a b",)
        assert entry("pin").examples == entry("jwt_secret").examples == ()

    def test_a_description_is_one_line(self) -> None:
        class Service(Settings):
            """A service
            of two lines."""

            token: str = secret(description="  One\nline\x1b[31m \u202eonly ", owner="a\tteam")

        made = catalogue(service=Service).service("service")
        assert made.summary == "A service of two lines."
        assert (made.settings[0].description, made.settings[0].owner) == ("One line [31m only", "a team")

    def test_the_parts_of_a_template_are_fields(self) -> None:
        item = entry("database_url", "job")
        assert item.parts == ("db_user", "db_password")
        assert item.template == "postgresql://{db_user}:{db_password}@db/estate"
        assert not item.required


class TestWhereItIsLookedFor:
    def test_places_are_in_the_order_of_asking_and_in_each_provider_s_own_spelling(self) -> None:
        item = entry("db_password", "job")
        assert places(item, "production") == [
            ("env", "RDS_PASSWORD"),
            ("gcp", "projects/estate/secrets/estate-rds#password"),
        ]
        stop = item.looked_for["production"].stops[1]
        assert (stop.title, stop.key.name, stop.key.address) == (
            "Google Secret Manager",
            "rds/password",
            "estate-rds#password",
        )
        assert "estate-rds" in stop.fix

    def test_folders_are_relative_to_estate_toml_on_every_machine(self) -> None:
        assert places(entry("tls_key"), "development") == [("files", "mounted/tls/key.der")]

    def test_who_serves_secrets_only_is_not_asked_for_a_setting(self) -> None:
        assert places(entry("log_level"), "production") == [("env", "LOG_LEVEL")]

    @pytest.mark.parametrize(
        ("service", "field", "environment", "absent", "words"),
        [
            ("api", "database_url", "production", Code.MISSING, "the service does not start"),
            (
                "api",
                "tls_key",
                "production",
                Code.MISSING,
                "the service does not start: nobody in this chain may be asked",
            ),
            ("api", "log_level", "production", None, "default: info"),
            ("api", "sentry_dsn", "production", None, "default: none"),
            ("api", "pin", "production", None, "default: not shown"),
            (
                "api",
                "cache.port",
                "production",
                None,
                "the default of cache stands; MISSING once another setting of cache is found",
            ),
            ("job", "database_url", "production", None, "built from db_user, db_password"),
        ],
    )
    def test_what_it_means_when_nobody_has_it(
        self, service: str, field: str, environment: str, absent: Code | None, words: str
    ) -> None:
        looked_for = entry(field, service).looked_for[environment]
        assert (looked_for.absent, looked_for.absent_words) == (absent, words)

    def test_a_template_with_a_default_falls_back_to_it(self) -> None:
        class Service(Settings):
            host: str | None = None
            url: str = setting(template="http://{host}", default="http://localhost")

        found = catalogue(service=Service).settings[1].looked_for["production"]
        assert found.absent_words == "built from host; else default: http://localhost"

    def test_a_field_of_a_nested_model_without_a_default_is_required(self) -> None:
        class Nested(BaseModel):
            port: int

        class Service(Settings):
            cache: Nested

        item = catalogue(service=Service).settings[0]
        assert (item.field, item.required) == ("cache.port", True)

    def test_the_sources_of_a_class_s_own_come_first(self) -> None:
        class Service(Settings):
            token: str

            @classmethod
            def settings_customise_sources(cls, settings_cls: Any, **sources: Any) -> Any:  # type: ignore[override]
                return tuple(sources.values())

        item = catalogue(service=Service).settings[0]
        assert places(item, "production")[0] == ("sources", "Service.settings_customise_sources: token")


class TestUpwards:
    def test_a_secret_knows_who_reads_it_and_where_it_is(self) -> None:
        url = catalogue().secrets[0]
        assert (url.name, url.services) == ("database/url", ("api", "job"))
        assert [(item.service, item.field) for item in url.readers] == [
            ("api", "database_url"),
            ("job", "database_url"),
        ]
        assert [(place.environment, place.provider, place.place) for place in url.places] == [
            ("development", "env", "DATABASE_URL"),
            ("development", "dotenv", "DATABASE_URL in .env"),
            ("development", "files", "mounted/database_url"),
            ("production", "env", "DATABASE_URL"),
            ("production", "gcp", "projects/estate/secrets/estate-database_url"),
        ]

    def test_a_service_knows_the_secrets_that_it_reads(self) -> None:
        assert [item.name for item in catalogue().service("job").secrets] == [
            "rds/password",
            "database/url",
            "jwt/secret",
        ]

    def test_a_place_knows_all_who_look_there_by_whatever_name(self) -> None:
        class Other(Settings):
            url: str = secret("listings", gcp="estate-database_url")

        made = catalogue(job=Job, other=Other)
        (place,) = [
            place for place in made.places("production", "gcp") if place.place.endswith("/secrets/estate-database_url")
        ]
        assert place.services == ("job", "other")
        assert [(item.service, item.name) for item in place.readers] == [("job", "database/url"), ("other", "listings")]

    def test_places_are_those_of_one_provider_or_of_all(self) -> None:
        made = catalogue(job=Job)
        assert [place.place for place in made.places("production", "env")] == [
            "RDS_USER",
            "RDS_PASSWORD",
            "DATABASE_URL",
            "JWT_SECRET",
        ]
        assert {place.provider for place in made.places("production")} == {"env", "gcp"}


class TestWhatIsWrong:
    def test_everything_is_said_at_once_and_once(self) -> None:
        class Other(Settings):
            token: str = secret(providers=("awss",))

        table = {**TABLE, "environments": {"a": {"chain": ["envy"]}, "b": {"chain": ["env", "files"]}}, "providers": {}}
        with pytest.raises(ConfigurationError) as caught:
            catalogue(table, job=Job, other=Other)
        assert sorted((problem.code, problem.field) for problem in caught.value.problems) == [
            ("PLUGIN", ""),
            ("SCHEMA", ""),  # files has no folder
            ("SCHEMA", "token"),
        ]

    def test_services_that_cannot_be_imported_are_all_named(self) -> None:
        estate = environments.read({**TABLE, "services": {"a": "no_such_a:A", "b": "no_such_b:B", "job": "x"}})
        with pytest.raises(ConfigurationError) as caught:
            schemas_of(estate, ["a", "b"])
        assert ["no_such_a" in caught.value.problems[0].message, "no_such_b" in caught.value.problems[1].message] == [
            True,
            True,
        ]

    def test_schemas_are_found_by_name(self) -> None:
        assert schemas_of(environments.read(TABLE), ["job", "api"]) == {"job": Job, "api": Api}


EVERYTHING = [*DOCUMENTS.values(), ARTEFACTS["dotenv"], ARTEFACTS["json-schema"]]


@pytest.mark.parametrize("artefact", EVERYTHING, ids=lambda artefact: artefact.name)
class TestEveryArtefact:
    def test_it_is_made_without_any_provider_or_socket(
        self, artefact: Artefact, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        def refuse(*_: object, **__: object) -> Any:
            raise AssertionError("a document asks nobody")

        monkeypatch.setattr(socket.socket, "connect", refuse)
        monkeypatch.setattr(socket, "getaddrinfo", refuse)
        assert artefact.make(catalogue(api=Api), MARK)
        assert list(tmp_path.iterdir()) == []

    def test_no_default_and_no_example_of_a_secret_is_in_it(self, artefact: Artefact) -> None:
        text = artefact.make(catalogue(api=Api), MARK)
        for canary in CANARIES:
            assert_no_canary(text, canary)

    def test_it_is_the_same_every_time_and_ends_in_one_newline(self, artefact: Artefact) -> None:
        text = artefact.make(catalogue(api=Api), MARK)
        assert text == artefact.make(catalogue(api=Api), MARK)
        assert text.endswith("\n")
        assert not text.endswith("\n\n")

    def test_it_says_in_its_first_lines_how_it_was_made(self, artefact: Artefact) -> None:
        assert MARK in artefact.make(catalogue(api=Api), MARK)[:1000]


def test_nothing_depends_on_the_folder_that_it_is_made_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        made.append(DOCUMENTS["json"].make(catalogue_of(environments.read(TABLE), {"api": Api}), MARK))
    assert made[0] == made[1]
