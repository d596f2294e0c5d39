"""Uses links that set a password."""

from django.test import Client

from tests.staff.desk import Page

PAGE = "/admin/new-password/"
WANTED = "a longer passphrase"


def use(token: str, new_password: str = WANTED, again: str = WANTED) -> Page:
    values = {"reset_token": token, "new_password": new_password, "again": again}
    answer = Client().post(PAGE, values)
    form = (answer.context or {}).get("form")
    errors = {} if form is None else {name: list(found) for name, found in form.errors.items()}
    return Page(answer.status_code, answer.content.decode(), errors, [], answer)
