"""An answer of AWS that is cut off at any byte: the right value after another try, or a failure; never a part of it."""

from __future__ import annotations

import pytest

from estate_config import Code
from estate_config.contract import Provider
from estate_config.errors import ProviderError
from estate_config.model import Deadline, Found
from tests.fakes.aws import StrictAws
from tests.faults.proxy import Proxy
from tests.faults.row import CANARY
from tests.providers.aws_support import key, provider_on

TOKEN = key("token")
LONGEST = 1200
"""Bytes of the answer, its head included, at the most."""


@pytest.mark.parametrize("orderly", [False, True])
def test_cut_once_at_any_byte_it_is_read_again_or_no_answer(monkeypatch: pytest.MonkeyPatch, *, orderly: bool) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # the SDK's pauses are not what is tried
    with StrictAws() as fake, Proxy(int(fake.url.rpartition(":")[2])) as way:
        fake.add("token", CANARY)
        with provider_on(fake, endpoint_url=way.url) as provider:
            for number in range(LONGEST):
                before = fake.calls["GetSecretValue"]
                way.cut_after, way.cuts_orderly = number, orderly
                answer = asked(provider)
                if orderly and answer is Code.UNAVAILABLE:  # a head that ends too early, and says nothing of a length
                    continue
                assert answer == CANARY, number
                if fake.calls["GetSecretValue"] == before + 1:
                    break  # the whole answer was through before the cut
            else:
                raise AssertionError("the answer is longer than was thought: nothing was seen whole")
    assert number > 300


def asked(provider: Provider) -> object:
    """Return the value, or the code where there is none."""
    try:
        answer = provider.fetch([TOKEN], Deadline(10))[TOKEN]
    except ProviderError as error:
        return error.code
    return answer.value if isinstance(answer, Found) else answer.code


def test_cut_every_time_it_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: None)  # as above
    with StrictAws() as fake, Proxy(int(fake.url.rpartition(":")[2])) as way:
        fake.add("token", CANARY)
        with provider_on(fake, endpoint_url=way.url) as provider:
            for number in range(0, 320, 16):
                way.cut_after, way.cuts_again = number, True
                assert asked(provider) is Code.UNAVAILABLE
