"""Moves and changes orders in the admin: confirm, pack, ship, deliver, return, change, correct
tracking, undo packing, undo shipping, cancel. Records that they were paid or refunded.

The admin calls the same services as the API. `lifecycle` decides which moves the page of an order
offers. A page contains the version that it shows; an order that has changed since is not moved. The
key of the page is the idempotency key, so that a second click gets the answer of the first one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext, ngettext, pgettext_lazy

from larder.core.clock import now
from larder.core.errors import DomainError
from larder.core.ids import new_id
from larder.core.limits import MAX_SHOWN_ROWS
from larder.notifications.formatting import amount
from larder.orders import queries
from larder.orders.lifecycle import DELIVERED, PACKED, PERMISSIONS, SHIPPED, Move, is_allowed
from larder.orders.payment_state import Kind as Payment
from larder.orders.queries import OrderView
from larder.orders.services import moves
from larder.orders.services.batches import confirm_order
from larder.orders.services.changes import change_order
from larder.orders.services.payments import RECORD
from larder.orders.services.transitions import Moved, TransitionRequest
from larder.staff.base import ServiceAdmin
from larder.staff.confirming import own_address
from larder.staff.formatting import contents, customer_name
from larder.staff.orders.contents import refunds_due, state, to_refund
from larder.staff.orders.forms import (
    OF_THE_ORDER,
    SENTENCES,
    CancelForm,
    ChangeForm,
    MoveForm,
    PackForm,
    ReturnForm,
    ShipForm,
)
from larder.staff.orders.paying import PaymentForm, RefundForm, open_amount, record
from larder.staff.pages import Page, ask, show
from larder.staff.recording import caller_of, claim
from larder.staff.refusals import explain
from larder.staff.words import gettext_lazy as _
from larder.staff.words import word


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The button and the page of a move. `text` explains it. `bulk` is its action in the list,
    empty if it has none."""

    button: Any
    icon: str
    text: str
    service: Callable[..., Moved]
    form: type[MoveForm] = MoveForm
    path: str = ""
    """The end of its address; empty for the name of the move."""

    variant: str = "primary"
    bulk: str = ""
    done: str = _("Order {} is {}.")


Step = Move | Payment

FORMS: Mapping[Step, Kind] = {
    Move.CONFIRM: Kind(
        button=_("Confirm"),
        icon="paid",
        service=confirm_order,
        text=_(
            "Was it paid? The order is placed then. If its hold has expired, it needs units that "
            "are still there."
        ),
    ),
    Move.PACK: Kind(
        button=_("Pack"),
        icon="package_2",
        service=moves.pack_order,
        form=PackForm,
        text=_(
            "Units that were not picked are removed from the order, and its total decreases. If "
            "none were picked, the order is cancelled."
        ),
        bulk=_("Mark as packed (as ordered)"),
    ),
    Move.SHIP: Kind(
        button=_("Ship"),
        icon="local_shipping",
        service=moves.ship_order,
        form=ShipForm,
        text=_("Has the order left the warehouse? It cannot be cancelled after that."),
        bulk=_("Mark as shipped"),
    ),
    Move.DELIVER: Kind(
        button=_("Deliver"),
        icon="where_to_vote",
        service=moves.deliver_order,
        text=_("Has it arrived?"),
        bulk=_("Mark as delivered"),
    ),
    Move.RETURN: Kind(
        button=_("Return"),
        icon="assignment_return",
        service=moves.return_order,
        form=ReturnForm,
        text=_("Units that cannot be sold again are booked and stay out of stock."),
        done=_("The return of order {} is booked."),
    ),
    Payment.CAPTURED: Kind(
        button=_("Mark as paid"),
        icon="payments",
        path="paid",
        service=record,
        form=PaymentForm,
        text=_("Record money that the shop has received."),
        done=_("The payment of order {} is recorded."),
    ),
    Payment.REFUNDED: Kind(
        button=_("Mark as refunded"),
        icon="currency_exchange",
        service=record,
        form=RefundForm,
        text=_("Record money that you have paid back yourself, not what a provider reports."),
        done=_("The refund of order {} is recorded."),
    ),
    Move.CHANGE: Kind(
        button=pgettext_lazy("button", "Change"),
        icon="edit",
        path="edit",
        service=change_order,
        form=ChangeForm,
        text=_(
            "Lines keep their prices, also for added units. A new line gets today's price. Enter "
            "0 to remove a line."
        ),
        done=_("Order {} is changed."),
    ),
    Move.TRACK: Kind(
        button=_("Tracking"),
        icon="conveyor_belt",
        service=moves.track_order,
        form=ShipForm,
        text=_("Correct what the customer sees of the parcel. Empty fields remove it."),
        done=_("Order {} is changed."),
    ),
    Move.UNPACK: Kind(
        button=_("Undo packing"),
        icon="undo",
        service=moves.unpack_order,
        text=_(
            "The order is placed again, with the units that were picked. Units that were missing "
            "stay off the stock. If you find them, book them under Adjustments."
        ),
        variant="danger",
    ),
    Move.UNSHIP: Kind(
        button=_("Undo shipping"),
        icon="undo",
        service=moves.unship_order,
        text=_("Only if the parcel is still here. The order is packed again."),
        variant="danger",
    ),
    Move.CANCEL: Kind(
        button=_("Cancel order"),
        icon="cancel",
        service=moves.cancel_order,
        form=CancelForm,
        text=_("All its units can be ordered again."),
        variant="danger",
    ),
}
"""The moves of the admin, the next step of an order first."""

_NEXT = frozenset({Move.CONFIRM, Move.PACK, Move.SHIP, Move.DELIVER, Payment.REFUNDED})

_BULK = ((PACKED, Move.PACK), (SHIPPED, Move.SHIP), (DELIVERED, Move.DELIVER))
BULK = {f"mark_{status}": move for status, move in _BULK}
"""The actions of the list."""


def open_steps(order: OrderView) -> list[Step]:
    """Returns what staff can do now. A completely returned order has no RETURN, and one of which
    units were returned no UNSHIP."""
    return [step for step in FORMS if _is_open(step, order)]


def _is_open(step: Step, order: OrderView) -> bool:
    if isinstance(step, Payment):
        return open_amount(order, step) > 0
    if step is Move.RETURN and all(line.quantity == line.returned for line in order.lines):
        return False
    if step is Move.UNSHIP and any(line.returned for line in order.lines):
        return False
    return is_allowed(step, order.status, by_staff=True)


def _permission(step: Step) -> str:
    return RECORD if isinstance(step, Payment) else PERMISSIONS[step]


def _path(move: Step) -> str:
    return FORMS[move].path or str(move)


def _move_all(screen: Any, request: Any, rows: Any, *, name: str) -> HttpResponse | None:
    """Shows a confirmation, then moves the orders one by one. Shows one message for each outcome,
    with the numbers of its orders."""
    orders = rows.order_by("number")[:MAX_SHOWN_ROWS]
    if orders and "confirmed" not in request.POST:
        return _ask(screen, request, orders, name)
    numbers: dict[tuple[str, int], list[int]] = {}
    for order in orders:
        numbers.setdefault(_try(request, order, name), []).append(order.number)
    for (message, level), of in numbers.items():
        screen.message_user(request, _about(*of) + message, level)
    return None


def _about(*numbers: int) -> str:
    text = ngettext("Order {}: ", "Orders {}: ", len(numbers))
    return text.format(", ".join(map(str, numbers)))


class MovableOrders(ServiceAdmin):
    """The buttons of an order's page and the actions of the list. Each needs the permission of its
    move."""

    def get_urls(self) -> list[Any]:
        pages = [self.page_at(_path(move), partial(self.move_page, move=move)) for move in FORMS]
        return [*pages, *super().get_urls()]

    def get_actions(self, request: Any) -> Any:
        """Adds the moves that the user may make."""
        own = {
            name: (partial(_move_all, name=name), name, FORMS[move].bulk)
            for name, move in BULK.items()
            if request.user.has_perm(PERMISSIONS[move])
        }
        return own | super().get_actions(request)

    def get_actions_detail(self, request: Any, object_id: Any) -> Any:
        """Returns no button for the theme's header, which a phone hides: see `steps`."""
        return []

    def steps(self, request: Any, order: OrderView) -> list[dict[str, Any]]:
        """Returns the buttons of the moves that the order's status and the user's permissions
        allow, the next step first."""
        return [
            {
                "title": FORMS[move].button,
                "icon": FORMS[move].icon,
                "link": reverse(f"admin:orders_order_{_path(move)}", args=[order.id]),
                "variant": "primary" if move in _NEXT else "default",
            }
            for move in open_steps(order)
            if request.user.has_perm(_permission(move))
        ]

    def move_page(self, request: Any, object_id: str, move: Step) -> HttpResponse:
        if not request.user.has_perm(_permission(move)):
            raise PermissionDenied
        order = queries.order(self.shown_object(request, object_id).pk, customer=None)
        if request.method == "POST":
            return self._sent(request, order, move)
        if move not in open_steps(order):
            text = gettext("Order {}: {}. This action is not possible.")
            message = text.format(order.number, state(order.status))
            self.message_user(request, message, messages.WARNING)
            return HttpResponseRedirect(_address(request, order.id))
        return show(request, _page(request, order, move))

    def _sent(self, request: Any, order: OrderView, move: Step) -> HttpResponse:
        """Handles a sent page. If the order has changed since, its lines are not validated: the
        service recognizes the key of a repeat, or refuses the version."""
        page = _page(request, order, move)
        form: Any = page.form
        if not form.is_valid():
            return show(request, page)
        version = form.cleaned_data["seen_version"]
        is_stale = version != order.version
        if not is_stale and not page.is_complete(form.nothing):
            return show(request, page)
        key = str(form.cleaned_data["form_key"])
        transition = _transition(request, order.id, move, version, key)
        try:
            is_made = _make(transition, move, form.arguments(() if is_stale else page.filled))
        except DomainError as refusal:
            if not (is_stale or refusal.code in OF_THE_ORDER):
                page.refuse(refusal, SENTENCES)
                return show(request, page)
            self.tell_refusal(request, refusal, SENTENCES, about=_about(order.number))
        else:
            message, level = _outcome(queries.order(order.id, customer=None), move, is_made=is_made)
            self.message_user(request, message, level)
        return HttpResponseRedirect(_address(request, order.id))


def _address(request: Any, order: UUID) -> str:
    page = reverse("admin:orders_order_change", args=[order])
    return own_address(request) if "next" in request.GET else page


def _page(request: Any, order: OrderView, move: Step) -> Page:
    kind, sent = FORMS[move], request.POST or None
    form = kind.form(sent, initial={**kind.form.first(order), "seen_version": order.version})
    about = contents(sum(line.quantity for line in order.lines), len(order.lines))
    return Page(
        title=gettext("Order {}: {}").format(order.number, kind.button),
        answer=gettext("Save") if move in _CHANGES else kind.button,
        back=_address(request, order.id),
        form=form,
        lines=form.line.of(order, sent) if form.line else (),
        heads=form.line.heads if form.line else (),
        text=f"{about}, {amount(order.total, order.currency)}. {kind.text}",
        variant=kind.variant,
        facts=form.facts(order),
        refund=form.refund(order),
    )


_CHANGES = frozenset({Move.CHANGE, Move.TRACK})


def _transition(request: Any, order: UUID, move: Step, version: int, key: str) -> TransitionRequest:
    """Returns the request for the services. Everything that was sent belongs to its key."""
    caller, sent = caller_of(request), request.POST
    content = sorted((name, sent.getlist(name)) for name in sent if name != "csrfmiddlewaretoken")
    once = replace(claim(caller, f"order/{order}/{move}", key, content), result=str(order))
    return TransitionRequest(order=order, caller=caller, now=now(), version=version, claim=once)


def _make(transition: TransitionRequest, move: Step, arguments: Mapping[str, Any]) -> bool:
    """Makes a move. Returns whether this request or a repeat of it made the move, and not another
    request before."""
    moved = FORMS[move].service(transition, **arguments)
    return moved.replayed or moved.order is not None


DONE_BEFORE = _("this was done before. Nothing was done now.")


def _outcome(order: OrderView, move: Step, *, is_made: bool) -> tuple[str, int]:
    if not is_made:
        return f"{_about(order.number)}{DONE_BEFORE}", messages.WARNING
    text = FORMS[move].done.format(order.number, word(order.status))
    return " ".join([text, *to_refund(refunds_due(order.id))]), messages.SUCCESS


def _ask(screen: ServiceAdmin, request: Any, orders: Sequence[Any], action: str) -> HttpResponse:
    about = [
        f"{order.number}: {customer_name(order.customer)}, "
        f"{amount(order.total, order.currency)}, {state(order.status)}"
        for order in orders
    ]
    seen = [(f"seen-{order.pk}", str(order.version)) for order in orders]
    sends, kind = [("form_key", str(new_id())), *seen], FORMS[BULK[action]]
    return ask(screen, request, kind.bulk, about, answer=kind.button, sends=sends)


def _try(request: Any, order: Any, action: str) -> tuple[str, int]:
    """Moves one of several orders, in its own transaction. Returns the message about the outcome,
    and its level."""
    seen, key = request.POST.get(f"seen-{order.pk}", ""), request.POST.get("form_key", "")[:64]
    version = int(seen) if seen.isdecimal() and len(seen) < 10 else -1
    try:
        transition = _transition(request, order.pk, BULK[action], version, key)
        is_made = _make(transition, BULK[action], {})
    except DomainError as refusal:
        return explain(refusal, SENTENCES)[0].text, messages.ERROR
    if is_made:
        return f"{word(action.removeprefix('mark_'))}.", messages.SUCCESS
    return str(DONE_BEFORE), messages.WARNING
