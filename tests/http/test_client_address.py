"""The address of a request, whatever headers its client sends."""

import pytest

from larder.http.addresses import client_address
from larder.identity.services.attempts import network_of

PROXIES = ["10.0.0.0/8", "192.0.2.1", "fd00::/8"]


def found(peer: str, *passed_on: str, trusted: list[str] = PROXIES) -> str:
    environ = {"REMOTE_ADDR": peer}
    if passed_on:
        environ["HTTP_X_FORWARDED_FOR"] = ", ".join(passed_on)
    return client_address(environ, trusted)


def test_without_a_trusted_proxy_the_header_is_ignored() -> None:
    assert found("203.0.113.9", "198.51.100.7", trusted=[]) == "203.0.113.9"
    assert found("203.0.113.9", "198.51.100.7") == "203.0.113.9"


def test_a_trusted_proxy_states_the_address_of_the_client() -> None:
    assert found("10.0.0.2", "198.51.100.7") == "198.51.100.7"
    assert found("10.0.0.2", "198.51.100.7", "10.9.9.9", "192.0.2.1") == "198.51.100.7"
    assert found("fd00::2", "2001:db8::7") == "2001:db8::7"


def test_addresses_that_a_client_sends_are_ignored() -> None:
    for lie in ("6.6.6.6", "10.0.0.3", "192.0.2.1, 10.1.1.1", "nonsense", "", "::1"):
        assert found("10.0.0.2", lie, "198.51.100.7") == "198.51.100.7"


def test_a_proxy_without_a_valid_client_address_counts_as_the_client() -> None:
    assert found("10.0.0.2") == "10.0.0.2"
    assert found("10.0.0.2", "198.51.100.7", "unknown") == "10.0.0.2"
    assert found("10.0.0.2", "198.51.100.7", "") == "10.0.0.2"
    assert found("10.0.0.2", "10.0.0.3") == "10.0.0.3"


@pytest.mark.parametrize(
    "written", ["203.0.113.9", " 203.0.113.9", "203.0.113.9:4711", "::ffff:203.0.113.9"]
)
def test_different_spellings_of_an_address_are_one(written: str) -> None:
    assert found("10.0.0.2", written) == "203.0.113.9"


def test_ports_of_longer_addresses_are_cut_off_too() -> None:
    assert found("10.0.0.2", "[2001:db8::7]:4711") == "2001:db8::7"
    assert found("10.0.0.2", "[2001:db8::7]") == "2001:db8::7"
    assert found("::ffff:10.0.0.2", "198.51.100.7") == "198.51.100.7"


def test_a_unix_socket_has_no_address() -> None:
    assert found("", "198.51.100.7") == ""
    assert network_of("") == ""
