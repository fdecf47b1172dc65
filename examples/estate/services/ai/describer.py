"""Ask the language model for a description."""

from __future__ import annotations

from typing import TYPE_CHECKING

import openai
from pydantic import BaseModel, Field, ValidationError

from services.ai.secrets_manager import secrets_manager

if TYPE_CHECKING:
    from services.ai.listings import Listing
    from services.ai.settings import AiSettings


class ModelError(Exception):
    """The language model gave no description. The message says why, without a value; `status` is for our caller."""

    def __init__(self, message: str, status: int) -> None:
        self.status = status
        super().__init__(message)


def client_of(settings: AiSettings) -> openai.OpenAI:
    """Return a client. It asks for the key at each request, so that a rotated key is used at once."""
    return openai.OpenAI(
        api_key=secrets_manager.get_openai_api_key,
        base_url=str(settings.openai_base_url),
        timeout=settings.openai_timeout.total_seconds(),
        max_retries=1,
    )


def describe(client: openai.OpenAI, model: str, listing: Listing) -> str:
    """Return a description of the listing; raise `ModelError`."""
    prompt = f"{listing.address}: {listing.area_m2} m², {listing.price_krw:,} KRW."
    failure = ModelError("the language model's answer is not as agreed", 502)
    try:
        # the raw answer: the SDK takes whatever comes with status 200 for a completion
        answer = client.chat.completions.with_raw_response.create(
            model=model, messages=[{"role": "user", "content": prompt}]
        )
        return _Answer.model_validate_json(answer.content).choices[0].message.content
    except openai.OpenAIError as error:
        failure = _failure(error)
    except ValidationError:
        pass
    raise failure  # here, with nothing behind it: what the SDK raises quotes a part of the key


class _Message(BaseModel):
    content: str = Field(min_length=1)


class _Choice(BaseModel):
    message: _Message


class _Answer(BaseModel):
    choices: list[_Choice] = Field(min_length=1)


def _failure(error: openai.OpenAIError) -> ModelError:
    match error:
        case openai.AuthenticationError() | openai.PermissionDeniedError():
            return ModelError("the language model refuses our key (estate/openai/api_key)", 502)
        case openai.APITimeoutError():
            return ModelError("the language model did not answer in time", 503)
        case openai.APIConnectionError():
            return ModelError("the language model cannot be reached (OPENAI_BASE_URL)", 503)
        case openai.RateLimitError():
            return ModelError("the language model asks us to slow down", 503)
        case openai.APIStatusError():
            return ModelError(f"the language model answered with status {error.status_code}", 502)
        case _:
            return ModelError(f"the language model cannot be asked ({type(error).__name__})", 502)
