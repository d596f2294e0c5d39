"""Email addresses: one spelling for each mailbox."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from larder.core.mailboxes import canonical, is_malformed, sent_to

THOROUGHLY = settings(deadline=None, max_examples=300)
letters = st.sampled_from("aeznñöüéåøжяיאكعن日本語한")
domains = st.lists(st.text(letters, min_size=1, max_size=12), min_size=1, max_size=3)
addresses = domains.map(lambda labels: f"ada@{'.'.join(labels)}.de")


@given(addresses)
@THOROUGHLY
def test_both_forms_of_a_domain_have_one_canonical_form(address: str) -> None:
    sent = sent_to(address)
    if not sent:
        return  # letters of two directions in one label: no server has it
    for spelling in (sent, sent.upper(), address.upper(), f"{sent}.", f"{address}\u3002"):
        assert canonical(spelling).lower() == canonical(address)


@given(addresses | st.text(max_size=80) | st.builds("a@xn--{}.{}".format, st.text(), st.text()))
@THOROUGHLY
def test_the_canonical_form_of_any_text_is_stable(text: str) -> None:
    shown = canonical(text)
    assert canonical(shown) == shown
    assert is_malformed(text) <= (not sent_to(text))


@pytest.mark.parametrize(
    "address",
    [
        *(".v@x.de", "v.@x.de", "a..b@x.de", "v@.x.de", "v@x..de", "v@x.de..", "v@.", "@x.de", "."),
        *("a(b)@x.de", '"a"@x.de', "a@[127.0.0.1]", "Ada <a@x.de>", "a@x.de\u3002\u3002"),
        *("a" * 245 + "@example.com", "a@" + "\u00fc" * 64 + ".de"),
    ],
)
def test_an_address_that_no_mailbox_has_is_malformed(address: str) -> None:
    assert is_malformed(address)
    assert canonical(address) == address
    assert not sent_to(address)


def test_a_mail_goes_to_the_domain_that_the_address_spells() -> None:
    """In older rules ß was sent as ss."""
    assert sent_to("ada@stra\u00dfe.de") == "ada@xn--strae-oqa.de"
    assert canonical("ada@\uff45xample.com") == "ada@example.com"
