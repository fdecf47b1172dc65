"""The page in HTML, read without a browser: what a schema says stays words, and nothing is let in but our own."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic.fields import FieldInfo

from estate_config import Settings, secret, setting
from estate_config.generate.html_page import html
from estate_config.generate.wording import one_line
from tests.generate.estates import MARK, TABLE, catalogue

NASTY = st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet="<>&\"'/=;#! -script\n", min_size=1)
_VOID = {"meta", "input"}


class Page(HTMLParser):
    """Elements with their attributes, and the text of the page; fails where tags do not match."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, list[str]] = {}
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID and not (tag in ("rect", "path") and self._open[-1] == "svg"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self._open[-1] if self._open else "", []).append(data)

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def shape(page: str) -> list[tuple[str, frozenset[str]]]:
    """Return elements and the names of their attributes, in order."""
    return [(tag, frozenset(attributes)) for tag, attributes in Page(page).elements]


def described(words: str) -> str:
    """Return the page of a service whose schema says `words` wherever a schema can say something."""
    info: FieldInfo = setting(default="x" + words, description="x" + words, owner="x" + words, examples=["x" + words])
    cls = type("Odd", (Settings,), {"__annotations__": {"odd": str}, "odd": info, "__doc__": "x" + words})
    table = {
        **TABLE,
        "environment_variables": ["x" + words],
        "environments": {"x" + words: TABLE["environments"]["development"]},
        "default_environment": None,
    }
    return html(catalogue(table, **{"x" + words: cls}), "x" + words)


@given(NASTY)
def test_whatever_a_schema_says_the_page_has_the_same_elements(words: str) -> None:
    assert shape(described(words)) == shape(described("harmless"))


@given(NASTY)
def test_whatever_a_schema_says_is_shown_as_it_is(words: str) -> None:
    page = Page(described(words))
    shown = one_line("x" + words)
    assert shown in page.texts["p"]
    assert shown in page.texts["dd"]
    assert shown in page.texts["th"]
    assert shown in page.texts["option"]


@given(NASTY)
def test_ids_are_one_each_and_every_link_leads_to_one(words: str) -> None:
    page = Page(described(words))
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(set(ids)) == len(ids)
    assert not any(re.search(r"[\s\"<>`%]", str(one)) for one in ids)
    for link in page.all("a"):
        assert str(link["href"]).removeprefix("#") in ids


def test_names_that_look_alike_have_ids_of_their_own() -> None:
    class One(Settings):
        b_c: str = secret("a/b")

    services = {"a b": One, "a-b": One, "a/b": One, "a~20~b": One, "ä": One, "service:a": One}
    ids = [
        attributes["id"]
        for _, attributes in Page(html(catalogue(None, **services), MARK)).elements
        if "id" in attributes
    ]
    assert len(set(ids)) == len(ids)


class TestThePolicy:
    def test_it_allows_this_style_and_this_script_by_their_hash_and_nothing_else(self) -> None:
        page = html(catalogue(), MARK)
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
        directives = dict(part.split(" ", 1) for part in policy.split("; "))
        (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
        (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
        assert directives == {
            "default-src": "'none'",
            "base-uri": "'none'",
            "form-action": "'none'",
            "style-src": f"'{digest(style)}'",
            "script-src": f"'{digest(script)}'",
        }

    def test_it_comes_before_whatever_it_rules(self) -> None:
        page = html(catalogue(), MARK)
        assert page.index("Content-Security-Policy") < min(page.index("<style>"), page.index("<script>"))

    def test_the_page_has_no_style_or_script_in_attributes_and_names_no_address(self) -> None:
        page = Page(html(catalogue(), MARK))
        names = {name for _, attributes in page.elements for name in attributes}
        assert not {name for name in names if name == "style" or name.startswith("on") or name == "src"}
        assert all(str(link["href"]).startswith("#") for link in page.all("a"))
        assert page.all("link") == []


def digest(content: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


class TestThePage:
    def test_a_setting_is_there_with_all_that_is_known_of_it(self) -> None:
        page = html(catalogue(), MARK)
        card = article(page, "api/jwt_secret")
        for words in ("jwt_secret", "secret", "required", "SecretStr, min_length=32", "backend", "every 90 days", "1h"):
            assert words in card
        assert article(page, "job/database_url").count("built from") == 3
        assert "is a value" in article(page, "api/log_level")
        assert "nobody is asked" in article(page, "api/tls_key")

    def test_how_to_set_a_value_is_there_for_each_provider(self) -> None:
        card = article(html(catalogue(), MARK), "job/db_password")
        assert "export RDS_PASSWORD=&#x27;…&#x27;\nadd the line RDS_PASSWORD=&lt;value&gt; to .env" in card

    def test_the_map_of_secrets_goes_both_ways(self) -> None:
        page = html(catalogue(), MARK)
        assert 'href="#secret:database/url"' in page.split('id="service:job"')[1].split("<article")[0]
        card = article(page, "secret:database/url")
        assert 'href="#api/database_url"' in card
        assert 'href="#job/database_url"' in card
        assert "for api, job" in card

    def test_every_environment_has_a_picture_that_says_in_words_what_it_shows(self) -> None:
        labels = [svg["aria-label"] for svg in Page(html(catalogue(), MARK)).all("svg")]
        assert labels == [
            "Chain of development: env, then dotenv, then files, then default, template, or MISSING",
            "Chain of production: env, then gcp, then default, template, or MISSING",
        ]
        assert "absent or DENIED or UNAVAILABLE" in html(catalogue(), MARK)

    def test_a_page_without_secrets_or_variables_has_no_part_for_them(self) -> None:
        class Plain(Settings):
            port: int = setting(default=1)

        page = html(catalogue({**TABLE, "environment_variables": []}, plain=Plain), MARK)
        assert 'id="secrets"' not in page
        assert "that is set names" not in page
        assert "Secrets that it reads: none." in page

    @pytest.mark.parametrize("landmark", ["header", "main", "nav", "search", "footer"])
    def test_landmarks_are_there_once(self, landmark: str) -> None:
        assert len(Page(html(catalogue(), MARK)).all(landmark)) == 1

    def test_headings_leave_no_level_out(self) -> None:
        levels = [int(tag[1]) for tag, _ in Page(html(catalogue(), MARK)).elements if re.fullmatch(r"h\d", tag)]
        assert levels[0] == 1
        assert [(one, two) for one, two in pairwise(levels) if two > one + 1] == []


def article(page: str, name: str) -> str:
    return page.split(f'id="{name}"')[1].split("</article>", maxsplit=1)[0]
