"""Every limit is defined once, in larder/core/limits.py."""

import ast
import re
from collections.abc import Callable, Iterator, Mapping
from operator import add, mul, sub
from pathlib import Path

import pytest

from larder.core import limits

ROOT = Path(__file__).resolve().parents[2]
LIMITS = "larder/core/limits.py"
CONTRACTS = "larder/compat/"

DIGITS = {"max_digits", "decimal_places"}
BOUNDS = {
    *DIGITS,
    *("max_length", "min_length", "max_value", "min_value", "ge", "gt", "le", "lt"),
    *("maxLength", "minLength", "maximum", "minimum", "exclusiveMaximum", "maxItems", "minItems"),
    *("most", "least", "max_limit", "default_limit", "page_size"),
    *("list_per_page", "list_max_show_all"),
}
"""Names of arguments, attributes and keywords of JSON Schema that bound what is accepted."""

SMALL = 20
"""Up to here a bound is no limit of the product: the length of a status or a currency, zero."""

LARGE = 10_000
"""From here on a number that equals a limit is taken for that limit, wherever it is written."""

OTHERS = {
    ("larder/http/authentication.py", limits.MAX_DESCRIPTION_LENGTH),
    ("larder/db/replicas.py", limits.MAX_ORDERED_UNITS),
    ("larder/identity/models/accounts.py", 128),
    ("larder/identity/services/restored.py", limits.MAX_UNITS),
}
"""Numbers that mean something else: tokens that are remembered, nanoseconds of a second, Django's
length of a hashed password, ids that are left out after a restore."""

OPERATORS: Mapping[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: add,
    ast.Sub: sub,
    ast.Mult: mul,
    ast.Pow: pow,
}


def _sources() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "larder").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        if name != LIMITS and "migrations" not in path.parts:
            yield name, path.read_text()


def _number(node: ast.AST) -> int | None:
    """Returns the value of a whole number, or of arithmetic with such numbers: 2**31 - 1."""
    if isinstance(node, ast.Constant):
        return node.value if type(node.value) is int else None
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _number(node.operand)
        return None if value is None else -value
    if isinstance(node, ast.BinOp):
        left, right = _number(node.left), _number(node.right)
        apply = OPERATORS.get(type(node.op))
        return apply(left, right) if apply and left is not None and right is not None else None
    return None


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        yield node.targets[0].id, node.value


def _bounds(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    """Yields the name and the value of each bound."""
    for node in ast.walk(tree):
        named = list(_assigned(node))
        if isinstance(node, ast.keyword):
            named = [(node.arg or "", node.value)]
        elif isinstance(node, ast.Dict):
            pairs = zip(node.keys, node.values, strict=True)
            named = [
                (str(key.value), value) for key, value in pairs if isinstance(key, ast.Constant)
            ]
        yield from ((name, value) for name, value in named if name in BOUNDS)


def _written_bounds(tree: ast.Module, *, of_a_contract: bool) -> Iterator[int]:
    """Yields bounds that are numbers, or constants of the same module that are: only an earlier
    contract has separate limits."""
    own = dict(pair for node in tree.body for pair in _assigned(node))
    for name, bound in _bounds(tree):
        for node in ast.walk(bound):
            is_own = isinstance(node, ast.Name) and node.id in own and not of_a_contract
            value = _number(own[node.id] if is_own else node)  # type: ignore[attr-defined]
            if value is not None and abs(value) > (0 if name in DIGITS else SMALL):
                yield value


def _written_limits(tree: ast.Module) -> Iterator[int]:
    """Yields large numbers that equal a limit, and numbers that bound a part of a pattern or the
    rows of a statement."""
    large = {value for value in vars(limits).values() if isinstance(value, int) and value >= LARGE}
    for node in ast.walk(tree):
        value = abs(_number(node) or 0)
        if value in large:
            yield value
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            numbers = re.findall(r"(?:\{\d*,|\bLIMIT )(\d+)", node.value)
            yield from (int(one) for one in numbers if int(one) > SMALL)


def _written(name: str, text: str) -> set[tuple[str, int]]:
    """Returns the numbers of a module that belong into larder/core/limits.py."""
    tree = ast.parse(text)
    bounds = _written_bounds(tree, of_a_contract=name.startswith(CONTRACTS))
    return {(name, value) for value in (*bounds, *_written_limits(tree))}


def test_every_limit_is_written_once() -> None:
    """What is exempt is there: an exemption that nothing needs would hide the next limit."""
    found = {one for name, text in _sources() for one in _written(name, text)}
    assert found == OTHERS, f"numbers that belong into {LIMITS}, or are exempt without need"


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("password: Annotated[str, Meta(max_length=1_024)]", 1_024),
        ("MOST = 1_000\nlines: Annotated[list[Line], Meta(max_length=MOST)]", 1_000),
        ("id: Annotated[int, Meta(ge=1, le=2**40)]", 2**40),
        ("price = DecimalField(max_digits=limits.PRICE_DIGITS, decimal_places=3)", 3),
        ('schema = {"type": "string", "maxLength": 255}', 255),
        ("class Orders(Admin):\n    list_per_page = 50", 50),
        ("validators = [MaxValueValidator(1_000_000)]", 1_000_000),
        ("delta = -(2**31) + 1", 2**31 - 1),
        ('KEY = re.compile(r"[!-~]{1,255}")', 255),
        ('LINES = "SELECT id FROM order_line LIMIT 5001"', 5_001),
    ],
)
def test_a_duplicate_limit_is_reported(text: str, number: int) -> None:
    assert ("larder/orders/sql/reads.py", number) in _written("larder/orders/sql/reads.py", text)


def test_an_earlier_contract_may_have_separate_limits() -> None:
    named = "NAME_LENGTH = 100\nname = Text(max_length=NAME_LENGTH)"
    assert _written(f"{CONTRACTS}contract3/users.py", named) == set()
    again = "MOST_UNITS = 1_000_000\nquantity = Units(max_value=MOST_UNITS)"
    assert _written(f"{CONTRACTS}fields.py", again)
