"""`POST /v1/chat/completions`, as an OpenAI-compatible server answers it. Run: `python -m stubs.openai_stub`."""

from __future__ import annotations

from stubs.json_server import JsonHandler, serve_forever


class OpenAIStub(JsonHandler):
    """An OpenAI-compatible server that praises whatever it is shown. The key it accepts: OPENAI_STUB_KEY."""

    def do_POST(self) -> None:  # noqa: N802 - the name is http.server's
        request = self.body()
        if not self.authorised():
            # the real service quotes a part of the key in its answer: whoever prints that answer leaks it
            given = self.headers.get("Authorization", "").removeprefix("Bearer ")
            self.answer(401, _error(f"Incorrect API key provided: {given}.", "invalid_api_key"))
        elif self.path != "/v1/chat/completions":
            self.answer(404, _error("there is only /v1/chat/completions here", "not_found"))
        elif not isinstance(request, dict) or not request.get("messages"):
            self.answer(400, _error("messages are missing", "invalid_request"))
        else:
            self.answer(200, _completion(str(request.get("model")), str(request["messages"][-1]["content"])))


def _error(message: str, code: str) -> object:
    return {"error": {"message": message, "type": "invalid_request_error", "code": code}}


def _completion(model: str, prompt: str) -> object:
    text = f"A home to fall for. {prompt}"
    return {
        "id": "chatcmpl-stub",
        "object": "chat.completion",
        "created": 0,
        "model": model,
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


if __name__ == "__main__":
    raise SystemExit(serve_forever(OpenAIStub, "OPENAI_STUB_KEY"))
