"""Moves and changes orders in the admin: confirm, pack, ship, deliver, return, change, correct
tracking, undo packing, undo shipping, cancel.

The admin calls the same services as the API. `lifecycle` decides which moves the page of an order
offers. A page contains the version that it shows; an order that has changed since is not moved. The
key of the page is the idempotency key, so that a second click gets the answer of the first one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseRedirect
from django.urls import path, reverse
from django.utils.translation import gettext, ngettext

from larder.core.clock import now
from larder.core.errors import DomainError, NotFound
from larder.core.ids import new_id
from larder.db.idempotency import RETENTION, Claim, Scope, fingerprint
from larder.orders import queries
from larder.orders.lifecycle import (
    CANCELLED,
    DELIVERED,
    PACKED,
    PERMISSIONS,
    SHIPPED,
    Move,
    Verdict,
    judge,
)
from larder.orders.queries import OrderView
from larder.orders.services.transitions import TransitionRequest
from larder.staff.base import Question, ServiceAdmin, ask, caller_of, selected
from larder.staff.formatting import amount, contents, customer_name
from larder.staff.orders.move_forms import FORMS
from larder.staff.orders.move_refusals import OF_THE_ORDER, SENTENCES
from larder.staff.pages import Page, show
from larder.staff.refusals import explain
from larder.staff.words import word

_NEXT = frozenset({Move.CONFIRM, Move.PACK, Move.SHIP, Move.DELIVER})
_CHANGES = frozenset({Move.CHANGE, Move.TRACK})


def open_moves(order: OrderView) -> list[Move]:
    """Returns the moves that staff can make now. A completely returned order has no RETURN, and one
    of which units were returned no UNSHIP."""
    left = any(line.quantity > line.returned for line in order.lines)
    returned = any(line.returned for line in order.lines)
    return [
        move
        for move in Move
        if judge(order.status, move, by_staff=True, by_owner=False) is Verdict.ALLOWED
        and (move is not Move.RETURN or left)
        and not (move is Move.UNSHIP and returned)
    ]


@dataclass(frozen=True, slots=True)
class Sent:
    """A sent move: its order, the version of the page, the idempotency key and the content."""

    order: UUID
    version: int
    key: str
    content: bytes

    def transition_request(self, request: Any, move: Move) -> TransitionRequest:
        """Returns the request for the services."""
        user, moment = request.user, now()
        scope = Scope(user.public_id, f"POST admin/order/{self.order}/{move}", self.key)
        claim = Claim(scope, self.content, str(self.order), expires_at=moment + RETENTION)
        return TransitionRequest(
            order=self.order,
            caller=caller_of(request),
            now=moment,
            version=self.version,
            claim=claim,
        )


def _make(
    wanted: TransitionRequest, move: Move, form: Any = None, lines: Sequence[Any] = ()
) -> bool:
    """Makes a move. Returns whether this request or a repeat of it made the move, and not another
    request before."""
    replayed = FORMS[move].make(wanted, form, lines)
    return replayed or queries.has_event(wanted.order, actor=wanted.caller.public_id, at=wanted.now)


def _path(move: Move) -> str:
    return FORMS[move].path or str(move)


def _bulk(move: Move) -> Callable[..., HttpResponse | None]:
    """Returns the action of the list that makes a move of every selected order."""

    def make_all(screen: Any, request: Any, queryset: Any) -> HttpResponse | None:
        """Shows a confirmation, then moves the orders."""
        orders = selected(screen, request, queryset.order_by("number"))
        if orders and "confirmed" not in request.POST:
            return ask(screen, request, _question(orders, move, make_all.__name__))
        _move_all(screen, request, orders, move)
        return None

    make_all.__name__ = f"mark_{_MADE[move]}"
    marked: Callable[..., HttpResponse | None] = admin.action(description=FORMS[move].bulk)(
        make_all
    )
    return marked


_MADE = {Move.PACK: PACKED, Move.SHIP: SHIPPED, Move.DELIVER: DELIVERED}
"""The moves of several orders, and the statuses that they lead to."""

BULK = {f"mark_{status}": move for move, status in _MADE.items()}
"""The actions of the list."""


class MovableOrders(ServiceAdmin):
    """The buttons of an order's page and the actions of the list. Each needs the permission of its
    move."""

    actions_detail: Any = ()
    actions: Any = tuple(map(_bulk, _MADE))

    def get_urls(self) -> list[Any]:
        """Adds a page for each move."""
        pages = [
            path(
                f"<path:object_id>/{_path(move)}/",
                self.admin_site.admin_view(partial(self.move_page, move=move)),
                name=f"orders_order_{_path(move)}",
            )
            for move in FORMS
        ]
        return [*pages, *super().get_urls()]

    def get_actions(self, request: Any) -> Any:
        """Leaves out the moves that the user may not make."""
        actions = super().get_actions(request)
        refused = [n for n, move in BULK.items() if not request.user.has_perm(PERMISSIONS[move])]
        return {name: action for name, action in actions.items() if name not in refused}

    def get_actions_detail(self, request: Any, object_id: Any) -> Any:
        """Returns no button for the theme's header, which a phone hides: see `steps`."""
        return []

    def steps(self, request: Any, order: OrderView) -> list[dict[str, Any]]:
        """Returns the buttons of the moves that the order's status and the user's permissions
        allow, the next step first."""
        possible = open_moves(order)
        return [
            {
                "title": kind.button,
                "icon": kind.icon,
                "link": reverse(f"admin:orders_order_{_path(move)}", args=[order.id]),
                "variant": "primary" if move in _NEXT else "default",
            }
            for move, kind in FORMS.items()
            if move in possible and request.user.has_perm(PERMISSIONS[move])
        ]

    def shown_order(self, request: Any, object_id: str) -> OrderView | None:
        """Returns the placed order of this address. Reads it once for each request."""
        if not hasattr(request, "shown_order"):
            try:
                request.shown_order = queries.order(UUID(object_id), customer=None)
            except (ValueError, NotFound):
                request.shown_order = None
        found: OrderView | None = request.shown_order
        return found

    def move_page(self, request: Any, object_id: str, move: Move) -> HttpResponse:
        """Shows the page of a move, then makes it."""
        if not request.user.has_perm(PERMISSIONS[move]):
            raise PermissionDenied
        order = self.shown_order(request, object_id)
        if order is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[no-any-return]
        if request.method == "POST":
            return self._sent(request, order, move)
        if move not in open_moves(order):
            text = gettext("Order {} is {}: this action is not possible.")
            message = text.format(order.number, word(order.status))
            self.message_user(request, message, messages.WARNING)
            return HttpResponseRedirect(_address(order.id))
        return show(self, request, self._sheet(order, move, None))

    def _sheet(self, order: OrderView, move: Move, sent: Any) -> Page:
        kind = FORMS[move]
        initial = {**(kind.initial(order) if kind.initial else {}), "seen_version": order.version}
        units = sum(line.quantity for line in order.lines)
        about = contents(units, len(order.lines))
        return Page(
            title=kind.title.format(order.number),
            answer=kind.answer,
            back=_address(order.id),
            form=kind.form(sent) if sent else kind.form(initial=initial),
            lines=kind.line.of(order, sent) if kind.line else (),
            heads=kind.line.heads if kind.line else (),
            text=f"{about}, {amount(order.total, order.currency)}. {kind.text}",
            variant=kind.variant,
            facts=kind.facts(order) if kind.facts else (),
        )

    def _sent(self, request: Any, order: OrderView, move: Move) -> HttpResponse:
        """Handles a sent page. If the order has changed since, its lines are not validated: the
        service recognizes the key of a repeat, or refuses the version."""
        page = self._sheet(order, move, request.POST)
        sent = _sent(order.id, page, request.POST)
        is_stale = sent is not None and sent.version != order.version
        if sent is None or not (is_stale or page.is_complete(_nothing(page, move))):
            return show(self, request, page)
        wanted = sent.transition_request(request, move)
        try:
            made = _make(wanted, move, page.form, () if is_stale else page.filled)
        except DomainError as refusal:
            if not (is_stale or refusal.code in OF_THE_ORDER):
                page.refuse(refusal, SENTENCES)
                return show(self, request, page)
            about = ngettext("Order {}: ", "Orders {}: ", 1).format(order.number)
            self.tell_refusal(request, refusal, SENTENCES, about=about)
        else:
            message, level = _outcome(queries.order(order.id, customer=None), move, made=made)
            self.message_user(request, message, level)
        return HttpResponseRedirect(_address(order.id))


def _address(order: UUID) -> str:
    return reverse("admin:orders_order_change", args=[order])


def _sent(order: UUID, page: Page, sent: Any) -> Sent | None:
    """Returns the move of a sent page; None if its form is invalid."""
    if not page.form.is_valid():
        return None
    given = page.form.cleaned_data
    content = sorted((name, sent.getlist(name)) for name in sent if name != "csrfmiddlewaretoken")
    return Sent(order, given["seen_version"], str(given["form_key"]), fingerprint(content))


def _nothing(page: Page, move: Move) -> str:
    """Returns the error if no line is filled; empty if a product is added to the order."""
    return "" if page.form.cleaned_data.get("product") else FORMS[move].nothing


def _outcome(order: OrderView, move: Move, *, made: bool) -> tuple[str, int]:
    if not made:
        text = gettext("Order {} was {} before. Nothing was done now.")
        if move in _CHANGES:
            text = gettext("Order {} has these values. Nothing was done now.")
        return text.format(order.number, word(order.status)), messages.WARNING
    if move in _CHANGES:
        text = gettext("Order {} is changed.")
    elif move is Move.RETURN:
        text = gettext("The return of order {} is booked.")
    elif (move, order.status) == (Move.PACK, CANCELLED):
        text = gettext("Nothing was picked. Order {} is {}.")
    else:
        text = gettext("Order {} is {}.")
    return text.format(order.number, word(order.status)), messages.SUCCESS


def _question(orders: Sequence[Any], move: Move, action: str) -> Question:
    about = [
        f"{one.number}: {customer_name(one.customer)}, {amount(one.total, one.currency)}, "
        f"{word(one.status)}"
        for one in orders
    ]
    sends = [("action", action), ("index", "0"), ("confirmed", "yes"), ("form_key", str(new_id()))]
    for one in orders:
        sends += [(ACTION_CHECKBOX_NAME, str(one.pk)), (f"seen-{one.pk}", str(one.version))]
    kind = FORMS[move]
    return Question(kind.several, kind.all_of_them, kind.answer, about, sends, kind.variant)


def _move_all(screen: Any, request: Any, orders: Sequence[Any], move: Move) -> None:
    """Moves the orders one by one, each in a separate transaction. Shows one message for each
    outcome, with the numbers of its orders."""
    numbers: dict[tuple[str, int], list[int]] = {}
    for order in orders:
        numbers.setdefault(_try(request, order, move), []).append(order.number)
    for (message, level), of in numbers.items():
        named = ngettext("Order {}: ", "Orders {}: ", len(of))
        screen.message_user(request, named.format(", ".join(map(str, of))) + message, level)


def _try(request: Any, order: Any, move: Move) -> tuple[str, int]:
    """Moves one of several orders. Returns the message about the outcome, and its level."""
    seen, key = request.POST.get(f"seen-{order.pk}", ""), request.POST.get("form_key", "")
    version = int(seen) if seen.isdecimal() and len(seen) < 10 else -1
    sent = Sent(order.pk, version, key[:64], fingerprint(version))
    try:
        made = _make(sent.transition_request(request, move), move)
    except DomainError as refusal:
        return explain(refusal, SENTENCES)[0].text, messages.ERROR
    if made:
        return str(FORMS[move].done), messages.SUCCESS
    return str(FORMS[move].done_before), messages.WARNING
