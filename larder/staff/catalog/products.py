"""The staff screens of products with their stock."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import urljoin

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.validators import (
    MaxLengthValidator,
    MaxValueValidator,
    MinValueValidator,
    RegexValidator,
    URLValidator,
)
from django.db.models import F, Q, URLField
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.translation import gettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter
from unfold.widgets import (
    UnfoldAdminFileFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminURLInputWidget,
)

from larder.catalog import fields as of_product
from larder.catalog.fields import FIELDS, ProductField
from larder.catalog.models import Product, by_name
from larder.catalog.services.products import change_product
from larder.catalog.services.stored_pictures import store, thumbnail_of
from larder.core import money
from larder.core.clock import now
from larder.core.limits import (
    MAX_PICTURE_BYTES,
    MAX_STOCK,
    MAX_TAX_RATE,
    MONEY_DECIMALS,
    PRICE_DIGITS,
)
from larder.http.addresses import base_url
from larder.inventory.services.products import Author, create_stocked_product
from larder.notifications.formatting import amount, grouped
from larder.staff.catalog.actions import ProductActions
from larder.staff.catalog.categories import SENTENCES
from larder.staff.exports import ExportableProducts
from larder.staff.formatting import column, in_one_line, moment
from larder.staff.inventory.imports import ImportableProducts
from larder.staff.lists import STOCK, containing
from larder.staff.pages import Amount, Whole
from larder.staff.recording import caller_of
from larder.staff.refusals import Sentence, VersionedForm
from larder.staff.words import gettext_lazy as _


class ProductForm(VersionedForm):
    """The fields of a product that staff can change, with the limits of the API; its picture as a
    file; and the opening stock of a new one."""

    sentences = {
        **SENTENCES,
        "not_found": Sentence(None, _("It was archived meanwhile and cannot be changed any more.")),
    }
    price = Amount(
        min_value=0,
        max_digits=PRICE_DIGITS,
        decimal_places=MONEY_DECIMALS,
        help_text=_("Of one unit, tax included. Orders that are placed keep their prices."),
    )

    quantity = Whole(
        label=_("Opening stock"),
        min_value=0,
        max_value=MAX_STOCK,
        initial=0,
        help_text=_("Units on the shelf. Later changes are adjustments."),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    picture = forms.FileField(
        label=_("Upload a picture"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )

    class Meta:
        field_classes: ClassVar[dict[str, Any]] = {
            "tax_rate": Amount,
            **dict.fromkeys(
                ("min_quantity", "max_per_order", "step", "low_stock_threshold"), Whole
            ),
        }
        help_texts: ClassVar[dict[str, str]] = {
            "sku": _("The shop's own number of the product. Customers and packing slips have it."),
            "unit": _("What one unit is, such as piece, kg or case of 6. Customers see it."),
            "category": _("Where customers find the product; empty for none."),
            "tax_rate": _(
                "Percent of tax in the price, such as 20. A new product begins with the rate of "
                "the one that was added last. If it is empty, net price and tax are unknown, also "
                "in its orders."
            ),
            "barcode": _("The number below the bars of the product, such as an EAN."),
            "step": _(
                "Units of an order line are a multiple of this: with 6, only 6, 12 and so on."
            ),
            "image_url": _("The address of the picture that customers see; empty for none."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.uploaded: dict[str, Any] = {}
        picture = self.fields["picture"]
        picture.help_text = gettext(
            "JPEG, PNG or WebP, at most {}. It replaces the address above. Place and time of a "
            "photo are removed."
        ).format(filesizeformat(MAX_PICTURE_BYTES))
        if not (settings.PICTURES_DIR or settings.PICTURES_BUCKET):
            picture.disabled = True
            picture.help_text = gettext("Uploads are off: see PICTURES_DIR of the settings.")
        for field in FIELDS:
            if shown := self.fields.get(field.name):
                shown.validators = [*shown.validators, *_validators(field, shown)]
        self.fields["price"].label = gettext("Price ({})").format(settings.CURRENCY)
        if self.instance.pk is not None:
            # As in the API: without a third decimal that is zero.
            self.initial["price"] = Decimal(money.text(self.instance.price))
            del self.fields["quantity"]

    def values_of(self, names: Iterable[str]) -> dict[str, Any]:
        """Returns these fields, and the address of an uploaded picture, under the names of the
        service."""
        sent = {name: self.cleaned_data[name] for name in names}
        known = [field for field in FIELDS if field.name in sent]
        values = {
            field.column: getattr(sent[field.name], "pk", sent[field.name]) for field in known
        }
        return values | self.uploaded


def _validators(field: ProductField, shown: Any) -> Iterator[Any]:
    """Yields validators for the rules that the form's field does not check."""
    rules: Any = field.rules
    if field.kind is of_product.WHOLE:
        yield from (MinValueValidator(rules.ge), MaxValueValidator(rules.le))
    if field.kind is of_product.RATE:
        yield from (MinValueValidator(0), MaxValueValidator(MAX_TAX_RATE))
    if field.kind is not of_product.TEXT:
        return
    if rules.max_length and getattr(shown, "max_length", None) is None:
        yield MaxLengthValidator(rules.max_length)
    if isinstance(shown, forms.URLField):
        yield URLValidator(schemes=["http", "https"])
    elif rules.pattern:
        yield RegexValidator(rules.pattern, rules.extra and _(rules.extra["form"]))


class OnSaleFilter(admin.SimpleListFilter):
    """Filters products that are on sale (the default) or archived."""

    title = _("state")
    parameter_name = "archived"

    def lookups(self, request: Any, model_admin: Any) -> Sequence[tuple[str, str]]:
        return [("yes", gettext("Archived"))]

    def choices(self, changelist: Any) -> Any:
        everything, *others = super().choices(changelist)
        return [{**everything, "display": gettext("On sale")}, *others]

    def queryset(self, request: Any, queryset: Any) -> Any:
        return queryset.filter(archived_at__isnull=self.value() != "yes")


class StockFilter(admin.SimpleListFilter):
    """Filters products by their stock. Low stock is found by the index product_by_low_stock."""

    title = _("stock")
    parameter_name = STOCK[0]

    def lookups(self, request: Any, model_admin: Any) -> Any:
        return [
            (STOCK[1], gettext("On hand")),
            ("in", gettext("Available")),
            ("low", gettext("Low stock")),
            ("out", gettext("Out of stock")),
        ]

    def queryset(self, request: Any, queryset: Any) -> Any:
        # As in inventory's sql.IN_STOCK.
        fewest = (F("min_quantity") + F("step") - 1) / F("step") * F("step")
        filters = {
            "in": Q(stock__available__gte=fewest),
            "low": Q(
                low_stock_threshold__isnull=False, stock__available__lte=F("low_stock_threshold")
            ),
            "out": Q(stock__available__lt=fewest),
        }
        return queryset.filter(filters.get(self.value() or "", Q()))


def _view_only(options: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the options of a fieldset for a product that the user cannot change: the price as an
    amount, because Django shows the decimals of the database, such as 3.250; without the upload."""
    shown = (name for name in options["fields"] if name != "picture")
    return {**options, "fields": ["price_shown" if name == "price" else name for name in shown]}


def _available(product: Product) -> str:
    """Returns the units that can be ordered, in red if they are few."""
    text = grouped(product.stock.available)
    if product.stock.available > (product.low_stock_threshold or 0):
        return text
    return format_html('<strong class="page-warning">{}</strong>', text)


def _fields_of(section: str | None) -> tuple[str, ...]:
    return tuple(field.name for field in FIELDS if field.section == section)


FIRST = ("picture_shown", "name", "price", "category")
FOLDED = ("barcode", "tax_rate")
APART = {*FIRST, *FOLDED}
"""The fields that are not in the order of the API: those that people come for, and the others."""


@admin.register(Product)
class ProductAdmin(
    ImportableProducts,
    ExportableProducts,
    ProductActions,
):
    """Products with their stock, archived and never deleted."""

    form = ProductForm
    autocomplete_fields = ("category",)
    formfield_overrides = {
        URLField: {"assume_scheme": "https", "widget": UnfoldAdminURLInputWidget},
    }
    fieldsets: ClassVar[Any] = (
        (None, {"fields": (*FIRST, *(name for name in _fields_of(None) if name not in APART))}),
        (_(of_product.PICTURE), {"fields": ("image_url", "picture"), "classes": ("collapse",)}),
        (
            _(of_product.RULES_OF_A_LINE),
            {"fields": _fields_of(of_product.RULES_OF_A_LINE), "classes": ("collapse",)},
        ),
    )
    actions_list = ("export", "import_file")
    actions_detail = ("adjust_stock", "ledger", "archive", "restore")
    in_stock = ("available", "committed", "on_shelf", "state")
    facts = ("net_price", "public_id", "updated")
    list_display = (
        *("picture_small", "sku", "name_shown", "price_shown", "category"),
        *("available", "committed"),
    )
    list_of_stock = (
        *("picture_small", "sku", "name_shown", "shelf_place"),
        *("available", "committed", "on_shelf", "low_stock_threshold"),
    )
    list_display_links = ("sku", "name_shown")
    list_filter = (OnSaleFilter, ("category", AutocompleteSelectFilter), StockFilter)
    list_filter_submit = True
    list_select_related = ("category", "stock")
    sortable_by = ("sku", "name_shown", "price_shown")
    ordering = (by_name(), "id")
    search_fields = ("search_text",)
    search_help_text = _("Words in name or SKU, or a barcode")

    def get_list_display(self, request: Any) -> Any:
        return self.list_of_stock if STOCK[0] in request.GET else self.list_display

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> Any:
        return containing(queryset, search_term), False

    def get_changeform_initial_data(self, request: Any) -> dict[str, Any]:
        """Proposes the tax rate of the product that was added last."""
        latest = Product.objects.order_by("-id").values_list("tax_rate", flat=True).first()
        return {"tax_rate": latest, **super().get_changeform_initial_data(request)}

    def get_fieldsets(self, request: Any, obj: Any = None) -> Any:
        stock, facts = (self.in_stock, self.facts) if obj is not None else (("quantity",), ())
        fields = (*stock, *_fields_of(of_product.IN_THE_WAREHOUSE))
        main, *folded = self.fieldsets
        shown = [
            main,
            (_("Stock"), {"fields": fields, "classes": ("side",)}),
            *folded,
            (_("More"), {"fields": (*FOLDED, *facts), "classes": ("collapse",)}),
        ]
        if obj is None or self.has_change_permission(request, obj):
            return shown
        return [(title, _view_only(options)) for title, options in shown]

    def get_readonly_fields(self, request: Any, obj: Any = None) -> Any:
        return ("picture_shown", *((*self.in_stock, *self.facts) if obj is not None else ()))

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        """Returns False for an archived product, which is only shown. If the form was opened before
        it was archived, the service refuses the change with a message."""
        archived = obj is not None and obj.archived_at is not None
        return self.may(request, "change") and not (archived and request.method == "GET")

    def save_model(self, request: Any, obj: Any, form: Any, change: bool) -> None:  # noqa: FBT001
        """Stores the picture, then the product."""
        caller, moment = caller_of(request), now()
        if file := form.cleaned_data.get("picture"):
            form.uploaded = {"image_url": urljoin(base_url(request), store(file.read()))}
        if not change:
            obj.pk = create_stocked_product(
                form.values_of(form.cleaned_data),
                quantity=form.cleaned_data["quantity"],
                author=Author(caller, moment),
            ).id
        elif changed := form.values_of(form.changed_data):
            version = form.cleaned_data["seen_version"]
            change_product(obj.pk, changed, caller=caller, now=moment, version=version)

    name_shown = column(_("Name"), lambda product: product.name, ordering=by_name())
    price_shown = column(
        _("Price"),
        lambda product: in_one_line(amount(product.price, settings.CURRENCY)),
        ordering="price",
    )

    @admin.display(description=_("Net price"))
    def net_price(self, product: Product) -> str:
        net = money.net(product.price, product.tax_rate)
        if net is None:
            return gettext("unknown without a tax rate")
        return amount(net, settings.CURRENCY)

    updated = column(_("Last changed"), lambda product: moment(product.updated_at))

    @admin.display(description=_("State"))
    def state(self, product: Product) -> str:
        archived = product.archived_at
        if archived is None:
            return gettext("on sale")
        return gettext("archived {}").format(moment(archived))

    available = column(_("Available"), _available)
    committed = column(_("Reserved for orders"), lambda product: grouped(product.stock.committed))
    on_shelf = column(
        _("On the shelf"),
        lambda product: grouped(product.stock.available + product.stock.committed),
    )

    @admin.display(description=_("Picture"))
    def picture_shown(self, product: Any) -> str:
        thumbnail = thumbnail_of(product.image_url)
        if thumbnail is None:
            return gettext("At another address") if product.image_url else gettext("None")
        return format_html(
            '<a href="{}"><img src="{}" alt="{}" class="product-picture"></a>',
            product.image_url,
            thumbnail,
            gettext("Picture of the product"),
        )

    @admin.display(description=_("Picture"))
    def picture_small(self, product: Any) -> str:
        """Returns the thumbnail for a list; a dash for a picture at another address."""
        thumbnail = thumbnail_of(product.image_url)
        if thumbnail is None:
            return "–"
        return format_html('<img src="{}" alt="" class="list-picture" loading="lazy">', thumbnail)
