"""CloudFormation templates as plain Python values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent / "templates"


class _Loader(yaml.SafeLoader):
    """Reads `!Sub x` as `{"Fn::Sub": x}`."""


def _short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    value: Any = None
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        if suffix == "GetAtt":
            value = value.split(".", 1)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    elif isinstance(node, yaml.MappingNode):
        value = loader.construct_mapping(node, deep=True)
    return {name: value}


_Loader.add_multi_constructor("!", _short_form)


def text(stack: str) -> str:
    """The template of a stack, as CloudFormation takes it."""
    return (FOLDER / f"{stack}.yaml").read_text()


def read(stack: str) -> dict[str, Any]:
    """The template of a stack, its short forms (`!Ref`) written out."""
    parsed: dict[str, Any] = yaml.load(text(stack), Loader=_Loader)  # noqa: S506 - a SafeLoader
    return parsed
