"""The complete configuration of a run: everything that decides its numbers.

The sections of the methods are made from the registry, so that a new method brings its own. Light:
importing this loads no torch, because the command line completes and checks keys with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationError, create_model
from pydantic.fields import FieldInfo

from asgml.core.config.error_words import expected
from asgml.core.config.run_settings import RunSettings
from asgml.core.config.sections import Section
from asgml.core.methods.registry import METHODS, Method, RegistryError, nearest, short_name


class ConfigError(ValueError):
    """A configuration that cannot be used. One line: the key, what was given, what was expected."""


def _method_section(method: Method) -> Any:
    """Return a configuration section made from the declared settings of a method."""
    kinds: dict[str, type] = {"float": float, "int": int, "bool": bool, "choice": str, "text": str}
    fields: dict[str, Any] = {}
    for knob in method.settings:
        kind: Any = Literal[knob.choices] if knob.type == "choice" else kinds[knob.type]
        bounded = Field(knob.initial, ge=knob.low, le=knob.high, description=knob.help)
        fields[short_name(knob)] = (kind, bounded)
    name = f"{method.name.title()}Config"
    return create_model(name, __base__=Section, __doc__=method.summary, **fields)


def _with_method_sections() -> type[RunSettings]:
    sections = {
        method.name: _method_section(method) for method in METHODS.values() if method.settings
    }
    fields: dict[str, Any] = {
        name: (section, Field(default_factory=section)) for name, section in sections.items()
    }
    description = "The complete configuration of a run."
    return create_model("RunConfig", __base__=RunSettings, __doc__=description, **fields)


RunConfig = _with_method_sections()
"""RunSettings with one section more for each method; annotate with RunSettings, its static type."""


def make_config(tree: Mapping[str, Any]) -> RunSettings:
    """Return a checked configuration from nested mappings, as in run.toml or a recipe.

    Raise ConfigError where a key is unknown or a value is not allowed.
    """
    try:
        return RunConfig.model_validate(dict(tree))
    except ValidationError as error:
        raise ConfigError(_one_line(error)) from None
    except RegistryError as error:
        raise ConfigError(str(error)) from None


def known_keys() -> list[str]:
    """Return every dotted key of the configuration, such as `optimizer.lr`."""
    keys: list[str] = []
    for name, info in RunConfig.model_fields.items():
        section = _section_of(info)
        keys += [f"{name}.{field}" for field in section.model_fields] if section else [name]
    return keys


def _section_of(info: FieldInfo) -> type[Section] | None:
    kind = info.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _one_line(error: ValidationError) -> str:
    """Return the first of pydantic's errors as one line, with the number of the others."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"]) or "configuration"
    if first["type"] == "extra_forbidden":
        return f"unknown key {key!r}: {nearest(key, known_keys())}"
    message = expected(first)
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    # The messages of this program's own validators name their keys already.
    if first["type"] == "value_error":
        return f"{message}{more}"
    return f"{key} = {first['input']!r}: {message}{more}"
