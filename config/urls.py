"""Every path of the server."""

from django.conf import settings
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from larder.api.compat.urls import patterns as earlier_contracts
from larder.api.home import home
from larder.api.v1.urls import documentation
from larder.api.v1.urls import urlpatterns as v1
from larder.identity.admin import log_in_page
from larder.ops import health, metrics

urlpatterns = [
    path("api/v1/", include(v1 + documentation)),
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("metrics", metrics.page),
    path("admin/login/", log_in_page),
    path("admin/", admin.site.urls),
    # Where people who type an address by hand want to go.
    path("admin", RedirectView.as_view(url="/admin/")),
    path("", home),
    *earlier_contracts(settings.COMPAT),
]

handler400 = "larder.api.problems.bad_request"
handler403 = "larder.api.problems.forbidden"
handler404 = "larder.api.compat.urls.not_found"
handler500 = "larder.api.problems.server_error"
