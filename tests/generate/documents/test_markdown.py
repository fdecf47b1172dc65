"""The document in Markdown, read as GitHub and others read it: what a schema says stays words."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from estate_config import Settings, secret, setting
from estate_config.generate.markdown import code, markdown, table, text
from estate_config.generate.wording import one_line
from tests.generate.estates import MARK, TABLE, catalogue

READER = MarkdownIt("commonmark").enable(["table", "strikethrough"])

NASTY = st.text(alphabet=st.characters(codec="utf-8")) | st.text(
    alphabet="|\\`*_{}[]<>()#+-.!&;~$=:\"'1 \n\ta/@", min_size=1
)


def cells(markup: str) -> list[list[str]]:
    """Return the text of each cell of the one table in a Markdown text; fail if there is anything but a table."""
    rows: list[list[str]] = []
    for token in READER.parse(markup):
        if token.type == "tr_open":
            rows.append([])
        if token.type == "inline":
            rows[-1].append(words(token))
        assert token.type not in ("html_block", "paragraph_open", "fence", "code_block")
    return rows


def words(inline: Token) -> str:
    """Return what an inline token shows, where it is nothing but text, code and our own line breaks."""
    shown = ""
    for child in inline.children or ():
        if child.type == "html_inline":
            assert child.content in ("<code>", "</code>", "<br>")
            shown += "\n" if child.content == "<br>" else ""
        else:
            assert child.type in ("text", "code_inline", "text_special"), child.type
            shown += child.content
    return shown


@given(NASTY, NASTY)
def test_any_words_in_a_cell_are_these_words(first: str, second: str) -> None:
    made = table(("a", "b", "c"), [(text(first), code(second), "end")])
    assert cells(made) == [["a", "b", "c"], [one_line(first), one_line(second), "end"]]


@given(NASTY)
def test_any_words_of_a_paragraph_are_these_words(given_words: str) -> None:
    tokens = READER.parse(text(given_words))
    assert [token.type for token in tokens] in ([], ["paragraph_open", "inline", "paragraph_close"])
    assert "".join(words(token) for token in tokens if token.type == "inline") == one_line(given_words)


@given(NASTY)
def test_any_words_of_a_heading_are_these_words(given_words: str) -> None:
    tokens = READER.parse(f"### {text(given_words)}")
    assert [token.type for token in tokens] == ["heading_open", "inline", "heading_close"]
    assert words(tokens[1]) == one_line(given_words)


@pytest.mark.parametrize(
    "word", ["database/url", "DATABASE_URL in .env", "http://localhost:1/a?b=c&d", "a (b) - c: d."]
)
def test_usual_words_stay_readable_in_the_source(word: str) -> None:
    assert code(word) == f"`{word}`"
    assert html.unescape(text(word)).replace("\\", "") == word


class TestTheDocument:
    def test_it_has_a_section_for_each_environment_each_service_and_the_secrets(self) -> None:
        headings = re.findall(r"^#+ .*$", markdown(catalogue(), MARK), re.MULTILINE)
        assert headings == [
            "# Settings and secrets",
            "## Environments",
            "### development",
            "### production",
            "## Services",
            "### api",
            "### job",
            "## Secrets",
        ]

    def test_a_picture_shows_the_chain_and_what_leads_on(self) -> None:
        picture = markdown(catalogue(), MARK).split("### production\n\n")[1].split("\n\n")[0]
        assert picture.splitlines() == [
            "```mermaid",
            "flowchart LR",
            '  p0["env<br>environment variables"]',
            '  p1["gcp<br>Google Secret Manager"]',
            '  end_(["default, template, or MISSING"])',
            '  p0 -- "absent" --> p1',
            '  p1 -- "absent or DENIED or UNAVAILABLE" --> end_',
            "```",
        ]

    def test_a_setting_has_a_row_with_all_that_is_declared(self) -> None:
        page = markdown(catalogue(), MARK)
        assert "| `jwt_secret` | secret | `SecretStr, min_length=32` | yes |   |   | backend | every 90 days |" in page
        assert (
            "| `home_page` | setting | `HttpUrl` | yes |   | Shown in mails<br>For example `https://estate.example/a b`"
            " |   |   |" in page
        )
        assert "| How much it says<br>May be empty |" in page

    def test_a_setting_has_a_row_with_where_it_is_looked_for_and_what_holds_without(self) -> None:
        assert (
            "| `db_password` | env: `RDS_PASSWORD`<br>dotenv: `RDS_PASSWORD in .env`<br>files: `mounted/rds_password`"
            "<br>MISSING: the service does not start"
            " | env: `RDS_PASSWORD`<br>gcp: `projects/estate/secrets/estate-rds#password`"
            "<br>MISSING: the service does not start |"
        ) in markdown(catalogue(), MARK)

    def test_the_map_of_secrets_goes_both_ways(self) -> None:
        page = markdown(catalogue(), MARK)
        assert "It reads the secrets `rds/password`, `database/url`, `jwt/secret`." in page
        assert "| secret | api | job |" in page
        assert "| `database/url` | `database_url` | `database_url` |" in page
        assert "| `rds/password` |   | `db_password` |" in page

    def test_a_place_of_one_reader_only_says_whose_it_is(self) -> None:
        class One(Settings):
            url: str = secret("url", env="ONE_URL")

        class Two(Settings):
            url: str = secret("url", env="TWO_URL")

        page = markdown(catalogue(one=One, two=Two), MARK)
        assert "env: `ONE_URL` (one)<br>env: `TWO_URL` (two)" in page

    def test_a_service_without_secrets_says_so(self) -> None:
        class Plain(Settings):
            port: int = setting(default=1)

        page = markdown(catalogue(plain=Plain), MARK)
        assert "It reads no secrets." in page
        assert page.endswith("## Secrets\n\nThere are none.\n")

    @pytest.mark.parametrize(
        ("words", "said"),
        [
            (
                {"environment_variables": ["ESTATE_ENV"]},
                "The first of `ESTATE_ENV` that is set names the environment. Without that, it is `development`.",
            ),
            ({"environment_variables": []}, "It is always `development`, unless the command names another one."),
            (
                {"default_environment": None},
                "The first of `ESTATE_ENV`, `NODE_ENV` that is set names the environment. There is no default.",
            ),
        ],
    )
    def test_how_an_environment_is_chosen_is_said(self, words: dict[str, object], said: str) -> None:
        assert f"\n\n{said}\n\n" in markdown(catalogue({**TABLE, **words}), MARK)

    def test_a_mark_that_would_end_the_comment_does_not(self) -> None:
        assert markdown(catalogue(), "a --> b").startswith("<!-- a --&gt; b -->\n")
