"""The limits: one field each, with its default, its range and what it is for.

The name of a field is its option (`--max-waiting`) and its variable (SIGMA_MAX_WAITING); its description is what `--help`
and the table of README.md say. A size may be written with a unit: "16MiB".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, ByteSize, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

PREFIX = "SIGMA_"

OTHERS = (
    "SIGMA_CACHE",
    "SIGMA_CUDA_GRAPH",
    "SIGMA_KERNELS",
    "SIGMA_KUSTO_PARSER",
    "SIGMA_LOG",
    "SIGMA_LOG_LEVEL",
    "SIGMA_LOG_TEXT",
    "SIGMA_NATIVE",
    "SIGMA_NL2KQL_PARSER",
    "SIGMA_OFFLINE",
)
"""Variables of ours that are no limits."""

MOST = 1 << 53
"""Beyond it a number in a message of JSON need not be the one that was meant."""


class LimitError(ValueError):
    """A limit that cannot be used; the message is for whoever runs the server."""


def _plain(value: Any) -> Any:
    """Blanks around a number are nothing; True is no number of anything."""
    if isinstance(value, bool):
        return None
    return value.strip() if isinstance(value, str) else value


Count = Annotated[int, BeforeValidator(_plain)]
Seconds = Annotated[float, BeforeValidator(_plain)]
Size = Annotated[ByteSize, BeforeValidator(_plain)]


def _of(default: Any, low: float, high: float, words: str) -> Any:
    return Field(default, ge=low, le=high, description=words)


class Limits(BaseSettings):
    """All limits. `Limits()` reads the environment; `Limits.read` says in a sentence what is wrong with it."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", allow_inf_nan=False, env_ignore_empty=True
    )

    together: Count = _of(8, 1, 1024, "visitors of the page that are answered at the same time")
    max_waiting: Count = _of(20, 1, 100_000, "visitors that may wait, in the page's line and in /v1's")
    v1_together: Count = _of(2, 1, 1024, "requests of /v1 that are answered at the same time")
    calls_together: Count = _of(2, 1, 1024, "calls of the named endpoints that are answered at the same time")
    calls_waiting: Count = _of(8, 1, 1024, "calls of the named endpoints that may wait; each holds a thread")
    batch: Count = _of(32, 1, 1024, "answers that one decode step serves")
    judges: Count = _of(4, 1, 256, "answers that are judged at the same time")

    requests_per_minute: Count = _of(60, 0, 1_000_000, "requests of one visitor in a minute; 0 is no limit")
    tokens_per_hour: Count = _of(
        1_000_000, 0, MOST, "tokens read and written for one visitor in an hour; 0 is no limit"
    )

    new_tokens: Count = _of(2048, 1, 1 << 20, "new tokens of one answer")
    context: Count | None = _of(None, 16, 1 << 24, "tokens of a chat with its answer; unset, the model's own context")
    prompt_characters: Count = _of(200_000, 100, 100_000_000, "characters of a prompt")
    answer_characters: Count = _of(2_000_000, 100, 100_000_000, "characters of an answer that is sent to be judged")
    answer_seconds: Seconds = _of(1800, 1, 86_400, "seconds that one answer may take, once its turn has come")
    trial_cases: Count = _of(100, 1, 10_000, "cases of one evaluation on the Tasks tab")
    measure_seconds: Count = _of(120, 1, 600, "seconds of one measurement on the Efficiency tab")
    judge_seconds: Seconds = _of(60, 1, 3600, "seconds that judging one answer may take")

    body_size: Size = _of(16 << 20, 1 << 16, 1 << 30, "bytes of any request's body")
    v1_body_size: Size = _of(2_000_000, 1 << 10, 1 << 30, "bytes of a body of /v1")

    kv_memory: Seconds | None = _of(
        None, 0.001, 1 << 20, "GiB for K and V of all answers and sessions; unset, half of what is free"
    )
    sessions: Count = _of(8, 1, 10_000, "chats whose cache is kept between their turns")
    past_runs: Count = _of(64, 1, 100_000, "chats whose newest turn can be looked at in Explore")
    pages: Count = _of(200, 1, 100_000, "open pages of which the server keeps what they need")
    explore_memory: Size = _of(1 << 30, 1 << 20, 1 << 40, "bytes for attention that Explore computes again")

    sandbox_together: Count | None = _of(
        None, 1, 256, "programs that run in the sandbox at a time; unset, one for each core, at most 4"
    )
    sandbox_wait: Seconds = _of(30, 0, 3600, "seconds that a program waits for its turn in the sandbox")
    sandbox_cpu: Seconds = _of(3, 0.1, 3600, "seconds of processor time of a program in the sandbox")
    sandbox_seconds: Seconds = _of(10, 0.1, 3600, "seconds by the clock of a program in the sandbox")
    sandbox_memory: Size = _of(128 << 20, 32 << 20, 2 << 30, "bytes of memory of a program in the sandbox")
    sandbox_output: Size = _of(4 << 20, 1 << 10, 1 << 30, "bytes that a program in the sandbox may print")
    query_seconds: Seconds = _of(2, 0.1, 600, "seconds that a query on the example fleet may take")
    query_memory: Size = _of(256 << 20, 32 << 20, 1 << 30, "bytes of memory of a query on the example fleet")

    self_check: Literal["fallback", "fail", "off"] = Field(
        "fallback",
        description="where a kernel is wrong on this device: fallback (its reference serves, with a warning), fail (nothing "
        "is served), off (it is not looked for)",
    )

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[BaseSettings], **sources: PydanticBaseSettingsSource
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """What is given first, then the environment; no files."""
        return sources["init_settings"], sources["env_settings"]

    @classmethod
    def read(cls, given: Mapping[str, Any] | None = None) -> Limits:
        """The limits of the environment, those in `given` before them (None is not given).

        LimitError with a sentence that names the first that is wrong, as it was given: an option or a variable.
        """
        given = {name: value for name, value in (given or {}).items() if value is not None}
        try:
            return cls(**given)
        except ValidationError as errors:
            error = errors.errors(include_url=False)[0]
            name = str(error["loc"][0])
            shown = option(name) if name in given else variable(name)
            raise LimitError(f"{shown} must be {wanted(name)}, not {_short(error['input'])}.") from None


def option(name: str) -> str:
    """A limit's option of a command."""
    return "--" + name.replace("_", "-")


def variable(name: str) -> str:
    """A limit's variable of the environment."""
    return PREFIX + name.upper()


def kind(name: str) -> str:
    """What a limit's value is: "whole number", "number", "size" or "word"."""
    text = str(Limits.model_fields[name].annotation)
    if "Literal" in text:
        return "word"
    return "size" if "ByteSize" in text else "number" if "float" in text else "whole number"


def words(name: str) -> tuple[str, ...]:
    """The words that a setting may be."""
    return get_args(Limits.model_fields[name].annotation)


def bounds(name: str) -> tuple[float, float]:
    """The least and the largest value of a limit."""
    found = Limits.model_fields[name].metadata
    low = next(one.ge for one in found if hasattr(one, "ge"))
    return low, next(one.le for one in found if hasattr(one, "le"))


def wanted(name: str) -> str:
    """What a limit has to be, in words."""
    if kind(name) == "word":
        return f"one of {', '.join(words(name))}"
    low, high = (shown(name, value) for value in bounds(name))
    what = {"size": "a size in bytes, or with a unit as in 16MiB,"}.get(kind(name), f"a {kind(name)}")
    return f"{what} from {low} to {high}"


def shown(name: str, value: float | str | None) -> str:
    """A value of a limit as a person reads it; "" for one that is not set."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if kind(name) == "size":
        for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
            if value >= size and value % size == 0:
                return f"{int(value) // size}{unit}"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}"


def _short(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= 60 else f"{text[:60]}..."
