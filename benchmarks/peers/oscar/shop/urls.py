"""The API alone: Oscar's own pages have no part in what is measured."""

from django.urls import include, path

urlpatterns = [path("api/", include("oscarapi.urls"))]
