"""Contract 3: users by name, products with three decimals, orders line by line.

Its lists have the slash at the end of their paths, what is in them is addressed without it.
"""

import re
from decimal import ROUND_FLOOR, Decimal
from typing import Any
from uuid import UUID

from django.urls import path, re_path
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from larder.compat import accounts as common
from larder.compat import products
from larder.compat.accounts import AccountBody, change, registered
from larder.compat.authentication import require_confirmation
from larder.compat.fields import AnyText, Moment, Password, Price, Text
from larder.compat.ordering import REFUSED, LinesById, place_keyed, refusal
from larder.compat.pages import ByOffsetOfFive, Rows
from larder.compat.views import CompatView, OpenView, caller, needs, read
from larder.core import limits
from larder.core.clock import now
from larder.core.errors import NotFound
from larder.http.api_headers import replay_headers
from larder.identity import queries
from larder.identity.queries import Profile
from larder.identity.services import accounts
from larder.inventory.queries import ProductFilter
from larder.orders import queries as orders


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

    @needs(key="orders.view_order")
    def get(self, request: Request) -> Response:
        """Lists the lines of the caller's orders, the newest order first."""
        who = caller(request).id
        rows = Rows(
            lambda: orders.count_lines(who),
            lambda offset, limit: orders.line_history(who, offset=offset, limit=limit),
        )
        return Response(self.page(rows))

    @needs(key="orders.add_order")
    def post(self, request: Request) -> Response:
        """Places an order. Lines of the same product are added."""
        lines = read(request, LinesById)["products"]
        try:
            placed = place_keyed(request, [(line["id"], line["quantity"]) for line in lines])
        except REFUSED as error:
            raise refusal(error) from error
        headers = replay_headers(replayed=placed.replayed)
        return Response({"status": "created"}, status=201, headers=headers)


MOST = Decimal(10 ** (limits.PRICE_DIGITS - limits.MONEY_DECIMALS))
"""More than any product of the shop can cost, whichever contract set its price."""

_INTEGER = re.compile(r"-?[0-9]{1,10}")


class Stock(serializers.IntegerField):
    """Available units: a JSON integer, or its digits in a string."""

    def __init__(self, **options: Any) -> None:
        super().__init__(min_value=0, max_value=limits.MAX_STOCK, **options)

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int and not (isinstance(data, str) and _INTEGER.fullmatch(data)):
            self.fail("invalid")
        return int(super().to_internal_value(data))


class Product(serializers.Serializer[Any]):
    """A product. `stock` is the number of available units."""

    id = serializers.IntegerField(read_only=True)
    name = Text(max_length=200)
    price = Price(digits=10, places=3, required=False)
    stock = Stock(source="quantity", required=False)


class NewProduct(Product):
    """A product as staff add it."""

    price = Price(digits=10, places=3, default=Decimal(0))


class Filters(serializers.Serializer[Any]):
    """The filters of a list."""

    max_price = serializers.DecimalField(max_digits=None, decimal_places=None, required=False)


class ProductsView(CompatView):
    serializer_class, pagination_class = Product, ByOffsetOfFive

    def get(self, request: Request) -> Response:
        """Lists the products by ascending id, including those out of stock."""
        return Response(self.page(products.product_rows(request, _filter(request))))

    @needs("catalog.add_product")
    def post(self, request: Request) -> Response:
        """Staff: adds a product. The default of price and stock is 0."""
        product = products.create(request, NewProduct, unique_name=True)
        return Response(self.shown(product), status=201)


def _filter(request: Request) -> ProductFilter:
    """Raises ValidationError if `max_price` is not a number."""
    filters = Filters(data=request.query_params.dict())
    filters.is_valid(raise_exception=True)
    price = filters.validated_data.get("max_price")
    if price is not None:
        # PostgreSQL has no 1e999999.
        price = max(min(price, MOST), Decimal(-1)).quantize(Decimal("0.001"), ROUND_FLOOR)
    keyword = request.query_params.get("keyword", "")
    return ProductFilter(name_contains=keyword, max_price=price)


class ProductView(products.ProductView):
    serializer_class = Product
    unique_name = True

    def number(self, product: Any) -> int:
        """Reads the id here and not in the path: credentials come first, and refusals are of one
        shape. Raises NotFound if it is not the number of a product."""
        if not _ID.fullmatch(product) or int(product) > limits.MAX_ID:
            raise NotFound
        return int(product)


_ID = re.compile(r"[0-9]{1,19}")


NAME_LENGTH = 100
"""Characters of a user's name in this contract."""


class NewName(AccountBody):
    called = "name"
    taken = {"username": "user with this name already exists."}

    name = AnyText(source="username", max_length=NAME_LENGTH)


class Registration(NewName):
    password = Password()


class RegisterView(OpenView):
    def post(self, request: Request) -> Response:
        registered(request, Registration)
        return Response({}, status=201)


class UsersView(CompatView):
    @needs("identity.view_customer")
    def get(self, request: Request) -> Response:
        return Response({"users": self.whole(queries.all_profiles(), _rows)})


def _rows(profiles: list[Profile]) -> list[dict[str, str]]:
    """Shapes users in plain Python: there may be many."""
    return [{"id": profile.public_id.hex, "name": profile.username} for profile in profiles]


class UserView(CompatView):
    @needs(key="identity.view_customer")
    def get(self, request: Request, user: str) -> Response:
        return Response({"user is": _addressed(request, user).username})

    @needs(key="identity.change_customer")
    def put(self, request: Request, user: str) -> Response:
        """Changes the caller's name. Tokens stay valid."""
        before = _oneself(request, user)
        name = _rename(request, before)
        return Response({f"user {before.username} has been updated": name})

    @needs(key="identity.change_customer")
    def patch(self, request: Request, user: str) -> Response:
        """Changes the caller's name. The answer has no body."""
        _rename(request, _oneself(request, user))
        return Response({})

    @needs(key="identity.delete_customer")
    def delete(self, request: Request, user: str) -> Response:
        """Deletes the caller's account; staff can delete a customer's. Orders stay."""
        profile = _addressed(request, user)
        require_confirmation(request)
        accounts.delete_account(profile.id, caller=caller(request), now=now())
        return Response(f"User {profile.username} has been deleted")


def _oneself(request: Request, user: str) -> Profile:
    """Raises PermissionDenied for another id; for staff NotFound if it does not exist."""
    profile = _addressed(request, user)
    if profile.id != caller(request).id:
        raise PermissionDenied
    return profile


def _addressed(request: Request, user: str) -> Profile:
    """Returns the user of an id. Customers do not learn whether another id exists.

    Raises NotFound, NotStaff, PermissionMissing.
    """
    # Without braces, which Python's UUID accepts.
    if not _HEX.fullmatch(user):
        raise NotFound
    public_id, who = UUID(user), caller(request)
    if public_id != who.public_id:
        who.require("identity.view_customer")
    return queries.profile_by_public_id(public_id)


_HEX = re.compile(
    r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)


def _rename(request: Request, user: Profile) -> str:
    """Returns the new name. Raises ValidationError, NotFound."""
    return str(change(request, user.id, NewName(data=request.data))["username"])


urlpatterns = [
    *common.urlpatterns,
    path("api/register/", RegisterView.as_view()),
    path("api/user/", UsersView.as_view()),
    re_path(r"^api/user/(?P<user>[^/]+)/?\Z", UserView.as_view()),
    path("api/product/", ProductsView.as_view()),
    re_path(r"^api/product/(?P<product>[^/]+)/?\Z", ProductView.as_view()),
    path("api/order/", OrdersView.as_view()),
]
