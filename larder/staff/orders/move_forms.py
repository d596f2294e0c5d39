"""The forms with which staff move an order, and the service that each of them calls."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext, pgettext_lazy

from larder.catalog.models import Product
from larder.core.limits import MAX_ORDERED_UNITS
from larder.http.shop import terms
from larder.orders.decision import Wanted
from larder.orders.lifecycle import Move
from larder.orders.queries import LineView, OrderView
from larder.orders.services import moves, returns
from larder.orders.services.changes import change_order
from larder.orders.services.confirm_order import confirm_order
from larder.orders.services.moves import UNTRACKED, Picked
from larder.orders.services.returns import ReturnedLine
from larder.orders.services.transitions import TransitionRequest
from larder.staff.formatting import day_of, grouped
from larder.staff.language import gettext_lazy as _
from larder.staff.orders.contents import address_lines
from larder.staff.orders.forms import (
    CancelForm,
    ChangeForm,
    MoveForm,
    ReturnForm,
    ShipForm,
)
from larder.staff.pages import LineForm, box, choice, whole


class OrderLineForm(LineForm):
    """A line of an existing order."""

    heads: tuple[str, ...] = (_("SKU"), _("Name"))

    def __init__(self, line: LineView, sent: Any, **initial: Any) -> None:
        super().__init__(sent, prefix=f"line-{line.product}", initial=initial)
        self.line = line

    @classmethod
    def of(cls, order: OrderView, sent: Any) -> Sequence[Any]:
        """Returns the forms of all lines."""
        return [cls(line, sent) for line in order.lines]

    @property
    def product(self) -> int:
        return self.line.product


class PickedForm(OrderLineForm):
    """The picked units of a line. The initial value is all units."""

    heads = (_("Place"), *OrderLineForm.heads, _("Ordered"))
    quantity = whole(_("Picked"), least=0, most=MAX_ORDERED_UNITS)
    rest = choice(
        _("If fewer, the others"),
        [
            ("", _("Choose")),
            ("missing", _("are missing from the shelf")),
            ("back", _("go back on the shelf")),
        ],
        required=False,
    )

    def __init__(self, line: LineView, sent: Any, place: str = "") -> None:
        super().__init__(line, sent, quantity=line.quantity)
        self.cells = (place or "–", line.sku, line.name, grouped(line.quantity))

    @classmethod
    def of(cls, order: OrderView, sent: Any) -> Sequence[Any]:
        """Returns the forms of all lines by place. Products without a place come last."""
        products = Product.objects.filter(pk__in=[line.product for line in order.lines])
        places = dict(products.values_list("pk", "shelf_place"))
        lines = sorted(
            order.lines, key=lambda line: (not places[line.product], places[line.product])
        )
        return [cls(line, sent, places[line.product]) for line in lines]

    def clean(self) -> dict[str, Any]:
        """Never takes units off the stock because a field was forgotten."""
        given = self.cleaned_data
        if given.get("quantity", self.line.quantity) < self.line.quantity and not given.get("rest"):
            self.add_error("rest", gettext("Choose what became of the others."))
        return given

    @property
    def is_filled(self) -> bool:
        """Whether the line was not picked completely: only such lines are sent."""
        return bool(self.cleaned_data.get("quantity") != self.line.quantity)


class ChangedForm(OrderLineForm):
    """The units of a line. The initial value is all units."""

    quantity = whole(_("Units"), least=0, most=MAX_ORDERED_UNITS)

    def __init__(self, line: LineView, sent: Any) -> None:
        super().__init__(line, sent, quantity=line.quantity)
        self.cells = (line.sku, line.name)

    @property
    def is_filled(self) -> bool:
        """Whether the order keeps the line: only such lines are sent."""
        return bool(self.cleaned_data.get("quantity"))


class ReturnedForm(OrderLineForm):
    """The returned units of a line. The initial value is 0."""

    heads = (*OrderLineForm.heads, _("Still with the customer"))
    quantity = whole(_("Came back"), least=0, most=MAX_ORDERED_UNITS)
    restock = box(_("Can be sold again"))

    def __init__(self, line: LineView, sent: Any) -> None:
        super().__init__(line, sent, quantity=0, restock=True)
        self.cells = (line.sku, line.name, grouped(line.quantity - line.returned))

    @property
    def is_filled(self) -> bool:
        return bool(self.cleaned_data.get("quantity"))


Make = Callable[[TransitionRequest, Any, Sequence[Any]], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """The button and the page of a move, whose `title` has the number of the order. `text` explains
    the move. `nothing` is the error if no line is filled. Of several orders, `bulk` is the action
    of the list, `several` the title, `all_of_them` the question, `done` the message, and
    `done_before` the one about a repeat."""

    button: Any
    icon: str
    path: str = ""
    """The end of its address; empty for the name of the move."""

    title: str
    answer: str
    make: Make
    text: str
    form: type[MoveForm] = MoveForm
    line: type[Any] | None = None
    nothing: str = ""
    variant: str = "primary"
    bulk: str = ""
    several: str = ""
    all_of_them: str = ""
    done: str = ""
    done_before: str = ""
    initial: Callable[[OrderView], Mapping[str, Any]] | None = None
    """The initial values of the form."""

    facts: Callable[[OrderView], Sequence[tuple[str, str]]] | None = None
    """What staff need to see while they fill in the page: titles and texts."""


def _delivery(order: OrderView) -> list[tuple[str, str]]:
    """Returns what the parcel needs: the address, the day and the note."""
    day = order.requested_for
    facts = [
        (gettext("Ship to"), "\n".join(address_lines(order.ship_to or {}))),
        (gettext("Requested for"), day_of(day) if day else ""),
        (gettext("Note"), order.note),
    ]
    return [(title, fact) for title, fact in facts if fact]


def _confirm(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    return confirm_order(request)


def _change(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    wanted = [Wanted(line.product, line.cleaned_data["quantity"]) for line in lines]
    if added := form.cleaned_data.get("product"):
        wanted.append(Wanted(added.pk, form.cleaned_data["units"]))
    return change_order(request, terms=terms(), lines=wanted, details=form.details)


def _cancel(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    return moves.cancel_order(request, reason=form.cleaned_data["reason"].strip())


def _pack(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    given = [(line.product, line.cleaned_data) for line in lines]
    picked = [
        Picked(one, entered["quantity"], entered["rest"] == "missing") for one, entered in given
    ]
    return moves.pack_order(request, picked=picked)


def _ship(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    return moves.ship_order(request, tracking=form.tracking if form else UNTRACKED)


def _track(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    return moves.track_order(request, form.tracking)


def _unpack(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    return moves.unpack_order(request)


def _unship(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    return moves.unship_order(request)


def _deliver(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    return moves.deliver_order(request)


def _return(request: TransitionRequest, form: Any, lines: Sequence[Any]) -> bool:
    given = [(line.product, line.cleaned_data) for line in lines]
    back = [ReturnedLine(one, entered["quantity"], entered["restock"]) for one, entered in given]
    return returns.return_order(request, lines=back, reason=form.cleaned_data["reason"])


FORMS: Mapping[Move, Kind] = {
    Move.CONFIRM: Kind(
        button=_("Confirm"),
        icon="paid",
        title=_("Confirm order {}"),
        answer=_("Confirm"),
        make=_confirm,
        text=_(
            "Was it paid? The order is placed then. If its hold has expired, it needs units that "
            "are still there."
        ),
    ),
    Move.PACK: Kind(
        button=_("Pack"),
        icon="package_2",
        title=_("Pack order {}"),
        answer=_("Pack"),
        make=_pack,
        line=PickedForm,
        facts=_delivery,
        text=_(
            "Units that were not picked are removed from the order, and its total decreases. If "
            "none were picked, the order is cancelled."
        ),
        bulk=_("Mark as packed (as ordered)"),
        several=_("Pack orders"),
        all_of_them=_("Were these orders packed with everything that was ordered?"),
        done=_("packed."),
        done_before=_("packed already, by another user. Nothing was done now."),
    ),
    Move.SHIP: Kind(
        button=_("Ship"),
        icon="local_shipping",
        title=_("Ship order {}"),
        answer=_("Ship"),
        make=_ship,
        form=ShipForm,
        text=_("Has the order left the warehouse? It cannot be cancelled after that."),
        bulk=_("Mark as shipped"),
        several=_("Ship orders"),
        all_of_them=_("Have these orders left the warehouse?"),
        done=_("shipped."),
        done_before=_("shipped already, by another user. Nothing was done now."),
    ),
    Move.DELIVER: Kind(
        button=_("Deliver"),
        icon="where_to_vote",
        title=_("Deliver order {}"),
        answer=_("Deliver"),
        make=_deliver,
        text=_("Has it arrived?"),
        bulk=_("Mark as delivered"),
        several=_("Deliver orders"),
        all_of_them=_("Have these orders arrived?"),
        done=_("delivered."),
        done_before=_("delivered already, by another user. Nothing was done now."),
    ),
    Move.RETURN: Kind(
        button=_("Return"),
        icon="assignment_return",
        title=_("Return of order {}"),
        answer=_("Return"),
        make=_return,
        form=ReturnForm,
        line=ReturnedForm,
        text=_("Units that cannot be sold again are booked and stay out of stock."),
        nothing=_("Enter the number of returned units in at least one line."),
    ),
    Move.CHANGE: Kind(
        button=pgettext_lazy("button", "Change"),
        icon="edit",
        path="edit",
        title=_("Change order {}"),
        answer=_("Save"),
        make=_change,
        form=ChangeForm,
        initial=ChangeForm.of,
        line=ChangedForm,
        text=_(
            "Lines keep their prices, also for added units. A new line gets today's price. Enter "
            "0 to remove a line."
        ),
        nothing=_("An order has at least one line: cancel it to remove all."),
    ),
    Move.TRACK: Kind(
        button=_("Tracking"),
        icon="conveyor_belt",
        title=_("Tracking of order {}"),
        answer=_("Save"),
        make=_track,
        form=ShipForm,
        initial=ShipForm.of,
        text=_("Correct what the customer sees of the parcel. Empty fields remove it."),
    ),
    Move.UNPACK: Kind(
        button=_("Undo packing"),
        icon="undo",
        title=_("Undo packing of order {}"),
        answer=_("Undo packing"),
        make=_unpack,
        text=_(
            "The order is placed again, with the units that were picked. Units that were missing "
            "stay off the stock. If you find them, book them under Adjustments."
        ),
        variant="danger",
    ),
    Move.UNSHIP: Kind(
        button=_("Undo shipping"),
        icon="undo",
        title=_("Undo shipping of order {}"),
        answer=_("Undo shipping"),
        make=_unship,
        text=_("Only if the parcel is still here. The order is packed again."),
        variant="danger",
    ),
    Move.CANCEL: Kind(
        button=_("Cancel order"),
        icon="cancel",
        title=_("Cancel order {}"),
        answer=_("Cancel order"),
        make=_cancel,
        form=CancelForm,
        text=_("All its units can be ordered again."),
        variant="danger",
    ),
}
"""The moves of the admin, the next step of an order first."""
