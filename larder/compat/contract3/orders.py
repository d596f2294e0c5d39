"""Orders of contract 3: placed as a whole, shown line by line, with money as JSON numbers."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat.fields import Moment
from larder.compat.operations import operation
from larder.compat.ordering import REFUSED, LinesById, place_keyed, refusal
from larder.compat.pages import ByOffsetOfFive, Rows
from larder.compat.views import CompatView, caller, read
from larder.http.idempotency import replay_headers
from larder.orders import queries


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
    serializer_class, pagination_class = Line, ByOffsetOfFive

    @operation("list_lines", key_permission="orders.view_order", responses=Line(many=True))
    def get(self, request: Request) -> Response:
        """Lists the lines of the caller's orders, the newest order first."""
        who = caller(request).id
        rows = Rows(
            lambda: queries.count_lines(who),
            lambda offset, limit: queries.line_history(who, offset=offset, limit=limit),
        )
        return Response(self.page(rows))

    @operation(
        "place_order",
        key_permission="orders.add_order",
        request=LinesById,
        responses={201: OpenApiTypes.OBJECT},
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
