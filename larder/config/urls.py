"""All paths of the server."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from larder.compat.urls import enabled
from larder.compat.urls import patterns as earlier_contracts
from larder.http.pages import home, pictures
from larder.ops import health
from larder.ops.demo import app
from larder.ops.demo.shop import log_ins
from larder.ops.telemetry import metrics
from larder.staff import confirming, site
from larder.staff.identity import own_account, second_factor
from larder.v1.urls import documentation, provider_events
from larder.v1.urls import urlpatterns as v1

urlpatterns = [
    path("api/v1/", include(v1 + provider_events + documentation)),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", metrics.page),
    path("admin/login/", own_account.log_in_page),
    path("admin/confirm/", admin.site.admin_view(confirming.page), name="confirm_password"),
    path("admin/second-factor/", second_factor.page, name="second_factor"),
    path("admin/new-password/", own_account.new_password, name="new_password"),
    path("admin/language/", set_language, name="set_language"),
    path("admin/texts.js", site.texts, name="texts"),
    path("admin/", admin.site.urls),
    # For people who open the address of the server in a browser.
    path("admin", RedirectView.as_view(url="/admin/")),
    path("", home, {"contracts": enabled, "log_ins": log_ins}),
    *pictures,
    *app.urls,
    *earlier_contracts(settings.COMPAT),
]

handler400 = "larder.http.handlers.bad_request"
handler403 = "larder.http.handlers.forbidden"
handler404 = "larder.compat.urls.not_found"
handler500 = "larder.http.handlers.server_error"
