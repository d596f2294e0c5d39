"""A server in demo mode does not start if it could be public; each refusal names the value."""

import os
import subprocess
import sys
from ipaddress import ip_address
from typing import Any

import pytest
from django.conf import LazySettings
from django.core.management import CommandError, call_command
from django.http.request import validate_host

from larder.ops import serve
from larder.ops.checks import demo_is_not_public
from tests.ops.starting import why_no_server_starts

LOCAL = {
    "DEMO": True,
    "DEMO_ON_LAN": False,
    "HOST": "",
    "PUBLIC_URL": "",
    "ALLOWED_HOSTS": serve.demo_hosts(on_lan=False),
}


def found(settings: LazySettings, **changed: Any) -> dict[str | None, str]:
    for name, value in (LOCAL | changed).items():
        setattr(settings, name, value)
    return {record.id: f"{record.msg} {record.hint or ''}" for record in demo_is_not_public()}


@pytest.mark.parametrize(
    ("setting", "value", "shown", "refusal"),
    [
        ("PUBLIC_URL", "https://shop.example.com", "https://shop.example.com", "larder.E020"),
        ("PUBLIC_URL", "HTTPS://localhost:8443", "HTTPS://localhost:8443", "larder.E020"),
        *(
            ("ALLOWED_HOSTS", ["localhost", host], host, "larder.E021")
            for host in (
                *("*", ".example.com", "shop.example.com", "shop.localhost.example.com"),
                *("8.8.8.8", "172.32.0.1", "192.169.0.1", "[2606:4700::1]"),
                *("134744072", "0x08080808", "local.example", "."),
            )
        ),
        ("HOST", "0.0.0.0", "0.0.0.0", "larder.E023"),  # noqa: S104 - refused here
        ("HOST", "::", "::", "larder.E023"),
        ("HOST", "0", "0", "larder.E023"),
        ("HOST", "::ffff:0.0.0.0", "::ffff:0.0.0.0", "larder.E023"),
    ],
)
def test_a_public_demo_is_refused_with_name_and_value_of_the_setting(
    settings: LazySettings, setting: str, value: Any, shown: str, refusal: str
) -> None:
    said = found(settings, **{setting: value})
    assert list(said) == [refusal]
    assert f"{setting} " in said[refusal]
    assert shown in said[refusal]


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("PUBLIC_URL", "http://127.0.0.1:8000"),
        *(
            ("ALLOWED_HOSTS", [host])
            for host in (
                *("127.0.0.1", "localhost", "[::1]", "api.localhost"),
                *("10.0.2.2", "10.0.3.2", "192.168.1.20", "172.16.0.9", "[fd00::1]"),
                *("169.254.1.1", "[fe80::1]", "laptop.local", ".local", "web", "testserver"),
            )
        ),
        ("ALLOWED_HOSTS", []),
        ("HOST", "127.0.0.1"),
        ("HOST", "192.168.1.20"),
        ("HOST", "localhost"),
        ("HOST", "no.such.host.invalid"),
    ],
)
def test_a_local_demo_starts(settings: LazySettings, setting: str, value: Any) -> None:
    assert found(settings, **{setting: value}) == {}


@pytest.mark.parametrize(
    ("host", "is_allowed"),
    [
        *((host, True) for host in ("localhost", "[::1]", "10.0.2.2", "10.0.3.2", "laptop.local")),
        *((host, False) for host in ("shop.example.com", "laptop.local.example.com", "8.8.8.8")),
    ],
)
def test_a_demo_answers_to_this_machine_and_to_emulators(host: str, is_allowed: bool) -> None:
    assert validate_host(host, serve.demo_hosts(on_lan=False)) is is_allowed


@pytest.mark.system
def test_a_demo_for_phones_answers_to_the_private_address_of_this_machine() -> None:
    shown = "from larder.config import settings; print(*settings.ALLOWED_HOSTS)"
    hosts = []
    for on_lan in ("0", "1"):
        environment = {"PATH": os.environ["PATH"], "DEMO": "1", "DEMO_ON_LAN": on_lan}
        ran = subprocess.run(
            [sys.executable, "-c", shown],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        hosts.append(ran.stdout.split())
    usual, for_phones = hosts
    assert usual == serve.demo_hosts(on_lan=False)
    # A machine without a private address adds none.
    assert all(ip_address(host).is_private for host in for_phones[len(usual) :])


def test_a_demo_on_every_interface_starts_if_the_setting_allows_it(settings: LazySettings) -> None:
    everywhere = "0.0.0.0"  # noqa: S104 - only a setting
    assert found(settings, HOST=everywhere, DEMO_ON_LAN=True) == {}


def test_the_checks_of_a_demo_run_only_in_demo_mode(settings: LazySettings) -> None:
    public = {"PUBLIC_URL": "https://shop.example.com", "ALLOWED_HOSTS": ["shop.example.com"]}
    assert found(settings, DEMO=False, HOST="::", **public) == {}


@pytest.mark.system
@pytest.mark.parametrize(
    ("name", "value", "refusal"),
    [
        ("PUBLIC_URL", "https://shop.example.com", "larder.E020"),
        ("ALLOWED_HOSTS", "shop.example.com", "larder.E021"),
        ("HOST", "0.0.0.0", "larder.E023"),  # noqa: S104 - refused here
    ],
)
def test_a_server_does_not_start_as_a_public_demo(name: str, value: str, refusal: str) -> None:
    said = why_no_server_starts(DEMO="1", **{name: value})
    assert f"{name} " in said
    assert value in said
    assert refusal in said


def test_demo_users_are_not_created_in_a_public_demo(settings: LazySettings) -> None:
    """Without a database: it is refused before anything is made."""
    found(settings, HOST="::")
    with pytest.raises(CommandError, match=r"HOST is every network interface: ::"):
        call_command("prepare", verbosity=0)
