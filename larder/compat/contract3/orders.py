"""Orders of contract 3: placed as a whole, shown line by line, with money as JSON numbers."""

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.fields import Moment
from larder.compat.operations import KEYED, OFFSET, Access, Refusal, envelope, operation
from larder.compat.ordering import REFUSED, LinesById, place_keyed, refusal
from larder.compat.pages import ByOffsetOfFive, Rows, page
from larder.compat.views import CompatView, caller, read
from larder.http.idempotency import replay_headers
from larder.orders import queries
from larder.orders.queries import SoldLine


class Status(serializers.Serializer[Any]):
    """The confirmation of a placed order."""

    status = serializers.ChoiceField(["created"])


class Line(serializers.Serializer[Any]):
    """A line of an order. Money is what it was when placed, in the JSON number nearest to it.

    Up to 15 digits that is the amount itself.
    """

    product = serializers.IntegerField()
    quantity = serializers.IntegerField()
    name = serializers.CharField()
    unit_price = serializers.FloatField()
    total = serializers.FloatField(source="line_total")
    created_at = Moment(source="placed_at")
    updated_at = Moment(source="placed_at")


class OrdersView(CompatView):
    only_places = True

    @operation(
        "list_lines",
        access=Access(key_permission="orders.view_order"),
        answers={200: envelope(Line)},
        parameters=OFFSET,
    )
    def get(self, request: Request) -> Response:
        """Lists the lines of the caller's orders, the newest order first."""
        who = caller(request).id
        rows = Rows(
            lambda: queries.count_lines(who),
            lambda offset, limit: queries.line_history(who, offset=offset, limit=limit),
        )
        return Response(page(request, rows, ByOffsetOfFive(), _shown))

    @operation(
        "place_order",
        access=Access(key_permission="orders.add_order"),
        body=LinesById,
        answers={201: Status, 403: Refusal, 422: Refusal},
        parameters=KEYED,
    )
    def post(self, request: Request) -> Response:
        """Places an order. Lines of the same product are added."""
        lines = read(request, LinesById)["products"]
        try:
            placed = place_keyed(request, [(line["id"], line["quantity"]) for line in lines])
        except REFUSED as error:
            raise refusal(error) from error
        headers = replay_headers(replayed=placed.replayed)
        return Response({"status": "created"}, status=201, headers=headers)


def _shown(found: list[SoldLine]) -> Any:
    return Line(found, many=True).data
