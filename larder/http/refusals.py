"""Refusals of HTTP, the same for all use cases: a method, a media type, a malformed body."""

from larder.core.errors import DomainError


class HttpRefusal(DomainError):
    """Base of these refusals. `detail` adds to the title of the code."""

    def __init__(self, detail: str = "") -> None:
        super().__init__()
        self.detail = detail


class NotAuthenticated(HttpRefusal):
    """This operation requires a token: send Authorization: Bearer ACCESS_TOKEN."""

    code = "not_authenticated"


class MethodNotAllowed(HttpRefusal):
    """This path does not support this method."""

    code = "method_not_allowed"


class NotAcceptable(HttpRefusal):
    """The response is JSON, which the Accept header excludes."""

    code = "not_acceptable"


class BodyTimeout(HttpRefusal):
    """The body of the request did not arrive in time."""

    code = "body_timeout"


class UnsupportedMediaType(HttpRefusal):
    """The media type of the body is not supported."""

    code = "unsupported_media_type"


class MalformedJson(HttpRefusal):
    """The body is not valid JSON."""

    code = "malformed_json"
