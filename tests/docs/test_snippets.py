"""Every snippet of the documents runs, or says why it cannot."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.snippets import ROOT, Snippet, run, snippets

PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_snippets_of_a_page_run_in_order(page: Path, tmp_path: Path) -> None:
    for snippet in snippets(page):
        run(snippet, tmp_path)


def page_of(tmp_path: Path, text: str) -> list[Snippet]:
    page = tmp_path / "page.md"
    page.write_text(text, encoding="utf-8")
    return [Snippet(ROOT / "page.md", s.line, s.language, s.text, s.reason) for s in snippets(page)]


def test_snippets_know_language_line_and_file(tmp_path: Path) -> None:
    first, second = page_of(tmp_path, "# Page\n\n```toml\n# a/estate.toml: chains\nx = 1\n```\n\n```python\nx\n```\n")
    assert (first.language, first.line, first.file) == ("toml", 3, "a/estate.toml")
    assert (second.language, second.line, second.file) == ("python", 8, None)


@pytest.mark.parametrize(
    "text",
    [
        "```python\nraise SystemExit(1)\n```\n",
        "```python\nimport warnings; warnings.warn('x')\n```\n",
        "```python\n# broken.py\nraise ValueError\n```\n",
        "```bash\nfalse\ntrue\n```\n",
        "```console\n$ echo one\ntwo\n```\n",
        "```console\n$ echo one\n```\n",
        "```console\n$ false\n$ echo $?\n0\n```\n",
        "```toml\n[environments.production]\nchian = ['env']\n```\n",
        "```toml\n[providers.env]\nprefx = 'A'\n```\n",
        "```json\n{\n```\n",
        "```yaml\na: [\n```\n",
    ],
)
def test_a_snippet_that_does_not_work_is_seen(tmp_path: Path, text: str) -> None:
    (snippet,) = page_of(tmp_path, text)
    with pytest.raises(Exception, match=r"."):  # each language has its own
        run(snippet, tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "```console\n$ echo one two \\\n    three\none … three\n$ false\n$ echo $?\n1\n```\n",
        "```text\nnothing to run\n```\n",
        "<!-- not run: shows a mistake -->\n```python\nraise ValueError\n```\n",
        '```toml\n# pyproject.toml\n[tool.estate.environments.production]\nchain = ["env"]\n```\n',
    ],
)
def test_a_snippet_that_works_passes(tmp_path: Path, text: str) -> None:
    (snippet,) = page_of(tmp_path, text)
    run(snippet, tmp_path)


def test_a_snippet_reaches_nothing_but_this_machine(tmp_path: Path) -> None:
    text = "```python\nimport urllib.request\nurllib.request.urlopen('http://example.com', timeout=5)\n```\n"
    (snippet,) = page_of(tmp_path, text)
    with pytest.raises(AssertionError, match="Connection refused"):
        run(snippet, tmp_path)
