"""Which fields may have a new value: asked of each provider by versions, where it can say them without the values."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from estate_config.contract import Prober
from estate_config.errors import Code, ProviderError
from estate_config.last_known_good import UNREACHABLE, stands_in
from estate_config.model import Deadline, Failed, Found, Key, Status
from estate_config.observing import Fetched, Read, is_observed, tell
from estate_config.parallel import at_once
from estate_config.provenance import Record
from estate_config.redaction import where
from estate_config.resolve import Answer, Link, Replies, fetched, outcome_of, place_of
from estate_config.schema import Setting


@dataclass(slots=True)
class Glance:
    """What one look at one provider has shown."""

    same: set[str] = field(default_factory=set)
    """Fields of which it says that they have the version that is in use."""
    moved: set[str] = field(default_factory=set)
    """Fields that are to be read again."""
    trouble: str = ""
    """Why it could not say anything at all."""


def glance(record: Record, settings: Sequence[Setting], links: Iterable[Link], deadline: Deadline) -> dict[str, Glance]:
    """Look at the providers, all at the same time; return what each has shown, by its name.

    A provider is asked for the values that came from it, and for those that came from a later one or from none: it may
    have them by now. One that does not answer in time is in trouble.
    """
    by_name = {link.name: link for link in links}
    seen = at_once(lambda name: _glance(by_name[name], record, settings, deadline), by_name, deadline)
    return {name: seen.get(name) or Glance(trouble="did not answer in time") for name in by_name}


def _glance(link: Link, record: Record, settings: Sequence[Setting], deadline: Deadline) -> Glance:
    keys = {link.key(item): item for item in settings if link.serves(item) and not _is_before(link, item, record)}
    if not keys:
        return Glance()
    said = _said(link, keys, record, deadline)
    if isinstance(said, str):
        return Glance(trouble=said)
    seen = Glance()
    answers = record.answers.reveal()
    for key, item in keys.items():
        kept, reply = answers[item.field].found, said.get(key)
        if _is_away(link, answers[item.field]):
            seen.moved.add(item.field)
        elif record.settings[item.field].provider != link.name:
            if isinstance(reply, Found | Status):
                seen.moved.add(item.field)
        elif kept is not None and _is_same(reply, kept):
            seen.same.add(item.field)
        else:
            seen.moved.add(item.field)
    return seen


def _is_away(link: Link, answer: Answer) -> bool:
    """Whether the provider was out of reach when the value was got elsewhere: it is to be read, the same or not."""
    if stands_in(answer):
        return any(step.provider == link.name and step.outcome in UNREACHABLE for step in answer.asked)
    return answer.found is not None and answer.found.origin.provider == link.name and bool(answer.found.origin.degraded)


def _is_before(link: Link, item: Setting, record: Record) -> bool:
    """Whether another provider had the value before this one's turn came."""
    winner = record.settings[item.field].provider
    asked = [step.provider for step in record.settings[item.field].asked]
    return winner != link.name and winner in asked and link.name not in asked


def _is_same(reply: Found | Status | Failed | None, kept: Found) -> bool:
    if isinstance(reply, Status):
        if reply.created_at is not None and kept.origin.created_at not in (None, reply.created_at):
            return False
        return reply.is_made_anew or (reply.version is not None and reply.version == kept.origin.version)
    return isinstance(reply, Found) and reply.value == kept.value


def _said(
    link: Link, keys: Mapping[Key, Setting], record: Record, deadline: Deadline
) -> Mapping[Key, Found | Status | Failed] | str:
    """Return what a provider says of keys, by probing where it can, or why it says nothing."""
    reply: Replies | ProviderError | str
    provider = link.provider
    try:
        if Prober in link.spec.offers and isinstance(provider, Prober):
            return dict(provider.probe(list(keys), deadline))
        reply = _read(link, keys, record, deadline)
    except ProviderError as error:
        reply = error
    except BaseException as error:  # noqa: BLE001 - a stranger's provider may raise anything, in a thread of ours
        reply = f"raised {type(error).__name__} in {where(error)}"
    if isinstance(reply, ProviderError):
        return f"{reply.code} {reply.hint}"
    return f'{Code.PLUGIN} the provider "{link.name}" {reply}' if isinstance(reply, str) else reply


def _read(link: Link, keys: Mapping[Key, Setting], record: Record, deadline: Deadline) -> Replies | ProviderError | str:
    started = time.monotonic()
    reply, _ = fetched(link, list(keys), (), deadline)
    if is_observed():
        _tell(link, keys, record, reply, time.monotonic() - started)
    return reply


def _tell(
    link: Link, keys: Mapping[Key, Setting], record: Record, reply: Replies | ProviderError | str, seconds: float
) -> None:
    """Tell those who observe of values that were read to compare them, as of those of a load."""
    whose, whole = (record.info.service, record.info.environment), outcome_of(reply)
    tell(Fetched(*whose, link.name, len(keys), seconds, whole))
    for key, item in keys.items():
        said = reply.get(key) if isinstance(reply, Mapping) else None
        read = Read(*whose, item.field, item.secret, link.name, place_of(link, key).text, "absent")
        if isinstance(said, Found):
            read = read.of(said.origin)
        elif isinstance(said, Failed) or whole != "answered":
            read = replace(read, outcome=said.code.value if isinstance(said, Failed) else whole)
        tell(read)
