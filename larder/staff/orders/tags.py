"""Tags of orders: a page of an order, and an action of the list."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from larder.core.errors import DomainError
from larder.core.tags import TagChange
from larder.orders.models import Order
from larder.orders.services.tags import tag_orders
from larder.staff.base import button
from larder.staff.language import gettext_lazy as _
from larder.staff.pages import Page, PageForm, reopened, show
from larder.staff.recording import user_as_caller
from larder.staff.tagging import TagFilter, TaggableList, Tags


class OrderTagFilter(TagFilter):
    """Filters orders by one tag (index order_by_tag)."""

    column = "tag_set__tags"


class TagsForm(PageForm):
    """The tags of an order. `seen` are those that the page showed: what a colleague added
    meanwhile stays."""

    tags = Tags(required=False)
    seen = Tags(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen"].widget = self.fields["seen"].hidden_widget()

    def wanted(self) -> TagChange:
        """Returns the change of a valid form."""
        new, seen = ({*self.cleaned_data[one]} for one in ("tags", "seen"))
        return TagChange(sorted(new - seen), sorted(seen - new))


class TaggableOrders(TaggableList):
    """The pages that change tags, for staff who may change orders."""

    actions_detail: Any = ("change_own_tags",)

    def tag(self, request: Any, keys: Sequence[UUID], change: TagChange) -> int:
        return tag_orders(keys, change, caller=user_as_caller(request))

    def tag_link(self, request: Any, order: UUID) -> str:
        """Returns the address of the page of an order's tags; empty for users who may not change
        them."""
        page = reverse("admin:orders_order_change_own_tags", args=[order])
        return page if self.has_tag_permission(request) else ""

    @button(_("Tags"), permissions=["tag"], icon="label", url_path="tags")
    def change_own_tags(self, request: Any, object_id: str) -> HttpResponse:
        """Shows the tags of an order, then changes them."""
        order = self.get_object(request, object_id)
        if order is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        back, shown = reverse("admin:orders_order_change", args=[order.pk]), tags_of(order)
        given = {"tags": shown, "seen": shown}
        page = Page(
            title=gettext("Tags of order {}").format(order.number),
            answer=gettext("Save"),
            back=back,
            form=reopened(TagsForm, request, given),
            text=gettext("Staff who may see orders see them. The customer does not."),
        )
        if request.method != "POST" or not page.is_valid():
            return show(self, request, page)
        try:
            self.tag(request, [order.pk], page.form.wanted())  # type: ignore[attr-defined]
        except DomainError as refusal:
            page.refuse(refusal, {})
            return show(self, request, page)
        self.message_user(request, gettext("The tags are saved."), messages.SUCCESS)
        return HttpResponseRedirect(back)


def tags_of(order: Order) -> list[str]:
    """Returns the tags of an order that was read with its `tag_set`."""
    found = getattr(order, "tag_set", None)
    return [] if found is None else found.tags
