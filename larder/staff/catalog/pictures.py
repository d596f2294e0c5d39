"""Uploading the picture of a product on its page.

The stored picture's address becomes the product's `image_url`, and so is in its history, in the
audit trail and in all APIs.
"""

from typing import Any, ClassVar
from urllib.parse import urljoin

from django import forms
from django.conf import settings
from django.contrib import admin
from django.template.defaultfilters import filesizeformat
from django.utils.html import format_html
from django.utils.translation import gettext
from unfold.widgets import UnfoldAdminFileFieldWidget

from larder.catalog import fields as of_product
from larder.catalog.services.stored_pictures import store, thumbnail_of
from larder.core.clock import now
from larder.core.limits import MAX_PICTURE_BYTES
from larder.http.addresses import base_url
from larder.staff.base import ServiceAdmin
from larder.staff.language import gettext_lazy as _
from larder.staff.refusals import VersionedForm


class PictureForm(VersionedForm):
    """The part of a product's form that takes a file."""

    picture = forms.FileField(
        label=_("Upload a picture"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )

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

    def clean_picture(self) -> Any:
        """Refuses a file that is too large. What it contains is checked when it is stored."""
        file = self.cleaned_data["picture"]
        if file and file.size > MAX_PICTURE_BYTES:
            most = filesizeformat(MAX_PICTURE_BYTES)
            text = gettext("The file is larger than {}. Save a smaller picture.").format(most)
            raise forms.ValidationError(text)
        return file


class PicturedProducts(ServiceAdmin):
    """The picture of a product on its page, for staff who may add or change products."""

    facts: tuple[str, ...] = ("picture_shown",)
    fieldsets: ClassVar[Any] = (
        (_(of_product.PICTURE), {"fields": ("picture_shown", "image_url", "picture")}),
    )

    def store_picture(self, request: Any, form: PictureForm) -> None:
        """Stores the file of a valid form, if there is one. If the change is refused later, the
        picture is unused, and deleted by the job worker."""
        if file := form.cleaned_data.get("picture"):
            form.uploaded = {"image_url": urljoin(base_url(request), store(file.read(), now=now()))}

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
