"""The hand-written SQL returns the same rows as the ORM for any query."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from django.db.models import F, Q, QuerySet, Value
from django.db.models.functions import Collate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from larder.catalog.models import Category, Product
from larder.catalog.queries import ids_by_sku
from larder.catalog.search import spellings
from larder.catalog.services.products import archive_product
from larder.core.errors import NotFound
from larder.db import database
from larder.db.fields import Fold
from larder.inventory import queries, sql
from larder.inventory.queries import Position, ProductFilter
from tests.conftest import add_products
from tests.database import analyze, generic_plan, make_new

ANY_CUSTOMER = 1
within_a_test = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


# --- PRODUCTS and COUNT --------------------------------------------------------------------
NAMES = [
    "Red jam",
    "red JAM, large",
    "Tea 100%",
    "a_b",
    "O'Brien's \"best\"",
    "Crème brûlée",
    "ЧАЙ",
]
NAMES += ["back\\slash", "龍井茶", "x", "İstanbul", "🍓🍓"]
WORDS = [
    "jam",
    "RED",
    "0%",
    "%",
    "_",
    "a_b",
    "'",
    '"',
    "\\",
    "û",
    "BRÛLÉE",
    "чай",
    "龍",
    "井茶",
    "🍓",
]
WORDS += ["x", "re", "je", "sku-1", "-1", "zzz", "n's", "i̇", ".*", "[", "jam,"]


@pytest.fixture
def new_tables(transactional_db: None) -> None:
    """Products and stock as if no test had used them, before the test makes products."""
    make_new("catalog.product", "inventory.stock")


@pytest.fixture
def catalogue(product: Callable[..., int], now: datetime) -> list[Category]:
    """Forty products with equal names and prices among them, in a tree of four categories."""
    food = Category.objects.create(name="Food")
    jams = Category.objects.create(name="Jams", parent=food)
    red = Category.objects.create(name="Red", parent=jams)
    tools = Category.objects.create(name="Tools")
    tree = [food, jams, red, tools]
    for number in range(40):
        id = product(
            name=NAMES[number % len(NAMES)],
            price=str(Decimal(number % 5) / 2),
            stock=number % 3,
            min_quantity=1 + number % 4 // 3,
            step=1 + number % 7 // 6,
            category_id=[None, *(category.pk for category in tree)][number % 5],
        )
        if number % 11 == 10:
            archive_product(id, caller=None, now=now)
    return tree


def below(category: int) -> set[int]:
    """Returns the category and all its descendants."""
    categories, waiting = set[int](), {category}
    while waiting:
        categories |= waiting
        waiting = set(Category.objects.filter(parent__in=waiting).values_list("id", flat=True))
        waiting -= categories
    return categories


def orderable() -> list[int]:
    """Returns the products of which the smallest order can be filled."""
    return [
        item.pk
        for item in Product.objects.select_related("stock")
        if item.stock.available >= -(-item.min_quantity // item.step) * item.step
    ]


def plain(chosen: ProductFilter) -> "QuerySet[Product]":
    """The filter through the ORM."""
    condition = Q() if chosen.archived else Q(archived_at=None)
    if chosen.category is not None:
        condition &= Q(category_id__in=below(chosen.category))
    if chosen.min_price is not None:
        condition &= Q(price__gte=chosen.min_price)
    if chosen.max_price is not None:
        condition &= Q(price__lte=chosen.max_price)
    if chosen.sku is not None:
        condition &= Q(pk__in=ids_by_sku([chosen.sku]).values())
    if chosen.barcode is not None:
        condition &= Q(barcode__in=spellings(chosen.barcode), barcode__gt="")
    if chosen.in_stock is not None:
        condition &= Q(pk__in=orderable()) if chosen.in_stock else ~Q(pk__in=orderable())
    if chosen.ids is not None:
        condition &= Q(pk__in=chosen.ids)
    products = Product.objects.filter(condition)
    for word in chosen.words:
        products = products.filter(search_text__contains=Fold(Value(word)))
    if chosen.name_contains:
        folded = products.annotate(folded=Fold("name"))
        products = folded.filter(folded__contains=Fold(Value(chosen.name_contains)))
    column, down = chosen.ordering.removeprefix("-"), chosen.ordering.startswith("-")
    key: Any = Collate(Fold("name"), "C") if column == "name" else F(column)
    order = [key, F("id")]
    return products.order_by(*(key.desc() if down else key.asc() for key in order))


COLUMNS = [
    {"quantity": "units", "category": "category_id"}.get(name, name)
    for name in queries.StockedProduct.__struct_fields__
]


def pages(chosen: ProductFilter, size: int) -> Iterator[list[queries.StockedProduct]]:
    """Reads all pages, each from the position where the last one ended."""
    after = None
    while True:
        page = queries.page(ANY_CUSTOMER, chosen, after=after, limit=size)
        yield page.rows
        if not page.more:
            return
        last = page.rows[-1]
        after = Position(getattr(last, chosen.ordering.removeprefix("-")), last.id)


prices = st.none() | st.integers(0, 4).map(lambda halves: Decimal(halves) / 2)
orderings = st.sampled_from([f"{sign}{name}" for name in sql.ORDERINGS for sign in ("", "-")])


@within_a_test
@given(
    words=st.lists(st.sampled_from(WORDS), max_size=2),
    shelf=st.none() | st.integers(0, 4),
    bounds=st.tuples(prices, prices),
    rest=st.tuples(st.none() | st.booleans(), st.none() | st.integers(1, 40), st.booleans()),
    part=st.sampled_from(
        ["", "", "", "jam", "JAM, l", "SKU", "%", "_", "100%", "\\", " ", "é", "x"]
    ),
    ordering=orderings,
)
def test_product_pages_have_the_rows_that_the_orm_finds(
    catalogue: list[Category],
    words: list[str],
    shelf: int | None,
    bounds: tuple[Decimal | None, Decimal | None],
    rest: tuple[bool | None, int | None, bool],
    part: str,
    ordering: str,
) -> None:
    tree = [category.pk for category in catalogue]
    in_stock, some, archived = rest
    every = Product.objects.order_by("id").values_list("id", flat=True)
    chosen = ProductFilter(
        words=tuple(words),
        category=None if shelf is None else (tree[shelf] if shelf < 4 else 10**12),
        min_price=bounds[0],
        max_price=bounds[1],
        in_stock=in_stock,
        ids=None if some is None else (*every[:some], 10**12),
        ordering=ordering,
        archived=archived,
        name_contains=part,
    )
    expected = [
        queries.StockedProduct(*row)
        for row in plain(chosen).annotate(units=F("stock__available")).values_list(*COLUMNS)
    ]
    assert [item for page in pages(chosen, 7) for item in page] == expected
    assert queries.count_products(chosen) == len(expected)
    assert queries.products(ANY_CUSTOMER, chosen, limit=None) == expected
    assert queries.products(ANY_CUSTOMER, chosen, offset=7, limit=5) == expected[7:12]
    assert queries.products(ANY_CUSTOMER, chosen, offset=3, limit=None) == expected[3:]


@within_a_test
@given(word=st.text(min_size=1, max_size=4).filter(lambda word: "\0" not in word))
def test_any_word_is_found_where_the_orm_finds_it(catalogue: list[Category], word: str) -> None:
    listed = Product.objects.filter(archived_at=None).order_by("id")[:1].get()
    Product.objects.filter(pk=listed.pk).update(name=f"<{word}>")
    chosen = ProductFilter(words=(word,))
    ids = [item.id for item in queries.products(ANY_CUSTOMER, chosen, limit=100)]
    assert ids == list(plain(chosen).values_list("id", flat=True))
    assert listed.pk in ids or word.isspace()


def test_names_are_in_the_order_in_which_people_look_for_them(product: Callable[..., int]) -> None:
    for name in ("Zebra", "iPod", "Äpfel", "apple", "Banana"):
        product(name=name)
    names = [row.name for page in pages(ProductFilter(ordering="name"), 2) for row in page]
    assert names == ["Äpfel", "apple", "Banana", "iPod", "Zebra"]


def test_a_name_does_not_contain_its_products_sku(product: Callable[..., int]) -> None:
    jam = product(name="Red Jam, 100% fruit", sku="JAM-1_X")

    def found(part: str) -> list[int]:
        listed = queries.products(ANY_CUSTOMER, ProductFilter(name_contains=part), limit=None)
        return [item.id for item in listed]

    assert found("d JAM, 100%") == [jam]
    for elsewhere in ("JAM-1", "fruit jam-1", "jam red", "1_X", "Red_Jam", "Red%", "Jam\0", "\0"):
        assert found(elsewhere) == []


@pytest.mark.parametrize("barcode", ["5", "6", "x"])
@pytest.mark.parametrize("archived", [False, True])
def test_an_exact_sku_or_barcode_finds_what_the_orm_finds(
    product: Callable[..., int], now: datetime, barcode: str, archived: bool
) -> None:
    ids = [product(sku=f"S-{number}", barcode=str(number % 2 + 5)) for number in range(4)]
    archive_product(ids[0], caller=None, now=now)
    for sku in (None, "S-0", "s-1", "S-9"):
        chosen = ProductFilter(sku=sku, barcode=barcode, archived=archived)
        read = [item.id for item in queries.products(ANY_CUSTOMER, chosen, limit=9)]
        assert read == list(plain(chosen).values_list("id", flat=True))


def test_a_product_is_listed_or_not_found(product: Callable[..., int], now: datetime) -> None:
    listed, archived = product(), product()
    archive_product(archived, caller=None, now=now)
    assert queries.product(ANY_CUSTOMER, listed).id == listed
    assert queries.product(ANY_CUSTOMER, archived, archived=True).id == archived
    for id in (archived, 10**12):
        with pytest.raises(NotFound):
            queries.product(ANY_CUSTOMER, id)


def plan(chosen: ProductFilter, after: Position | None, *, without: Sequence[str]) -> str:
    """Returns the plan of PostgreSQL without the methods that it uses for few rows."""
    conditions, parameters = chosen.conditions()
    page = sql.page(chosen.ordering, 21, is_later=after is not None)
    position = [] if after is None else [after.value, after.id]
    statement = f"EXPLAIN {queries.PRODUCTS}{conditions}{page}"
    with transaction.atomic():
        for way in without:
            database.execute(f"SET LOCAL enable_{way} = off")
        lines = database.rows(statement, [*parameters, *position])
        transaction.set_rollback(True)
    return "\n".join(line for (line,) in lines)


IN_ORDER = ("seqscan", "sort", "bitmapscan", "hashjoin", "mergejoin")


@pytest.mark.parametrize(
    ("ordering", "value", "index"),
    [
        ("id", 1, "product_pkey"),
        ("name", "a", "product_in_order"),
        ("price", Decimal(1), "product_by_price"),
        ("sku", "a", "product_sku"),
    ],
)
def test_a_page_scans_the_index_of_its_order_from_its_start(
    new_tables: None, catalogue: list[Category], ordering: str, value: Any, index: str
) -> None:
    for direction in ("", "-"):
        chosen = ProductFilter(ordering=f"{direction}{ordering}")
        lines = plan(chosen, Position(value, 1), without=IN_ORDER)
        assert f"using {index}" in lines
        assert f"Scan{' Backward' * bool(direction)} using {index}" in lines
        assert "Index Cond: (" in lines.partition(index)[2]
        assert "stock_pkey" in lines
        both_sides = ordering != "id" or re.search("product_id [<>] ", lines)
        assert both_sides, "stock would be walked from its beginning"


def test_a_barcode_is_looked_up_in_its_index_by_custom_and_generic_plans(
    transactional_db: None, now: datetime
) -> None:
    add_products(400, now=now)
    Product.objects.update(barcode=F("sku"))
    analyze("product", "stock")
    shown = plan(ProductFilter(barcode="5012345678900"), None, without=())
    assert "product_by_code" in shown
    # As the server prepares it: for any barcode, none at all among them.
    conditions, _ = ProductFilter(barcode="x").conditions()
    page = sql.page("id", 21, is_later=False)
    statement = f"{queries.PRODUCTS}{conditions}{page}".replace("%s", "${}").format(1, 2)
    with transaction.atomic():
        database.execute("SET LOCAL enable_seqscan = off")
        shown = generic_plan(statement)
        transaction.set_rollback(True)
    assert "product_by_code" in shown


def test_words_of_three_letters_are_looked_up_in_the_trigrams(catalogue: list[Category]) -> None:
    by_rows = ("seqscan", "indexscan", "indexonlyscan")
    for chosen in (ProductFilter(words=("jam",)), ProductFilter(name_contains="jam")):
        lines = plan(replace(chosen, archived=True), None, without=by_rows)
        assert "Bitmap Index Scan on product_search" in lines


def test_no_trigrams_are_computed_for_words_of_one_or_two_letters() -> None:
    for chosen in (ProductFilter(words=("a", "jä")), ProductFilter(name_contains="ja")):
        assert "trigrams" not in chosen.conditions()[0]
    long_and_short = ProductFilter(words=("a", "jam", "tea"), name_contains="x")
    assert long_and_short.conditions()[0].count("trigrams(p.search_text)") == 1


def test_products_out_of_stock_are_those_that_the_orm_counts(
    product: Callable[..., int], now: datetime
) -> None:
    for stock, threshold in [(0, 5), (0, None), (5, 5), (6, 5), (7, None)]:
        product(stock=stock, low_stock_threshold=threshold)
    archive_product(product(stock=0), caller=None, now=now)
    sold = Product.objects.filter(archived_at=None)
    out, low = (
        sold.filter(stock__available=0),
        sold.filter(stock__available__lte=F("low_stock_threshold")),
    )
    assert database.rows(sql.OUT_OF_STOCK) == [(sold.count(), out.count(), low.count())]
