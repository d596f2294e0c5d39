"""Saved views: filters, search and order of a list under a name."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from django.http import QueryDict

from larder.core.errors import InvalidInput
from larder.core.limits import MAX_LABEL_LENGTH
from larder.identity.errors import SessionEnded
from larder.identity.models import SavedView
from larder.identity.queries.saved_views import views_of
from larder.identity.services import saved_views
from larder.identity.services.accounts import delete_account
from larder.identity.services.passwords import set_password
from larder.staff.recording import user_as_caller
from tests.conftest import Person
from tests.staff.desk import Desk, Page, allow

PRODUCTS = "catalog/product/"


def save(desk: Desk, name: str, query: str = "", **more: str) -> Page:
    """Presses the link above a list with these parameters, and sends the form."""
    opened = desk.get(f"{PRODUCTS}view/?{query}").response.context["page"].form
    return desk.post(f"{PRODUCTS}view/", {"name": name, "query": opened["query"].value(), **more})


def shown(desk: Desk) -> list[tuple[str, str]]:
    """The views above the list, with their parameters."""
    found = desk.get(PRODUCTS).response.context["views"]
    return [(one.name, query) for one, query in found]


@pytest.fixture
def clerk(person: Callable[..., Person]) -> Person:
    return allow(person("clerk", is_staff=True), "catalog.view_product")


def test_a_view_is_saved_shown_and_opened(desk: Desk, product: Callable[..., int]) -> None:
    product(name="Jam")
    product(name="Tea")
    page = save(desk, "Jams", "q=jam&o=2&stock=in&p=1&all=&bad=1")
    assert [str(one.name) for one in page.rows] == ["Jam"]
    assert shown(desk) == [("Jams", "o=2&q=jam&stock=in")]
    assert 'aria-current="true">Jams' in desk.get(f"{PRODUCTS}?q=jam&stock=in&o=2").text
    assert 'aria-current="true">' not in desk.get(f"{PRODUCTS}?q=tea").response.context.get(
        "nothing", ""
    )
    assert SavedView.objects.get().page == "catalog_product"


def test_a_form_with_other_parameters_stores_only_those_of_the_list(desk: Desk) -> None:
    sent = {"name": "All", "query": "q=jam&password=secret&price__gt=1&id__in=1"}
    desk.post(f"{PRODUCTS}view/", sent)
    assert SavedView.objects.get().query == "q=jam"


def test_a_parameter_that_the_list_does_not_have_any_more_is_left_out(
    desk: Desk, boss: Person
) -> None:
    SavedView.objects.create(
        owner=boss.customer, page="catalog_product", name="Old", query="q=jam&gone=1"
    )
    assert shown(desk) == [("Old", "q=jam")]


def test_others_see_shared_views_alone_and_cannot_change_them(
    desk: Desk, clerk: Person, product: Callable[..., int]
) -> None:
    save(desk, "Mine", "q=jam")
    save(desk, "Ours", "q=tea", is_shared="on")
    theirs = Desk(clerk)
    assert shown(theirs) == [("Ours", "q=tea")]
    assert "?view=" not in theirs.get(PRODUCTS).text
    for view in SavedView.objects.values_list("pk", flat=True):
        address = f"{PRODUCTS}view/?view={view}"
        assert theirs.get(address).status == 404
        assert theirs.post(address, {"name": "Stolen"}).status == 404
        assert theirs.post(f"{address}&delete=yes", {}).status == 404
    assert SavedView.objects.count() == 2


def test_a_view_opens_nothing_that_the_user_may_not_see(desk: Desk, clerk: Person) -> None:
    save(desk, "Ours", is_shared="on")
    allow(clerk, "orders.view_order")
    theirs = Desk(clerk)
    assert theirs.get(PRODUCTS).status == 403
    assert theirs.get(f"{PRODUCTS}view/").status == 403
    assert "Ours" not in theirs.get("orders/order/").text


def test_an_own_view_is_renamed_shared_and_replaced(desk: Desk) -> None:
    save(desk, "Jams", "q=jam")
    save(desk, "Teas", "q=tea")
    jams = SavedView.objects.get(name="Jams")
    address = f"{PRODUCTS}view/?view={jams.pk}"
    desk.post(address, {"name": "Marmalade", "is_shared": "on"})
    jams.refresh_from_db()
    assert (jams.name, jams.is_shared, jams.query) == ("Marmalade", True, "q=jam")
    desk.post(address, {"name": "Marmalade"})
    jams.refresh_from_db()
    assert (jams.name, jams.is_shared) == ("Marmalade", False)
    taken = {"name": ["You have a view of this name."]}
    assert desk.post(address, {"name": "Teas"}).errors == taken
    save(desk, "Marmalade", "q=orange")
    jams.refresh_from_db()
    assert jams.query == "q=orange"
    for wrong in ("", "  ", "x" * 101, "a\u200bb"):
        assert list(save(desk, wrong).errors) == ["name"]


def test_an_own_view_is_deleted_by_a_button_after_a_question(desk: Desk) -> None:
    save(desk, "Jams", "q=jam")
    save(desk, "Teas", "q=tea", is_shared="on")
    jams, teas = SavedView.objects.order_by("name")
    page = desk.get(f"{PRODUCTS}view/?view={jams.pk}").response.context["page"]
    ((text, address),) = page.ways
    assert text == "Delete this view"
    assert list(page.form.fields) == ["name", "is_shared"]
    path = address.removeprefix("/admin/")
    assert path == f"{PRODUCTS}view/?view={jams.pk}&delete=yes"
    assert "Delete the view Jams?" in desk.get(path).text
    assert "for all staff" not in desk.get(path).text
    assert "for all staff" in desk.get(path.replace(f"={jams.pk}", f"={teas.pk}")).text
    assert len(shown(desk)) == 2
    done = desk.post(path, {})
    assert done.messages == ["The view is deleted."]
    assert done.response.redirect_chain[-1][0].endswith("?q=jam")
    assert shown(desk) == [("Teas", "q=tea")]
    assert desk.get(path).status == desk.post(path, {}).status == 404
    assert not desk.get(f"{PRODUCTS}view/").response.context["page"].ways


def test_a_member_of_staff_has_a_limited_number_of_views(
    boss: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MAX_VIEWS", 1)
    request = type("Request", (), {"user": boss.customer, "session": {}})()
    caller = user_as_caller(request)
    saved_views.save_view("catalog_product", "One", "", is_shared=False, caller=caller)
    saved_views.save_view("catalog_product", "One", "q=1", is_shared=False, caller=caller)
    with pytest.raises(InvalidInput):
        saved_views.save_view("orders_order", "Two", "", is_shared=False, caller=caller)
    for name in (" ", "n" * (MAX_LABEL_LENGTH + 1)):
        with pytest.raises(InvalidInput) as refused:
            saved_views.save_view("orders_order", name, "q" * 2_001, is_shared=False, caller=caller)
        assert [one.code for one in refused.value.faults] == ["invalid_format", "too_long"]


def test_a_session_that_has_ended_saves_changes_and_deletes_no_view(boss: Person) -> None:
    caller = replace(boss.caller, epoch=boss.customer.session_epoch)
    saved_views.save_view("catalog_product", "Jams", "", is_shared=False, caller=caller)
    view = SavedView.objects.get()
    set_password(None, boss.id, "!", now=datetime.now(UTC))
    with pytest.raises(SessionEnded):
        saved_views.save_view(view.page, "Teas", "", is_shared=False, caller=caller)
    with pytest.raises(SessionEnded):
        saved_views.change_view(view.page, view.pk, "Teas", is_shared=False, caller=caller)
    with pytest.raises(SessionEnded):
        saved_views.delete_view(view.page, view.pk, caller=caller)
    assert SavedView.objects.get().name == "Jams"


def test_views_are_deleted_with_their_account(desk: Desk, clerk: Person) -> None:
    theirs = Desk(clerk)
    save(theirs, "Ours", "q=ann", is_shared="on")
    assert shown(desk) == [("Ours", "q=ann")]
    delete_account(clerk.id, now=datetime.now(UTC))
    assert shown(desk) == []
    assert not views_of("catalog_product", clerk.id)


def test_parameters_with_marks_stay_as_they_are(desk: Desk) -> None:
    query = QueryDict(mutable=True)
    query["q"] = "a&b=c <d> é"
    save(desk, "Marks", query.urlencode())
    ((_, kept),) = shown(desk)
    assert QueryDict(kept).dict() == {"q": "a&b=c <d> é"}
