"""The page in a real browser, headless: search, filters, links, keyboard, colours, print, nothing let in."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from estate_config import Settings, secret, setting
from estate_config.generate.html_page import html
from tests.generate.estates import MARK, TABLE, catalogue

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
QUIET = (
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

pytestmark = pytest.mark.xdist_group("browser")

VIOLATIONS = """
    window.violations = [];
    document.addEventListener("securitypolicyviolation", (event) => window.violations.push(event.violatedDirective));
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        pytest.skip(f"no browser is installed: {' or '.join(NAMES)}")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield started
        started.close()


class Opened:
    """A page that was opened, and what it asked for or complained of."""

    def __init__(self, browser: Browser, file: Path, **words: Any) -> None:
        self.url = file.as_uri()
        self.context = browser.new_context(**words)
        self.page: Page = self.context.new_page()
        self.requests: list[str] = []
        self.stopped: list[tuple[str, str | None]] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("requestfailed", lambda request: self.stopped.append((request.url, request.failure)))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        self.page.add_init_script(VIOLATIONS)

    def at(self, fragment: str = "") -> Page:
        self.page.goto(self.url + fragment)
        return self.page

    def shown(self) -> list[str]:
        """Return the ids of the settings that can be seen."""
        cards = self.page.locator("article.setting:visible").all()
        return [str(card.get_attribute("id")) for card in cards]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "settings.html"
    file.write_text(html(catalogue(), MARK), encoding="utf-8")
    return file


@pytest.fixture
def opened(browser: Browser, file: Path) -> Iterator[Opened]:
    opened = Opened(browser, file)
    yield opened
    assert set(opened.requests) == {opened.url}
    assert opened.complaints == []
    assert opened.page.evaluate("window.violations") == []
    opened.context.close()


COUNT = len(catalogue().settings)


class TestSearchAndFilters:
    def test_a_search_shows_what_has_every_word_and_says_how_many(self, opened: Opened) -> None:
        page = opened.at()
        expect(page.get_by_role("status")).to_have_text(f"{COUNT} of {COUNT} settings")
        page.get_by_label("Search").fill("database LISTINGS")
        assert opened.shown() == ["api/database_url"]
        expect(page.get_by_role("status")).to_have_text(f"1 of {COUNT} settings")
        for passed_over in ("service:job", "environments"):
            expect(page.locator(f"[id='{passed_over}']")).to_be_hidden()
        page.get_by_label("Search").fill("no such word")
        assert opened.shown() == []
        expect(page.get_by_role("status")).to_have_text(f"0 of {COUNT} settings")

    def test_a_place_is_found_in_its_own_spelling(self, opened: Opened) -> None:
        opened.at().get_by_label("Search").fill("WEB_CONCURRENCY")
        assert opened.shown() == ["api/worker_count"]

    def test_a_service_is_chosen_with_the_secrets_that_it_reads(self, opened: Opened) -> None:
        page = opened.at()
        page.get_by_label("Service").select_option("job")
        assert opened.shown() == ["job/db_user", "job/db_password", "job/database_url", "job/jwt_secret"]
        secrets = [card.get_attribute("id") for card in page.locator("article.secret:visible").all()]
        assert secrets == ["secret:database/url", "secret:jwt/secret", "secret:rds/password"]

    def test_an_environment_is_chosen_and_the_others_are_gone_everywhere(self, opened: Opened) -> None:
        page = opened.at()
        page.get_by_label("Environment").select_option("production")
        expect(page.locator("[id='environment:development']")).to_be_hidden()
        expect(page.locator("[id='environment:production']")).to_be_visible()
        card = page.locator("[id='job/db_password']")
        assert [row.inner_text() for row in card.get_by_role("rowheader").all()] == ["production"]
        assert len(opened.shown()) == COUNT

    def test_a_secret_is_chosen_in_all_services(self, opened: Opened) -> None:
        page = opened.at()
        page.get_by_role("combobox", name="Secret").select_option("jwt/secret")
        assert opened.shown() == ["api/jwt_secret", "job/jwt_secret"]
        page.get_by_role("combobox", name="Secret").select_option("all secrets")
        assert len(opened.shown()) == sum(entry.secret for entry in catalogue().settings)
        page.get_by_role("combobox", name="Secret").select_option("no secrets")
        assert "api/log_level" in opened.shown()
        assert "api/jwt_secret" not in opened.shown()
        expect(page.get_by_role("heading", name="Secrets", exact=True)).to_be_hidden()

    def test_filters_go_together_and_one_button_shows_all_again(self, opened: Opened) -> None:
        page = opened.at()
        page.get_by_role("combobox", name="Secret").select_option("database/url")
        page.get_by_label("Service").select_option("api")
        assert opened.shown() == ["api/database_url"]
        page.get_by_role("button", name="Show all").click()
        expect(page.get_by_role("status")).to_have_text(f"{COUNT} of {COUNT} settings")
        expect(page).to_have_url(opened.url)


class TestLinks:
    def test_a_link_leads_to_a_setting_and_to_nothing_else(self, opened: Opened) -> None:
        page = opened.at("#job/database_url")
        card = page.locator("[id='job/database_url']")
        expect(card).to_be_focused()
        expect(card).to_be_in_viewport()
        box = card.bounding_box()
        bar = page.get_by_role("search").bounding_box()
        assert box is not None
        assert bar is not None
        assert box["y"] >= bar["y"] + bar["height"]

    def test_a_link_to_what_a_filter_hides_shows_it(self, opened: Opened) -> None:
        page = opened.at()
        page.get_by_label("Service").select_option("job")
        page.locator("[id='secret:database/url']").get_by_role("link", name="api: database_url").click()
        expect(page.locator("[id='api/database_url']")).to_be_in_viewport()
        expect(page.get_by_role("status")).to_have_text(f"{COUNT} of {COUNT} settings")
        expect(page).to_have_url(f"{opened.url}#api/database_url")

    def test_what_is_chosen_is_in_the_address_and_comes_back(
        self, browser: Browser, file: Path, opened: Opened
    ) -> None:
        page = opened.at()
        page.get_by_label("Service").select_option("job")
        page.get_by_label("Environment").select_option("production")
        page.get_by_label("Search").fill("rds/p")
        chosen = "#?q=rds%2Fp&service=job&environment=production"
        expect(page).to_have_url(f"{opened.url}{chosen}")
        again = Opened(browser, file)
        page = again.at(chosen)
        assert again.shown() == ["job/db_password"]
        expect(page.get_by_label("Environment")).to_have_value("production")
        again.context.close()

    def test_a_name_that_is_not_there_any_more_filters_nothing(self, opened: Opened) -> None:
        opened.at("#?service=gone&secret=gone")
        assert len(opened.shown()) == COUNT

    @pytest.mark.parametrize("fragment", ["#no/such", "#%", "#%E0%A4%A", "#?%E0%A4%A"])
    def test_a_link_to_nothing_shows_everything(self, opened: Opened, fragment: str) -> None:
        opened.at(fragment)
        assert len(opened.shown()) == COUNT


class TestByKeyboard:
    def test_the_first_key_leads_past_everything_to_the_settings(self, opened: Opened) -> None:
        page = opened.at()
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name="To the settings")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.locator("#services")).to_be_focused()

    def test_everything_can_be_reached_in_the_order_of_the_page(self, opened: Opened) -> None:
        page = opened.at()
        reached = []
        for _ in range(8):
            page.keyboard.press("Tab")
            reached.append(page.evaluate("document.activeElement.name || document.activeElement.textContent.trim()"))
        assert reached == [
            "To the settings",
            "Dark",
            "q",
            "service",
            "environment",
            "secret",
            "Show all",
            "Environments",
        ]

    def test_a_slash_leads_to_the_search_and_escape_empties_it(self, opened: Opened) -> None:
        page = opened.at()
        page.keyboard.press("/")
        expect(page.get_by_label("Search")).to_be_focused()
        page.keyboard.type("a/b")
        expect(page.get_by_label("Search")).to_have_value("a/b")
        page.keyboard.press("Escape")
        expect(page.get_by_label("Search")).to_have_value("")
        assert len(opened.shown()) == COUNT

    def test_what_is_folded_opens_with_a_key(self, opened: Opened) -> None:
        page = opened.at("#job/db_password")
        summary = page.locator("[id='job/db_password'] summary").first
        summary.focus()
        page.keyboard.press("Enter")
        expect(page.get_by_text("export RDS_PASSWORD='…'").first).to_be_visible()


class TestForScreenReaders:
    def test_landmarks_and_controls_have_names(self, opened: Opened) -> None:
        page = opened.at()
        for landmark in ("banner", "search", "main", "contentinfo"):
            expect(page.get_by_role(landmark)).to_be_visible()
        expect(page.get_by_role("navigation", name="Contents")).to_be_visible()
        for control in page.locator("input, select, button").all():
            assert control.evaluate("element => (element.labels?.[0] ?? element).textContent.trim()")

    def test_tables_and_pictures_say_what_they_show(self, opened: Opened) -> None:
        page = opened.at()
        table = page.get_by_role("table", name="Where job looks for db_password, and what holds without it")
        expect(table.get_by_role("rowheader")).to_have_text(["development", "production"])
        expect(page.get_by_role("img", name=re.compile("Chain of production: env, then gcp"))).to_be_visible()


BACKGROUND = "getComputedStyle(document.body).backgroundColor"
CONTRASTS = """
() => {
  const brightness = (colour) => {
    const [red, green, blue] = colour.match(/[\\d.]+/g).map((part) => part / 255)
      .map((part) => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  };
  const paper = brightness(getComputedStyle(document.body).backgroundColor);
  return ["body", ".quiet", "nav a", ".badge", ".badge.secret", "label"].map((selector) => {
    const ink = brightness(getComputedStyle(document.querySelector(selector)).color);
    return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
  });
}
"""


class TestColours:
    @pytest.mark.parametrize(("scheme", "colour"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(20, 23, 28)")])
    def test_they_follow_the_system_and_can_be_read(
        self, browser: Browser, file: Path, scheme: str, colour: str
    ) -> None:
        opened = Opened(browser, file, color_scheme=scheme)
        page = opened.at()
        assert page.evaluate(BACKGROUND) == colour
        expect(page.get_by_role("button", name="Dark")).to_have_attribute("aria-pressed", str(scheme == "dark").lower())
        assert min(page.evaluate(CONTRASTS)) >= 4.5  # WCAG 2.2, 1.4.3
        opened.context.close()

    def test_a_button_changes_them_and_the_choice_is_kept(self, opened: Opened) -> None:
        page = opened.at()
        button = page.get_by_role("button", name="Dark")
        button.click()
        assert page.evaluate(BACKGROUND) == "rgb(20, 23, 28)"
        page.reload()
        assert page.evaluate(BACKGROUND) == "rgb(20, 23, 28)"
        expect(button).to_have_attribute("aria-pressed", "true")
        button.click()
        assert page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"

    def test_paper_is_white_and_has_no_controls_on_it(self, browser: Browser, file: Path) -> None:
        opened = Opened(browser, file, color_scheme="dark", viewport={"width": 700, "height": 1000})
        page = opened.at()
        page.emulate_media(media="print")
        assert page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
        for selector in ("search", "nav", "#theme", "details"):
            expect(page.locator(selector).first).to_be_hidden()
        expect(page.locator("article").first).to_be_visible()
        figure = page.locator("figure").last
        assert figure.evaluate("element => element.scrollWidth <= element.clientWidth")
        assert page.pdf().startswith(b"%PDF")
        opened.context.close()


class TestWhateverTheWindow:
    def test_nothing_is_wider_than_a_phone(self, browser: Browser, file: Path) -> None:
        opened = Opened(browser, file, viewport={"width": 360, "height": 800})
        page = opened.at()
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        opened.context.close()

    def test_without_scripts_everything_is_there_and_no_control_that_would_do_nothing(
        self, browser: Browser, file: Path
    ) -> None:
        opened = Opened(browser, file, java_script_enabled=False)
        page = opened.at()
        assert len(opened.shown()) == COUNT
        expect(page.locator("search")).to_be_hidden()
        expect(page.locator("#theme")).to_be_hidden()
        opened.context.close()


ATTACK = (
    "</title></style></script><script>alert(1)</script><img src=x onerror=alert(2)>\"' onmouseover=alert(3) {{7*7}}"
)


class TestNothingIsLetIn:
    def test_a_schema_cannot_bring_in_a_script(self, browser: Browser, tmp_path: Path) -> None:
        class Service(Settings):
            token: str = secret("token", description=ATTACK, owner=ATTACK)
            port: str = setting(default=ATTACK, examples=[ATTACK])

        table = {**TABLE, "environments": {ATTACK: {"chain": ["env"]}}, "default_environment": ATTACK}
        file = tmp_path / "attacked.html"
        file.write_text(html(catalogue(table, **{ATTACK: Service}), f"--> {ATTACK}"), encoding="utf-8")
        opened = Opened(browser, file)
        page = opened.at()
        expect(page.locator("article p").first).to_have_text(ATTACK)
        page.get_by_label("Service").select_option(ATTACK)
        assert len(opened.shown()) == 2
        page.get_by_label("Environment").select_option(ATTACK)
        assert page.locator("img, script:not(:last-child)").count() == 0
        assert (opened.requests, opened.complaints) == ([opened.url], [])
        opened.context.close()

    @pytest.mark.parametrize(
        ("element", "attributes", "directive"),
        [
            ("script", {"textContent": "window.hacked = true"}, "script-src-elem"),
            ("style", {"textContent": "body { color: red }"}, "style-src-elem"),
            ("img", {"src": "http://127.0.0.1:9/x.png"}, "img-src"),
            ("iframe", {"src": "http://127.0.0.1:9/"}, "frame-src"),
            ("script", {"src": "http://127.0.0.1:9/x.js"}, "script-src-elem"),
        ],
    )
    def test_what_got_in_all_the_same_would_be_stopped(
        self, browser: Browser, file: Path, element: str, attributes: dict[str, str], directive: str
    ) -> None:
        opened = Opened(browser, file)
        page = opened.at()
        page.evaluate(
            "([name, words]) => document.body.append(Object.assign(document.createElement(name), words))",
            [element, attributes],
        )
        page.wait_for_function("window.violations.length > 0")
        assert page.evaluate("window.violations") == [directive]
        assert page.evaluate("window.hacked") is None
        assert set(opened.stopped) == {(url, "csp") for url in opened.requests if url != opened.url}
        opened.context.close()

    def test_nothing_can_be_sent(self, browser: Browser, file: Path) -> None:
        opened = Opened(browser, file)
        page = opened.at()
        sent = page.evaluate("fetch('http://127.0.0.1:9/').then(() => 'sent', (error) => error.name)")
        assert sent == "TypeError"
        assert page.evaluate("window.violations") == ["connect-src"]
        opened.context.close()
