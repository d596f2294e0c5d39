"""The deployment checklist: every named check fires, and every named test exists."""

import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.checks import run_checks

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "how-to" / "deployment-checklist.md").read_text(encoding="utf-8")
NAMED = set(re.findall(r"\b(?:larder|security)\.[EW]\d{3}", PAGE))
TESTS = sorted(set(re.findall(r"\btests/[\w/]+\.py(?:::\w+)?", PAGE)))

FIRING: dict[str, dict[str, Any]] = {
    "larder.E001": {"SECRET_KEY": "insecure-key-for-tools-only"},
    "larder.E002": {"DEBUG": True},
    "larder.E003": {"ALLOWED_HOSTS": ["*"]},
    "larder.E004": {"REGISTRATION": ""},
    "larder.E006": {"WORKERS": 1000},
    "larder.E007": {"COMPAT": frozenset({"seven"})},
    "larder.E008": {"MIN_ORDER_TOTAL": "a lot"},
    "larder.E009": {"SECRET_KEY": "short"},
    "larder.E010": {"METRICS_TOKEN": "short"},
    "larder.E011": {"CORS_ALLOWED_ORIGINS": ["*"]},
    "larder.E012": {"CSRF_TRUSTED_ORIGINS": ["https://*.example.com"]},
    "larder.E013": {"TRUSTED_PROXIES": ["0.0.0.0/0"]},
    "larder.E014": {"PUBLIC_URL": "http://shop.example.com"},
    "larder.E015": {"RATE_LIMITS": "none"},
    "larder.E016": {"SESSION_COOKIE_SECURE": False},
    "larder.E017": {"DEFAULT_FROM_EMAIL": ""},
    "larder.E018": {"PASSWORD_RESET_URL": "https://shop.example.com/reset"},
    "larder.E019": {"EMAIL_URL": "consolemail://"},
    "larder.E020": {"DEMO": True, "PUBLIC_URL": "https://shop.example.com"},
    "larder.E021": {"DEMO": True, "ALLOWED_HOSTS": ["shop.example.com"]},
    "larder.E022": {"DEMO": True, "TRUSTED_PROXIES": ["0.0.0.0/0"]},
    "larder.E023": {"DEMO": True, "HOST": "::"},
    "larder.E024": {"ADMIN_IDLE_MINUTES": 0},
    "larder.E027": {"HOLD_SECONDS": 0},
    "larder.E028": {"SHOP_TIME_ZONE": "Berlin"},
    "larder.E029": {"ADMIN_LANGUAGE": "german"},
    "larder.E025": {"QUOTA_ORDERS": "many"},
    "larder.W004": {"EMAIL_URL": ""},
    "larder.W002": {"OWNER_DATABASE_URL": "postgresql:///", "DATABASE_URL": "postgresql:///"},
    "larder.W003": {"RATE_LIMITS": "wide"},
    "larder.W006": {"PICTURES_DIR": "/srv/pictures", "PICTURES_BUCKET": "pictures"},
    "larder.W007": {"PICTURES_DIR": "/dev/null/pictures"},
    "security.W004": {"SECURE_HSTS_SECONDS": 0},
    "security.W005": {"SECURE_HSTS_INCLUDE_SUBDOMAINS": False},
    "security.W008": {"SECURE_SSL_REDIRECT": False},
    "security.W009": {"SECRET_KEY": "short"},
    "security.W018": {"DEBUG": True},
    "security.W020": {"ALLOWED_HOSTS": []},
    "security.W021": {"SECURE_HSTS_PRELOAD": False},
}
ELSEWHERE = {
    "larder.E005": "ops/test_checks.py",
    "larder.W001": "system/replica/test_away.py",
    "larder.W005": "ops/test_logged_values.py",
}
"""Those that need a user, a replica or settings of PostgreSQL, and where they are made to fire."""


def found() -> set[str | None]:
    checked = run_checks(include_deployment_checks=True, databases=["default"])
    return {one.id for one in checked if not one.is_silenced()}


def test_the_page_names_every_check_that_a_test_makes_fire() -> None:
    assert set(FIRING) | set(ELSEWHERE) == NAMED


def test_the_page_names_every_check_of_larder() -> None:
    code = "".join(file.read_text() for file in ROOT.glob("larder/**/*.py"))
    assert set(re.findall(r'id="(larder\.[EW]\d{3})"', code)) <= NAMED


@pytest.mark.parametrize("name", sorted(FIRING))
def test_a_check_fires_if_its_row_is_not_followed(
    name: str, settings: LazySettings, db: None
) -> None:
    settings.RATE_LIMITS = "normal"
    settings.SECURE_SSL_REDIRECT = True
    assert name not in found()
    for setting, value in FIRING[name].items():
        setattr(settings, setting, value)
    assert name in found()


@pytest.mark.parametrize(("name", "file"), ELSEWHERE.items())
def test_a_check_that_needs_more_is_tested_in_another_file(name: str, file: str) -> None:
    text = (ROOT / "tests" / file).read_text(encoding="utf-8")
    assert name in text.replace("\\.", ".")


@pytest.mark.parametrize("named", TESTS)
def test_a_named_test_exists(named: str) -> None:
    file, _, test = named.partition("::")
    text = (ROOT / file).read_text(encoding="utf-8")
    assert f"def {test or 'test_'}" in text


def test_every_link_of_the_security_page_works() -> None:
    page = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)]+)\)", page)
    assert len(links) > 15
    assert [link for link in links if not (ROOT / link.partition("#")[0]).is_file()] == []


def test_every_row_names_what_enforces_it() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and "enforced" not in line]
    bare = [row for row in rows if not re.search(r"(larder|security)\.[EW]\d{3}|tests/", row)]
    assert len(rows) > 30
    assert bare == []
