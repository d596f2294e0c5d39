"""What HTTP itself refuses, whatever the use case: a method, a media type, a malformed body."""

from larder.core.errors import DomainError


class HttpRefusal(DomainError):
    """Base of these refusals. `detail` says more than the title of the code, where it is given."""

    def __init__(self, detail: str = "") -> None:
        super().__init__()
        self.detail = detail


class NotAuthenticated(HttpRefusal):
    """The operation needs a token, and the request has none."""

    code = "not_authenticated"


class MethodNotAllowed(HttpRefusal):
    """The path does not take the method."""

    code = "method_not_allowed"


class NotAcceptable(HttpRefusal):
    """The client accepts nothing that the operation answers with."""

    code = "not_acceptable"


class UnsupportedMediaType(HttpRefusal):
    """The body is of a type that the operation does not take."""

    code = "unsupported_media_type"


class MalformedJson(HttpRefusal):
    """The body is not valid JSON."""

    code = "malformed_json"
