"""What a client may ask of the OpenAI-compatible routes: every field has a type, and a wrong one is named.

Fields that only concern OpenAI's own service are taken and ignored; those that would change the answer in a way that is
not done here are refused, so that no answer is silently another one than was asked for.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, StrictBool

from sigma.engine.fields import Fields, Number, Whole, kind_of
from sigma.engine.options import MOST_LIKELIEST, MOST_THRESHOLD, NewTokens, new_tokens
from sigma.events import ChatRequest, Sampling

ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant"}
MOST_MESSAGES = 1000
MOST_STOPS = 4
NEW_TOKENS = 256  # unless a client says how many
SEEDS = 2**31


def _messages(value: Any) -> list[dict[str, str]]:
    """OpenAI's messages as the engine's; texts may come in parts. ValueError with a sentence for anything else."""
    if not isinstance(value, list) or not value:
        raise ValueError("messages must be a list of at least one message.")
    if len(value) > MOST_MESSAGES:
        raise ValueError(f"messages has {len(value):,} messages; at most {MOST_MESSAGES:,} are read.")
    return [_message(message, f"messages[{i}]") for i, message in enumerate(value)]


def _message(message: Any, name: str) -> dict[str, str]:
    if not isinstance(message, dict):
        raise ValueError(f"{name} must be an object with role and content, not {kind_of(message)}.")
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise ValueError(f"{name}.role must be {', '.join(ROLES)}; tools and other roles are not supported.")
    if message.get("tool_calls") or message.get("function_call"):
        raise ValueError(f"{name} calls a tool; tools are not supported.")
    return {"role": ROLES[role], "content": _content(message.get("content"), f"{name}.content")}


def _content(content: Any, name: str) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        raise ValueError(f"{name} must be a text or a list of text parts, not {kind_of(content)}.")
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, dict) and part.get("type") == "text" else None
        if not isinstance(text, str):
            raise ValueError(f"{name} has a part that is no text; these models read text only.")
        texts.append(text)
    return "".join(texts)


def _prompt(value: Any) -> str:
    """One text. ValueError for what OpenAI takes besides: lists of several prompts, and token ids."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], str):
        value = value[0]
    if not isinstance(value, str):
        raise ValueError(f"prompt must be one text, not {kind_of(value)}; several prompts and token ids are not read.")
    return value


def _stops(value: Any) -> tuple[str, ...]:
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or len(stops) > MOST_STOPS or not all(isinstance(s, str) and s for s in stops):
        raise ValueError(f"stop must be a text or a list of up to {MOST_STOPS} texts, none of them empty.")
    return tuple(stops)


def _only(name: str, *allowed: Any):
    """A validator of a field that is supported at these values alone."""

    def check(value: Any) -> Any:
        if not any(type(value) is type(one) and value == one for one in allowed):
            raise ValueError(f"{name} is not supported here; leave it out.")
        return value

    return BeforeValidator(check)


def _format(value: Any) -> str | None:
    """`response_format` as a grammar (`sigma.engine.constrained`); None for plain text."""
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return 'start: %json {"type": "object"}'
    schema = value.get("json_schema", {}) if kind == "json_schema" else None
    if isinstance(schema, dict) and isinstance(schema.get("schema"), dict):
        return f"start: %json {json.dumps(schema['schema'])}"
    raise ValueError("response_format must have the type text, json_object, or json_schema with a schema.")


Ignored = Annotated[Any, Field(None)]


class _Asked(Fields):
    """The fields of both routes. `selective_k` and its two companions, `tuned`, `lookup`, `top_k` and `repetition_penalty` are
    this project's own."""

    model: str
    temperature: Number = Field(0.0, ge=0, le=5)
    top_p: Number = Field(1.0, ge=0.01, le=1)
    top_k: Whole = Field(0, ge=0, le=1000)
    repetition_penalty: Number = Field(1.0, ge=0.5, le=2)
    seed: Whole = None
    max_tokens: NewTokens = Field(None, ge=1)
    stop: Annotated[tuple[str, ...], BeforeValidator(_stops)] = ()
    stream: StrictBool = False
    stream_options: dict = Field(default_factory=dict)
    n: Whole = Field(1, ge=1, le=1)
    selective_k: Whole = Field(None, ge=1)
    selective_missing_mass: Literal["drop", "renormalize", "mean"] = None
    selective_threshold: Number = Field(None, ge=0, le=MOST_THRESHOLD)
    tuned: StrictBool = False
    lookup: StrictBool = False
    presence_penalty: Annotated[Any, _only("presence_penalty", 0, 0.0)] = 0
    frequency_penalty: Annotated[Any, _only("frequency_penalty", 0, 0.0)] = 0
    logit_bias: Annotated[Any, _only("logit_bias", {})] = None
    user: Ignored

    @property
    def usage_at_end(self) -> bool:
        """Whether a stream's last chunk tells the counts."""
        return self.stream_options.get("include_usage") is True

    def _request(self, messages: list[dict[str, str]], **more: Any) -> ChatRequest:
        sampling = Sampling(
            self.temperature,
            self.top_p,
            self.top_k,
            self.repetition_penalty,
            None if self.seed is None else self.seed % SEEDS,
            self.max_tokens or new_tokens(NEW_TOKENS),
        )
        more |= {"selective_missing_mass": self.selective_missing_mass, "selective_threshold": self.selective_threshold}
        more |= {"tuned": self.tuned, "lookup": self.lookup}
        return ChatRequest({self.model: messages}, sampling, self.selective_k, **more)


class AskedChat(_Asked):
    """A body of /v1/chat/completions. `temperature` 0, greedy, is the default here, as on the page's own endpoint."""

    messages: Annotated[list[dict[str, str]], BeforeValidator(_messages)]
    max_completion_tokens: NewTokens = Field(None, ge=1)
    logprobs: StrictBool = False
    top_logprobs: Whole = Field(None, ge=0, le=MOST_LIKELIEST)
    response_format: Annotated[str | None, BeforeValidator(_format)] = None
    tools: Annotated[Any, _only("tools", [])] = None
    tool_choice: Annotated[Any, _only("tool_choice", "none", "auto")] = None
    functions: Annotated[Any, _only("functions", [])] = None
    function_call: Annotated[Any, _only("function_call", "none", "auto")] = None
    modalities: Annotated[Any, _only("modalities", ["text"])] = None
    audio: Annotated[Any, _only("audio")] = None
    parallel_tool_calls: Ignored
    metadata: Ignored
    store: Ignored
    service_tier: Ignored
    reasoning_effort: Ignored
    verbosity: Ignored
    safety_identifier: Ignored
    prompt_cache_key: Ignored

    @property
    def likeliest(self) -> int | None:
        """Of how many tokens the likelihood is told besides the one taken; None for none at all."""
        return (self.top_logprobs or 0) if self.logprobs else None

    def request(self) -> ChatRequest:
        """The engine's request."""
        asked = self.model_copy(update={"max_tokens": self.max_completion_tokens or self.max_tokens})
        return asked._request(self.messages, grammar=self.response_format, likeliest=self.likeliest)


class AskedText(_Asked):
    """A body of /v1/completions: the text itself is continued, without a chat template."""

    prompt: Annotated[str, BeforeValidator(_prompt)]
    echo: StrictBool = False
    logprobs: Whole = Field(None, ge=0, le=5)
    best_of: Whole = Field(1, ge=1, le=1)
    suffix: Annotated[Any, _only("suffix", "")] = None

    @property
    def likeliest(self) -> int | None:
        """As of a chat."""
        return self.logprobs

    def request(self) -> ChatRequest:
        """The engine's request."""
        return self._request([{"role": "user", "content": self.prompt}], plain=True, likeliest=self.logprobs)
