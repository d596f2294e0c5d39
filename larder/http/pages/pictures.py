"""Pictures of products at `/pictures/`, where they are stored in a folder. With a bucket, clients
fetch them from there."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path

from larder.catalog.services.stored_pictures import NAME, storage
from larder.core.pictures import CACHE_CONTROL, CONTENT_TYPE
from larder.http.pages.home import refused_method

HEADERS = {"Cache-Control": CACHE_CONTROL}


def picture(request: HttpRequest, name: str) -> HttpResponse:
    """Returns a picture or a thumbnail. Raises Http404."""
    refused = refused_method(request)
    if refused is not None:
        return refused
    if not NAME.fullmatch(name):
        raise Http404
    try:
        with storage().open(name) as file:
            content = file.read()
    except FileNotFoundError:
        raise Http404 from None
    return HttpResponse(content, content_type=CONTENT_TYPE, headers=HEADERS)


patterns = (
    [path("pictures/<str:name>", picture)]
    if settings.PICTURES_DIR and not settings.PICTURES_BUCKET
    else []
)
