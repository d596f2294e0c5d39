"""The theme of the admin: names, files, links and colours (Unfold's setting `UNFOLD`)."""

from typing import Any

from django.templatetags.static import static
from django.urls import reverse

UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Larder",
    "SITE_HEADER": "Larder",
    "SITE_ICON": lambda _: static("api/larder.svg"),
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _: static("api/larder.svg"),
        }
    ],
    "STYLES": [lambda _: static("staff/admin.css")],
    "SCRIPTS": [
        lambda _: reverse("texts"),
        lambda _: static("staff/admin.js"),
        lambda _: static("staff/pages.js"),
    ],
    "DASHBOARD_CALLBACK": "larder.staff.dashboard.dashboard",
    "SIDEBAR": {"navigation": "larder.staff.menu.navigation", "show_search": True},
    "ACCOUNT": {"navigation": "larder.staff.site.account_links"},
    "SHOW_LANGUAGES": True,
    "COLORS": {
        # Tailwind's emerald.
        "primary": {
            "50": "oklch(97.9% .021 166.113)",
            "100": "oklch(95% .052 163.051)",
            "200": "oklch(90.5% .093 164.15)",
            "300": "oklch(84.5% .143 164.978)",
            "400": "oklch(76.5% .177 163.223)",
            "500": "oklch(69.6% .17 162.48)",
            "600": "oklch(50.8% .118 165.612)",
            "700": "oklch(43.2% .095 166.913)",
            "800": "oklch(37.8% .077 168.94)",
            "900": "oklch(26.2% .051 172.552)",
            "950": "oklch(20% .04 172.552)",
        },
    },
}
