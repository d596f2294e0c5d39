"""The paths of a server with all earlier contracts."""

from larder.compat.urls import patterns
from larder.config.urls import handler400, handler403, handler404, handler500
from larder.config.urls import urlpatterns as own

__all__ = ["ALL", "handler400", "handler403", "handler404", "handler500", "urlpatterns"]

ALL = frozenset("01234")
urlpatterns = [*own, *patterns(ALL)]
