"""The documents are whole: every outcome has its page, all is listed in the index, every link leads somewhere."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import estate_config
from estate_config.environments import ChainEntry, EnvironmentTable, EstateTable, LastKnownGoodTable
from estate_config.errors import Code
from estate_config.schema import Declaration
from tests.docs.snippets import ROOT

DOCS = ROOT / "docs"
PAGES = [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
INDEX = (DOCS / "index.md").read_text("utf-8")


def anchors(page: Path) -> set[str]:
    """Return what a link into a page may name: its headings, as GitHub spells them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        file = (page.parent / name).resolve() if name else page
        assert file.exists(), f"{page.name} links to {target}"
        assert not anchor or anchor in anchors(file), f"{page.name} links to {target}"


@pytest.mark.parametrize("code", Code)
def test_every_outcome_has_a_page_that_says_what_why_and_how(code: Code) -> None:
    text = (DOCS / "outcomes" / f"{code}.md").read_text("utf-8")
    assert text.startswith(f"# `{code}`: ")
    assert re.findall(r"^## (\S+ \S+)", text, re.MULTILINE) == ["What it", "Why it", "How to"]
    assert f"(../outcomes/{code}.md)" in (DOCS / "reference" / "errors.md").read_text("utf-8")


def test_there_is_no_page_of_an_outcome_that_is_none() -> None:
    assert {page.stem for page in (DOCS / "outcomes").glob("*.md")} == set(Code)


def test_every_provider_has_a_page_and_is_in_the_index() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = set(project["entry-points"]["estate_config.providers"])
    assert set(re.findall(r"\(providers/(\w+)\.md\)", INDEX)) == names
    assert {page.stem for page in (DOCS / "providers").glob("*.md")} == names


@pytest.mark.parametrize("folder", ["how-to", "reference", "design"])
def test_every_page_is_in_the_index(folder: str) -> None:
    assert set(re.findall(rf"\({folder}/([\w.-]+\.md)\)", INDEX)) == {
        page.name for page in (DOCS / folder).glob("*.md")
    }


def test_every_decision_has_goals_and_drawbacks() -> None:
    for page in (DOCS / "design").glob("*.md"):
        headings = re.findall(r"^## (.+)$", page.read_text("utf-8"), re.MULTILINE)
        assert {"Decision", "Drawbacks"} <= set(headings), page.name


def test_every_public_name_is_in_the_reference() -> None:
    text = "".join(page.read_text("utf-8") for page in (DOCS / "reference").glob("*.md"))
    assert [name for name in estate_config.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_every_module_that_a_provider_may_import_is_in_the_reference() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    (allowed,) = (one["ignore_imports"] for one in contracts if one["name"].startswith("A provider imports what"))
    makers = (DOCS / "reference" / "api.md").read_text("utf-8").partition("## For makers of providers")[2]
    modules = [line.rpartition(".")[2] for line in allowed]
    assert [name for name in modules if not re.search(rf"[`.]{name}`", makers)] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_table_begins_with_a_head(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    tables = re.findall(r"(?:^\|.*\n?)+", text, re.MULTILINE)
    assert [table for table in tables if not re.match(r".*\n\|[ :|-]+\|\n", table)] == []


def test_every_word_of_estate_toml_is_in_its_reference() -> None:
    text = (DOCS / "reference" / "estate-toml.md").read_text("utf-8")
    for table in (EstateTable, EnvironmentTable, ChainEntry, LastKnownGoodTable):
        assert [word for word in table.model_fields if not re.search(rf"\b{word}\b", text)] == []


def test_every_word_of_a_declaration_is_in_the_reference_of_the_schema() -> None:
    text = (DOCS / "reference" / "schema.md").read_text("utf-8")
    words = set(Declaration.__dataclass_fields__) - {"secret", "addresses"}
    assert [word for word in words if f"`{word}`" not in text] == []
