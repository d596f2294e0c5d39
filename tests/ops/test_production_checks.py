"""Each unsafe setting is refused with a hint, and each safe one is accepted."""

from typing import Any

import pytest
from django.conf import LazySettings
from django.core.checks import CheckMessage

from larder.ops.checks import safe_settings

GOOD = "k3Jd9sLq0ZpX7vNb2WmR5tYcH8gF4aEu6iOo1PyTzQxDwSvBnM"


def found(settings: LazySettings, **changed: Any) -> dict[str | None, CheckMessage]:
    for name, value in ({"RATE_LIMITS": "normal"} | changed).items():
        setattr(settings, name, value)
    return {record.id: record for record in safe_settings()}


@pytest.mark.parametrize(
    ("setting", "value", "refusal"),
    [
        ("SECRET_KEY", "short", "larder.E009"),
        ("SECRET_KEY", "a" * 60, "larder.E009"),
        ("SECRET_KEY_FALLBACKS", [GOOD, "short"], "larder.E009"),
        ("METRICS_TOKEN", "metrics", "larder.E010"),
        ("STRIPE_WEBHOOK_SECRETS", [GOOD, "whsec_local"], "larder.E030"),
        ("SIGNED_PAYMENT_SECRETS", ["a" * 24], "larder.E030"),
        ("CORS_ALLOWED_ORIGINS", ["*"], "larder.E011"),
        ("CORS_ALLOWED_ORIGINS", ["https://*.example.com"], "larder.E011"),
        ("CORS_ALLOWED_ORIGINS", ["http://app.example.com"], "larder.E011"),
        ("CORS_ALLOWED_ORIGINS", ["null"], "larder.E011"),
        ("CORS_ALLOWED_ORIGINS", ["https://app.example.com/path"], "larder.E011"),
        ("CORS_ALLOWED_ORIGINS", ["https://[::1"], "larder.E011"),
        ("TRUSTED_PROXIES", ["0.0.0.0/0"], "larder.E013"),
        ("TRUSTED_PROXIES", ["10.0.0.1", "::/0"], "larder.E013"),
        ("TRUSTED_PROXIES", ["0.0.0.0/1", "128.0.0.0/1"], "larder.E013"),
        ("TRUSTED_PROXIES", ["nginx"], "larder.E013"),
        ("PUBLIC_URL", "http://shop.example.com", "larder.E014"),
        ("PUBLIC_URL", "shop.example.com", "larder.E014"),
        ("PUBLIC_URL", "https://shop.example.com/path", "larder.E014"),
        ("OWNER_DATABASE_URL", None, "larder.W002"),
        ("RATE_LIMITS", "wide", "larder.W003"),
    ],
)
def test_an_unsafe_setting_is_named_with_a_remedy(
    settings: LazySettings, setting: str, value: Any, refusal: str
) -> None:
    value = settings.DATABASE_URL if setting == "OWNER_DATABASE_URL" else value
    message = found(settings, **{setting: value})[refusal]
    assert message.hint
    secret = settings.SECRET_KEY if setting != "SECRET_KEY" else value
    assert secret not in f"{message.msg} {message.hint}"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SECRET_KEY", GOOD),
        ("METRICS_TOKEN", ""),
        ("METRICS_TOKEN", GOOD[:20]),
        ("CORS_ALLOWED_ORIGINS", ["https://app.example.com:8443", "http://localhost:3000"]),
        ("TRUSTED_PROXIES", ["10.0.0.0/8", "192.0.2.1", "fd00::/8", " 172.16.0.0/12"]),
        ("PUBLIC_URL", "https://shop.example.com"),
        ("PUBLIC_URL", "https://localhost:8443"),
        ("PUBLIC_URL", ""),
    ],
)
def test_a_safe_setting_is_accepted(settings: LazySettings, setting: str, value: Any) -> None:
    assert found(settings, **{setting: value}) == {}


def test_demo_mode_has_separate_checks(settings: LazySettings) -> None:
    assert found(settings, DEMO=True, SECRET_KEY="short", CORS_ALLOWED_ORIGINS=["*"]) == {}
