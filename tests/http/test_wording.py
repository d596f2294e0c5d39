"""The texts of the OpenAPI documents are the same with every supported Python."""

import pytest

from larder.http.wording import first_sentence, phrase


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (200, "OK"),
        (404, "Not Found"),
        (413, "Content Too Large"),
        (415, "Unsupported Media Type"),
        (422, "Unprocessable Content"),
        (503, "Service Unavailable"),
    ],
)
def test_statuses_have_the_names_of_rfc_9110(status: int, words: str) -> None:
    assert phrase(status) == words


def test_a_first_sentence_is_one_line_in_every_python_version() -> None:
    def view() -> None:
        """Changes an order that is not packed yet: its lines,
        or what goes with it. Wholly or not at all."""

    assert (
        first_sentence(view)
        == "Changes an order that is not packed yet: its lines, or what goes with it"
    )


def test_a_function_without_a_docstring_has_no_sentence() -> None:
    assert first_sentence(lambda: None) == ""
