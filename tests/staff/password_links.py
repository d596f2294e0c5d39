"""Uses links that set a password."""

from django.test import Client

from tests.staff.desk import Page

PAGE = "/admin/new-password/"
WANTED = "a longer passphrase"


def use(token: str, new_password: str = WANTED, again: str = WANTED) -> Page:
    return _post({"reset_token": token, "new_password": new_password, "again": again})


def look(token: str) -> Page:
    """What the script of the page sends when the link is opened."""
    return _post({"reset_token": token, "look": "yes"})


def _post(values: dict[str, str]) -> Page:
    answer = Client().post(PAGE, values)
    form = (answer.context or {}).get("form")
    errors = {} if form is None else {name: list(found) for name, found in form.errors.items()}
    return Page(answer.status_code, answer.content.decode(), errors, [], answer)
