"""The chain: every provider is asked once for what is still open, those that do not depend on each other together.

The one rule: **only absent falls through.** An empty text counts as absent unless the field allows it; a failure
closes the key, unless the chain entry names that failure as one to pass over.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from estate_config.contract import Inspector, Provider, ProviderSpec
from estate_config.errors import Asked, Code, Problem, ProviderError
from estate_config.model import Deadline, Failed, Found, Key, Notice, Origin, Place
from estate_config.redaction import where
from estate_config.schema import Setting
from estate_config.shapes import Shape

log = logging.getLogger("estate_config")

_GRACE = 0.5
"""Seconds at least for a provider whose turn comes late: one that hangs must not take the time of the one after it."""


@dataclass(frozen=True, slots=True)
class Link:
    """One provider of the chain."""

    name: str
    spec: ProviderSpec
    next_on: frozenset[Code]
    provider: Provider = field(repr=False)
    stages: Mapping[str, str] = field(default_factory=dict, hash=False)
    """By field, the stage that is asked for instead of the current one."""
    limit: float | None = None
    """Seconds that it may take of the load's time; None: all of it."""

    def serves(self, setting: Setting) -> bool:
        """Whether the setting may be asked of this provider."""
        if not self.spec.double and setting.field in self.stages and not self.spec.stages:
            return False  # it could only give the current version
        return is_served(self.spec, setting)

    def key(self, setting: Setting) -> Key:
        stage = self.stages.get(setting.field) if self.spec.stages else None
        return replace(key_of(self.spec, setting), stage=stage)


def is_served(spec: ProviderSpec, setting: Setting) -> bool:
    """Whether the schema lets the setting be asked of a provider."""
    words = setting.declaration
    if spec.double:
        return True
    if words.providers is not None:
        return spec.name in words.providers
    return setting.secret or not spec.secrets_only or _address(spec, setting) is not None


def key_of(spec: ProviderSpec, setting: Setting) -> Key:
    """Return what a provider is asked for."""
    return Key(
        name=setting.name,
        field=setting.field,
        address=_address(spec, setting),
        secret=setting.secret,
        binary=setting.shape is Shape.BINARY,
    )


def _address(spec: ProviderSpec, setting: Setting) -> str | None:
    names = (spec.name, *spec.address_names)
    return next((setting.addresses[name] for name in names if name in setting.addresses), None)


@dataclass(slots=True)
class Answer:
    """All that came back for one setting."""

    setting: Setting
    asked: list[Asked] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    """Those that were asked, with how to put a value there."""
    found: Found | None = None
    failed: Failed | None = None
    """The failure that closed the key."""

    @property
    def was_empty(self) -> bool:
        return any(step.outcome == "empty" for step in self.asked)


@dataclass(frozen=True, slots=True)
class Fetch:
    """One provider was asked: for how many keys, how long it took, and whether it could answer at all."""

    provider: str
    keys: int
    seconds: float
    outcome: str
    """`answered`, or the name of a `Code`."""
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    """When it was done."""


@dataclass(slots=True)
class Resolution:
    """What the chain answered, by field, and what the providers saw besides."""

    answers: dict[str, Answer]
    warnings: list[Problem] = field(default_factory=list)
    fetches: list[Fetch] = field(default_factory=list)


Replies = Mapping[Key, Found | Failed]


def resolve(settings: Iterable[Setting], chain: Sequence[Link], deadline: Deadline) -> Resolution:
    """Ask the chain for every setting. It raises nothing: all that can go wrong is in the answer."""
    return _Run(settings, chain, deadline).run()


class _Run:
    def __init__(self, settings: Iterable[Setting], chain: Sequence[Link], deadline: Deadline) -> None:
        self.chain = chain
        self.deadline = deadline
        self.patience = Deadline(0)
        self.has_taken = False
        self.resolution = Resolution({setting.field: Answer(setting) for setting in settings})
        self.ahead = {
            name: [link for link in chain if link.serves(answer.setting)]
            for name, answer in self.resolution.answers.items()
        }
        self.running: dict[str, tuple[Link, dict[Key, Answer]]] = {}
        self.began: dict[str, float] = {}
        self.until: dict[str, Deadline] = {}
        """When those are given up that have a limit of their own."""
        self.replies: queue.SimpleQueue[tuple[str, Replies | ProviderError | str, Sequence[Notice]]] = (
            queue.SimpleQueue()
        )

    def run(self) -> Resolution:
        while self._start_ready() or self.running:
            try:
                name, reply, notices = self.replies.get(timeout=self._waiting_time())
            except queue.Empty:
                self._give_up()
                continue
            if name not in self.running:
                continue  # given up before it answered
            link, keys = self.running.pop(name)
            self._take(link, keys, reply)
            self.resolution.warnings.extend(_warning(link, notice) for notice in notices)
        return self.resolution

    def _time_left(self) -> float:
        return max(self.deadline.remaining(), self.patience.remaining())

    def _waiting_time(self) -> float:
        return min(self._time_of(name) for name in self.running)

    def _time_of(self, name: str) -> float:
        """Return the seconds that a provider has left."""
        own = self.until.get(name)
        return self._time_left() if own is None else min(own.remaining(), self._time_left())

    def _start_ready(self) -> bool:
        """Start every provider that no open key can still reach through another one; whether any was started."""
        started = False
        for link in self.chain:
            waiting = [name for name, links in self.ahead.items() if link in links]
            if waiting and all(self.ahead[name][0] is link for name in waiting) and link.name not in self.running:
                self._start(link, waiting)
                started = True
        return started

    def _start(self, link: Link, names: list[str]) -> None:
        keys = {}
        for name in names:
            answer = self.resolution.answers[name]
            keys[link.key(answer.setting)] = answer
        log.debug("asking %s for %d keys: %s", link.name, len(keys), ", ".join(names))
        self.running[link.name] = (link, keys)
        self.began[link.name] = time.monotonic()
        if self.has_taken:
            self.patience = Deadline(_GRACE)
        if link.limit is not None:
            self.until[link.name] = Deadline(link.limit)
        every = [link.key(answer.setting) for answer in self.resolution.answers.values() if link.serves(answer.setting)]
        context = contextvars.copy_context()
        threading.Thread(
            target=context.run,
            args=(self._ask, link, list(keys), every),
            name=f"estate-config-{link.name}",
            daemon=True,  # one that hangs must not keep the interpreter from exiting
        ).start()

    def _ask(self, link: Link, keys: list[Key], every: list[Key]) -> None:
        notices: Sequence[Notice] = ()
        reply: Replies | ProviderError | str
        try:
            reply, notices = fetched(link, keys, every, Deadline(self._time_of(link.name)))
        except BaseException as error:  # noqa: BLE001 - a stranger's provider may raise anything, in a thread of ours
            reply = f"raised {type(error).__name__} in {where(error)}"
        self.replies.put((link.name, reply, notices))

    def _give_up(self) -> None:
        late = [name for name in self.running if not self._time_of(name)]
        for link, keys in [self.running.pop(name) for name in late]:
            seconds = min(link.limit or self.deadline.seconds, self.deadline.seconds)
            hint = f"did not answer within {seconds:g} seconds"
            self._take(
                link,
                keys,
                ProviderError(
                    Code.UNAVAILABLE, hint, "look whether it can be reached; a longer deadline is set in estate.toml"
                ),
            )

    def _take(self, link: Link, keys: dict[Key, Answer], reply: Replies | ProviderError | str) -> None:
        self.has_taken = True
        seconds = time.monotonic() - self.began[link.name]
        self.resolution.fetches.append(Fetch(link.name, len(keys), seconds, outcome_of(reply)))
        if isinstance(reply, ProviderError):
            failed = Failed(reply.code, f"{link.name} {reply.hint}", reply.fix)
            replies: Replies = dict.fromkeys(keys, failed)
        elif isinstance(reply, str):
            replies = dict.fromkeys(keys, _plugin(link, reply))
        else:
            replies = reply
        for key, answer in keys.items():
            self._settle(link, key, answer, replies.get(key))

    def _settle(self, link: Link, key: Key, answer: Answer, reply: Found | Failed | None) -> None:
        place = place_of(link, key)
        outcome, closed = "absent", False
        if isinstance(reply, Found):
            empty = isinstance(reply.value, str | bytes) and not reply.value
            empty = empty and not answer.setting.declaration.allow_empty
            outcome, closed = ("empty", False) if empty else ("found", True)
            answer.found = None if empty else reply
        elif isinstance(reply, Failed):
            outcome, closed = reply.code.value, reply.code not in link.next_on
            answer.failed = reply if closed else None
        text = place.text
        if isinstance(reply, Found):
            text, place = reply.origin.place, replace(place, change=reply.origin.change or place.change)
        answer.asked.append(Asked(link.name, text, outcome))
        answer.places.append(place)
        ahead = self.ahead[answer.setting.field]
        ahead.remove(link)
        log.debug("%s: %s %s: %s", answer.setting.field, link.name, text, outcome)
        if closed:
            if answer.failed:
                answer.asked.extend(
                    Asked(later.name, place_of(later, later.key(answer.setting)).text, "not asked") for later in ahead
                )
            ahead.clear()


def outcome_of(reply: Replies | ProviderError | str) -> str:
    """Return `answered`, or the name of the `Code` where a provider could not answer at all."""
    if isinstance(reply, ProviderError):
        return reply.code.value
    return Code.PLUGIN.value if isinstance(reply, str) else "answered"


def fetched(
    link: Link, keys: Sequence[Key], every: Sequence[Key], deadline: Deadline
) -> tuple[Replies | ProviderError | str, Sequence[Notice]]:
    """Ask a provider, and return what it says as far as the contract knows it. The provider may do what it likes."""
    try:
        answers = link.provider.fetch(list(keys), deadline)
    except ProviderError as error:
        if not isinstance(error.code, Code) or not _are_texts(error.hint, error.fix):
            return "raised a ProviderError without a code of ours and a hint in words", ()
        failed = ProviderError(error.code, error.hint, error.fix)  # a new one: without its traceback's locals
    else:
        return _replies(link, keys, answers), _seen(link, every)
    return failed, _seen(link, every)


def _seen(link: Link, every: Sequence[Key]) -> Sequence[Notice]:
    """What an inspector has to tell, asked after the fetch, which may be how it comes to know."""
    provider = link.provider
    if not isinstance(provider, Inspector) or Inspector not in link.spec.offers:
        return ()
    return [notice for notice in provider.inspect(every) if _is_notice(notice)]


def _replies(link: Link, keys: Sequence[Key], answers: object) -> Replies | str:
    if not isinstance(answers, Mapping):
        return f"answered with a {type(answers).__name__} instead of a mapping"
    if unasked := sum(key not in keys for key in answers):
        return f"answered {unasked} keys that nobody asked for"
    return {key: _checked(link, key, answers[key]) for key in keys if key in answers}


def place_of(link: Link, key: Key) -> Place:
    """Return where a provider looks for a key; where it cannot say, words that say so."""
    try:
        place = link.provider.locate(key)
        if isinstance(place, Place) and _are_texts(place.text, place.fix, place.change, place.wrong):
            return place
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a stranger's provider may raise anything
        return Place(f"(locate raised {type(error).__name__})")
    return Place(f"(locate answered with a {type(place).__name__})")


def _checked(link: Link, key: Key, reply: object) -> Found | Failed:
    """Return the reply if it is one that the contract knows, text as text."""
    if isinstance(reply, Failed) and isinstance(reply.code, Code) and _are_texts(reply.hint, reply.fix):
        return reply
    if not isinstance(reply, Found) or not _is_origin(reply.origin):
        return _plugin(link, f"answered with a {type(reply).__name__} that is not filled in as the contract says")
    value = reply.value
    if isinstance(value, bytes) and not key.binary:
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            return Failed(Code.MALFORMED, "is not text in UTF-8; declare the field as SecretBytes if it is binary")
    if isinstance(value, str):
        value = str.__str__(value)  # a plain one: a subclass may compare and print as it likes
    return Found(value, reply.origin)


def _are_texts(*words: object) -> bool:
    return all(isinstance(word, str) for word in words)


def _is_origin(origin: object) -> bool:
    if not isinstance(origin, Origin) or not isinstance(origin.fetched_at, datetime):
        return False
    words = (origin.provider, origin.place, origin.change, origin.version or "", origin.stage or "")
    return _are_texts(*words) and origin.fetched_at.tzinfo is not None


def _is_notice(notice: object) -> bool:
    if not isinstance(notice, Notice) or not isinstance(notice.code, Code):
        return False
    return _are_texts(notice.place, notice.message, notice.fix)


def _plugin(link: Link, what: str) -> Failed:
    return Failed(Code.PLUGIN, f'the provider "{link.name}" {what}', _plugin_fix(link))


def _plugin_fix(link: Link) -> str:
    return f'the provider "{link.name}" breaks its contract: report it to its makers, `estate providers` names them'


def _warning(link: Link, notice: Notice) -> Problem:
    return Problem("", notice.code, notice.message, (Asked(link.name, notice.place, notice.code.value),), notice.fix)
