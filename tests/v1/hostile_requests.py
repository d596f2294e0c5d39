"""Requests that no honest client sends, each with the refusal it should get."""

import base64
import json
from dataclasses import dataclass, field
from typing import Any

DEEP = 100_000
ORDER_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
LINE = b'{"product":1,"quantity":1}'


def cursor(*place: Any) -> str:
    raw = json.dumps(place).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


@dataclass(frozen=True)
class Sent:
    """A request, and the refusal it should get. `pointers` None: the code has no errors."""

    path: str
    code: str = "validation_error"
    pointers: tuple[str, ...] | None = None
    method: str = "GET"
    body: Any = None
    status: int = 400
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        shown = self.body if isinstance(self.body, bytes | str) else json.dumps(self.body)
        return f"{self.method} {self.path[:40]} {shown[:40]!r} {self.headers}"


def post(body: Any, *pointers: str, code: str = "validation_error", path: str = "orders") -> Sent:
    return Sent(path, code, pointers or None, "POST", body)


def malformed(body: bytes) -> Sent:
    return post(body, code="malformed_json")


def get(path: str, *pointers: str) -> Sent:
    return Sent(path, pointers=pointers)


def missing(path: str) -> Sent:
    return Sent(path, "not_found", status=404)


def with_header(name: str, value: str, status: int, code: str) -> Sent:
    return Sent("me", code, headers={name: value}, status=status)


MALFORMED = [
    malformed(body)
    for body in (
        b'{"lines": [',
        b'{"lines": [' + LINE + b"]} x",
        b'{"lines": [],}',
        b"{'lines': []}",
        b"NaN",
        b'{"lines": NaN}',
        b'{"lines": -Infinity}',
        b'{"note": "\\ud800"}',
        b'{"note": "\\udc00\\ud800"}',
        b'{"\\ud800": 1}',
        b'{"note": "\xff"}',
        b'{"note": "\xed\xa0\x80"}',
        b'{"note": "a\x00b"}',
        b'{"note": "a\nb"}',
        b'{"note": "\\x41"}',
        b"\xef\xbb\xbf{}",
        b"\x00",
        b"\xff\xfe{\x00}\x00",
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b'{"lines":' + b"[" * DEEP,
        b'{"lines":[{"product":' + b"{" * 5,
        b"01",
        b"+1",
        b"tru",
    )
]
WRONG_TYPES = [
    post(b"null", ""),
    post(b"[]", ""),
    post(b'"x"', ""),
    post(b"1", ""),
    post({"lines": {}}, "/lines"),
    post({"lines": [5, "x", None, []]}, "/lines/0", "/lines/1", "/lines/2", "/lines/3"),
    post(
        {"lines": [{"product": "a"}, {"quantity": 0, "z": 1}], "note": 5, "id": 7, "a/b~": 1},
        "/lines/0/product",
        "/lines/0/quantity",
        "/lines/1/product",
        "/lines/1/quantity",
        "/lines/1/z",
        "/id",
        "/note",
        "/a~1b~0",
    ),
    post({"lines": [{"product": True, "quantity": "1"}]}, "/lines/0/product", "/lines/0/quantity"),
    post({"lines": [{"product": 1.0, "quantity": 2.5}]}, "/lines/0/product", "/lines/0/quantity"),
    post(b'{"lines":[{"product":1e0,"quantity":-0}]}', "/lines/0/product", "/lines/0/quantity"),
    post({"lines": [{"product": -1, "quantity": 1}]}, "/lines/0/product"),
    post(
        {"lines": [{"product": 2**63, "quantity": 10**40}]}, "/lines/0/product", "/lines/0/quantity"
    ),
    post(b'{"lines":[{"product":1e400,"quantity":1}]}', ""),
    post(b'{"lines":[{"product":' + b"9" * 5_000 + b',"quantity":1}]}', ""),
    post(b'{"lines":' + b"[" * 31 + b"]" * 31 + b"}", "/lines/0"),
    post(b'{"note":"\\u0000","x":' + b"[" * 31 + b"]" * 31 + b"}", "/note", "/lines", "/x"),
    post(
        {"lines": [{"product": 1, "quantity": 1, "expected_price": 2.5}]}, "/lines/0/expected_price"
    ),
]
FORMATS = [
    post(
        {"lines": [{"product": 1, "quantity": 1, "expected_price": text}]},
        "/lines/0/expected_price",
    )
    for text in ("1e3", "-1", "1.0001", "NaN", "1000000000", "1\n", "", "٣", "1,5")
]
FORMATS += [
    post({"lines": [{"product": 1, "quantity": 1}], name: value}, f"/{name}")
    for name, value in (
        ("requested_for", "2026-02-30"),
        ("requested_for", "0000-01-01"),
        ("requested_for", "99999-01-01"),
        ("requested_for", "tomorrow"),
        ("requested_for", "2026-01-01T00:00:00Z"),
        ("id", "zzz"),
        ("id", ORDER_ID + "0"),
        ("id", f"{{{ORDER_ID}}}"),
        ("note", "x" * 2_001),
        ("reference", "x" * 201),
        ("ship_to", []),
        ("customer", 0),
    )
]
FORMATS += [
    post({"lines": [{"product": 1, "quantity": 1}], "ship_to": address}, f"/ship_to/{name}")
    for name, address in (
        ("country", {"country": "gb"}),
        ("country", {"country": "G\n"}),
        ("phone", {"phone": 1}),
    )
]
NULS = [
    post(b'{"lines":[' + LINE + b'],"note":"a\\u0000b"}', "/note"),
    post(b'{"lines":[' + LINE + b'],"ship_to":{"city":"\\u0000"}}', "/ship_to/city"),
    post(b'{"lines":[' + LINE + b'],"note":"a\\u202Eb"}', "/note"),
    post(
        {"lines": [{"product": 1, "quantity": 1}], "ship_to": {"city": "\u2066"}}, "/ship_to/city"
    ),
    post(b'{"lines":[' + LINE + b'],"\\u0000":1}', "/\0", code="unknown_field"),
    post(b'{"lines":[' + LINE + b'],"x":{"y\\u0000":["\\u0000"]}}', "/x", code="unknown_field"),
    post(
        b'{"username":"a\\u0000","password":"\\u0000"}', "/username", "/password", path="auth/token"
    ),
    get("products?q=%00", "q"),
    get("products?q=a%00b&cursor=%00&limit=0", "q", "cursor", "limit"),
    get("products?ids=1%00", "ids"),
    get("products?ordering=id%00", "ordering"),
    get("stock?products=%00", "products"),
    get("orders?status=%00&placed_after=%00", "status", "placed_after"),
    missing("products/1%00"),
    missing("orders/%00"),
    missing("%00"),
]
PARAMETERS = [
    get(f"products?{name}={value}", name)
    for name, value in (
        ("limit", "0"),
        ("limit", "-1"),
        ("limit", "ten"),
        ("limit", "1.5"),
        ("limit", ""),
        ("limit", "9" * 5_000),
        ("q", "x" * 201),
        ("category", "99999999999999999999"),
        ("category", "0"),
        ("category", ""),
        ("min_price", "cheap"),
        ("min_price", "-1"),
        ("max_price", "1%0A"),
        ("max_price", "1e400"),
        ("max_price", "NaN"),
        ("in_stock", "maybe"),
        ("ids", ""),
        ("ids", "1,,2"),
        ("ids", "1,"),
        ("ids", "-1"),
        ("ids", "a"),
        ("ids", "1%0A"),
        ("ids", "9" * 19),
        ("ids", "%D9%A3"),
        ("ids", ",".join(["1"] * 201)),
        ("ordering", "evil"),
        ("ordering", "name;DROP TABLE product"),
        ("ordering", "name%0A"),
        ("ordering", "--name"),
        ("ordering", ""),
        ("count", "5"),
    )
]
PARAMETERS += [
    get("products?limit=0&ids=a&ordering=b&in_stock=c", "limit", "in_stock", "ids", "ordering"),
    get("orders?status=draft", "status"),
    get("orders?status=placed%0A", "status"),
    get("orders?placed_after=2026-02-30T00:00:00Z", "placed_after"),
    get("orders?placed_after=2026-01-01T00:00:00+00:00", "placed_after"),
    get("orders?placed_before=99999-01-01T00:00:00Z", "placed_before"),
    get("orders?number=99999999999999999999", "number"),
    Sent("orders?" + "&".join(["a=1"] * 3_001), "bad_request"),
]
A_CUSTOMER = "01890a5d-ac96-774b-bcce-b302099a8057"
CURSORS = [
    get(f"{path}cursor={text}", "cursor")
    for path, text in (
        ("products?", "x"),
        ("products?", "%C3%A9"),
        ("products?", "AAAA"),
        ("products?", cursor()),
        ("products?", cursor("products")),
        ("products?", cursor("products", "id", "1", 2**63)),
        ("products?", cursor("products", "id", "1", -1)),
        ("products?", cursor("products", "id", "1", "1")),
        ("products?", cursor("products", "name", "a", 1)),
        ("products?ordering=name&", cursor("products", "name", "\0", 1)),
        ("products?ordering=name&", cursor("products", "name", None, 1)),
        ("products?ordering=price&", cursor("products", "price", "cheap", 1)),
        ("products?ordering=price&", cursor("products", "price", "NaN", 1)),
        ("products?ordering=price&", cursor("products", "price", "1e999", 1)),
        ("products?ordering=price&", cursor("products", "price", "1\n", 1)),
        ("products?", cursor("orders", "2026-01-01T00:00:00Z", A_CUSTOMER)),
        ("products?", cursor("categories", 1)),
        ("categories?", cursor("ledger", 1)),
        ("categories?", cursor("categories", 2**63)),
        ("categories?", cursor("categories", 10**400)),
        ("categories?", cursor({"id": 1})),
        ("categories?", base64.urlsafe_b64encode(b"[" * 60_000).decode()),
        ("orders?", cursor("orders", "2026-01-01T00:00:00", A_CUSTOMER)),
        ("orders?", cursor("orders", "99999-01-01T00:00:00Z", A_CUSTOMER)),
        ("orders?", cursor("orders", 1, A_CUSTOMER)),
        ("orders?", cursor("orders", "2026-01-01T00:00:00Z", "x")),
        ("orders?", cursor("events", 1)),
        (f"orders/{ORDER_ID}/events?", cursor("events", 2**63)),
        (f"orders/{ORDER_ID}/events?", cursor("ledger", 1)),
    )
]
PATHS = [
    missing(path)
    for path in (
        "products/99999999999999999999",
        f"products/{2**63}",
        "products/" + "9" * 5_000,
        "products/0",
        "products/-1",
        "products/1.0",
        "products/%FF",
        "products/%D9%A3",
        "products/1/",
        "products/",
        "categories/99999999999999999999",
        "orders/not-a-uuid",
        f"orders/{ORDER_ID.upper()}",
        f"orders/{ORDER_ID}",
        f"orders/{ORDER_ID}/events",
        f"orders/{ORDER_ID}/nothing",
        "nothing",
        "",
        "../v1/me",
        "me%0d%0aSet-Cookie:a=b",
        "/api",
        "/static/nothing.js",
        "/favicon.ico",
    )
]
HEADERS = [
    with_header("Authorization", value, 401, code)
    for value, code in (
        ("", "not_authenticated"),
        ("Bearer", "token_invalid"),
        ("Bearer ", "token_invalid"),
        ("Bearer  two-spaces", "token_invalid"),
        ("Basic YTpi", "token_invalid"),
        ("Bearer \xff\xfe", "token_invalid"),
        ("\xff", "token_invalid"),
        ("Bearer \0", "token_invalid"),
        ("Bearer a.b.c", "token_invalid"),
        ("Bearer " + "a" * 100_000, "token_invalid"),
        # {"alg": "none"}, and an invalid signature
        ("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.", "token_invalid"),
        ("Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.AAAA", "token_invalid"),
    )
]
HEADERS += [
    with_header("Accept", value, 406, "not_acceptable")
    for value in (
        "text/html",
        "application/json;q=0",
        "*/*; q=0.000",
        "image/png, text/*",
        ",",
        ";",
        "\xff",
    )
]
HEADERS += [
    with_header("Host", value, 400, "bad_host")
    for value in ("evil.example", "a b", "testserver@evil.example", "testserver:x", "\xff", "..")
]
MEDIA_TYPES = [
    Sent("orders", "unsupported_media_type", method="POST", body=b"{}", status=415, headers=headers)
    for headers in (
        {"content_type": ""},
        {"content_type": "text/plain"},
        {"content_type": "application/x-www-form-urlencoded"},
        {"content_type": "multipart/form-data; boundary=x"},
        {"content_type": "application/jsonp"},
        {"content_type": "\xff"},
    )
]
TOO_LARGE = [
    Sent(path, "body_too_large", method="POST", body=b" " * (2 * 1024 * 1024 + 1), status=413)
    for path in ("orders", "auth/token", "auth/register")
]
TOKENS = [
    Sent(path, "token_invalid", method="POST", body={"refresh": text}, status=401)
    for path in ("auth/token/refresh", "auth/token/revoke")
    for text in ("", "x", "é", "A" * 70, "=" * 5, "\U0001f353")
]
ALL = [
    *MALFORMED,
    *WRONG_TYPES,
    *FORMATS,
    *NULS,
    *PARAMETERS,
    *CURSORS,
    *PATHS,
    *HEADERS,
    *MEDIA_TYPES,
    *TOO_LARGE,
    *TOKENS,
]
