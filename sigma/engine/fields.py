"""The one typed boundary of what a person or a program may ask: pydantic models whose errors are one sentence.

Each caller calls a field by the name that its user knows: "Temperature" on the page, temperature in the API,
--temperature on the command line. None (an explicit null) is a field's default.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, ValidationError, create_model
from pydantic_core import CoreSchema, PydanticKnownError, core_schema

from sigma.events import PromptError
from sigma.limits.current import limits

LARGEST = 1 << 53
"""Beyond, a number that came as JSON need not be the one that was meant."""

KINDS = {type(None): "null", bool: "true or false", str: "a text", int: "a number", float: "a number"}
KINDS |= {list: "a list", tuple: "a list", dict: "an object"}
WANTED = {"float_type": "a number", "string_type": "a text", "dict_type": "a JSON object", "literal_error": ""}
OUT_OF_RANGE = ("finite_number", "greater_than_equal", "less_than_equal")


def _only_numbers(value: Any) -> Any:
    """True is 1 to Python, and "16" a number to pydantic: neither is what a caller means by a number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None  # which neither type takes
    if abs(value) > LARGEST:
        return math.inf if value > 0 else -math.inf
    return value


Number = Annotated[float, BeforeValidator(_only_numbers)]
Whole = Annotated[int, BeforeValidator(_only_numbers)]
"""4.0 is one, too: JSON knows no difference."""


class Within:
    """An annotation: at most what a limit of this server says when the field is read (`sigma.limits`)."""

    def __init__(self, limit: str):
        self.limit = limit

    @property
    def le(self) -> float:
        """The limit now."""
        return getattr(limits(), self.limit)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def _checked(self, value: float) -> float:
        if value > self.le:
            raise PydanticKnownError("less_than_equal", {"le": self.le})
        return value


class FieldError(PromptError):
    """A field that cannot be used; `field` is its name, as it is called here."""

    def __init__(self, message: str, field: str):
        super().__init__(message)
        self.field = field


class Fields(BaseModel):
    """What may be asked. Subclasses declare a field each; ranges by `Field(ge=.., le=..)`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, hide_input_in_errors=True)

    @classmethod
    def read(cls, given: Mapping[str, Any], names: Mapping[str, str] | None = None) -> Self:
        """The fields, None being the default. PromptError with a sentence that names the first wrong one.

        names: what the asker calls a field; by default as it is called here.
        """
        try:
            return cls.model_validate({name: value for name, value in given.items() if value is not None})
        except ValidationError as errors:
            error = errors.errors(include_url=False)[0]
            name = str(error["loc"][0])
            shown = (names or {}).get(name, name)
            raise FieldError(_sentence(shown, error, given.get(name), cls.model_fields.get(name)), name) from None


def number(value: Any, name: str, low: float, high: float, whole: bool = False) -> float:
    """A number between `low` and `high`, or PromptError with both."""
    return _single(low, high, whole).read({"value": value}, {"value": name}).value


@lru_cache(maxsize=64)
def _single(low: float, high: float, whole: bool) -> type[Fields]:
    return create_model("Single", __base__=Fields, value=(Whole if whole else Number, Field(ge=low, le=high)))


def kind_of(value: Any) -> str:
    """What a value is, in words."""
    return KINDS.get(type(value), f"a {type(value).__name__}")


def _sentence(name: str, error: Mapping[str, Any], value: Any, field: Any) -> str:
    kind = error["type"]
    if kind == "missing":
        return f"{name} is missing: {_wanted(field)} is required."
    if kind == "extra_forbidden":
        return f"There is no field {name!r}."
    if kind == "value_error":  # of a check of our own: its message names what is wrong
        return str(error["ctx"]["error"])
    if kind == "int_from_float":
        return f"{name} must be a whole number, not {value:g}."
    if kind in OUT_OF_RANGE:
        return f"{name} must be {_range(field)}, not {_short(value)}."
    if kind == "literal_error":
        *most, last = (str(one) for one in field.annotation.__args__)
        given = repr(value[:20]) if isinstance(value, str) else kind_of(value)
        return f"{name} must be {', '.join(most)} or {last}, not {given}."
    return f"{name} must be {_wanted(field)}, not {kind_of(value)}."


def _wanted(field: Any) -> str:
    wanted = {str: "a text", int: "a number", float: "a number", dict: "a JSON object", bool: "true or false"}
    return wanted.get(field.annotation, "a value")


def _range(field: Any) -> str:
    low = next((limit.ge for limit in field.metadata if hasattr(limit, "ge")), None)
    high = next((limit.le for limit in field.metadata if hasattr(limit, "le")), None)
    if low is None:  # no bounds: what was refused is no number at all, such as infinity
        return "a finite number" if high is None else f"at most {_short(high)}"
    return f"at least {low:g}" if high is None else f"between {_short(low)} and {_short(high)}"


def _short(value: float) -> str:
    """A number as a sentence shows it."""
    if isinstance(value, int):
        # Of a very long number its length: Python refuses to write out more than 4,300 digits.
        return str(value) if abs(value) <= LARGEST else f"a number of {int(math.log10(abs(value))) + 1} digits"
    return f"{value:g}"
