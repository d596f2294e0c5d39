"""Email addresses whose domains have letters beyond ASCII."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from larder.core.mailboxes import canonical, is_mailbox, is_malformed, spellings

THOROUGHLY = settings(deadline=None, max_examples=300)
letters = st.sampled_from("aeznñöüéåøжяיאكعن日本語한")
domains = st.lists(st.text(letters, min_size=1, max_size=12), min_size=1, max_size=3)
addresses = domains.map(lambda labels: f"ada@{'.'.join(labels)}.de")


@given(addresses)
@THOROUGHLY
def test_both_forms_of_a_domain_have_one_canonical_form(address: str) -> None:
    domain = address.removeprefix("ada@")
    try:
        sent = domain.encode("idna")
        shown = sent.decode("idna")
    except UnicodeError:
        return  # letters of two directions in one label: no server has it
    both = {f"ada@{shown}", f"ada@{sent.decode('ascii')}"}
    for one in (*both, f"ada@{domain.upper()}", f"ada@{sent.decode('ascii').upper()}"):
        assert canonical(one).lower() == f"ada@{shown}"
        assert {each.lower() for each in spellings(one)} >= both


@given(addresses | st.text(max_size=40))
@THOROUGHLY
def test_the_canonical_form_of_an_address_is_stable(address: str) -> None:
    one = canonical(address)
    assert canonical(one) == one
    assert is_mailbox(one) >= is_mailbox(address)


@given(st.text(max_size=80) | st.builds("a@xn--{}.{}".format, st.text(max_size=70), st.text()))
@THOROUGHLY
def test_any_text_can_be_normalised_as_an_address(text: str) -> None:
    assert canonical(text) in spellings(text)
    assert is_malformed(text) in {True, False}


@pytest.mark.parametrize("domain", ["m\u00fcnchen.de", "xn--mnchen-3ya.de", "example.com"])
def test_a_trailing_dot_names_the_same_mailbox(domain: str) -> None:
    address = f"ada@{domain}"
    assert canonical(f"{address}.") == canonical(address)
    assert f"{address}." in spellings(canonical(address)) >= spellings(canonical(f"{address}."))


@pytest.mark.parametrize("dot", "\u3002\uff0e\uff61")
def test_every_dot_of_idna_is_a_dot(dot: str) -> None:
    """A mail to the address goes to the same mailbox."""
    for domain in ("m\u00fcnchen.de", "example.com"):
        typed = domain.replace(".", dot)
        assert {canonical(f"ada@{typed}{end}") for end in ("", ".", dot)} == {f"ada@{domain}"}
        assert is_malformed(canonical(f"ada@{typed}{dot}{dot}"))


@pytest.mark.parametrize(
    "address",
    [".v@x.de", "v.@x.de", "a..b@x.de", "v@.x.de", "v@x..de", "v@x.de..", "v@.", "@x.de", "."],
)
def test_an_address_with_an_empty_part_is_malformed(address: str) -> None:
    assert not is_mailbox(canonical(address))
    assert is_malformed(canonical(address)) is ("@" in address)


@pytest.mark.parametrize("domain", ["stra\u00dfe.de", "\uff45xample.com", "ex\u00adample.com"])
def test_a_domain_that_would_change_to_another_domain_is_not_normalised(domain: str) -> None:
    assert canonical(f"ada@{domain}") == f"ada@{domain}"
    assert not is_mailbox(canonical(f"ada@{domain}"))


def test_a_domain_valid_only_in_newer_rules_is_not_changed() -> None:
    address = "ada@xn--strae-oqa.de"
    assert canonical(address) == address
    assert not is_malformed(address)
