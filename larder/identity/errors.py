"""The ways identity refuses."""

from larder.core.errors import DomainError


class InvalidCredentials(DomainError):
    """Unknown username, wrong password or a deactivated account: one answer for all three."""

    code = "invalid_credentials"


class WrongPassword(DomainError):
    """Whoever is logged in gave a password that is not the account's."""

    code = "wrong_password"


class ResetTokenInvalid(DomainError):
    """What should set a new password is no token of ours, was used, or is too old: one answer."""

    code = "reset_token_invalid"


class TokenInvalid(DomainError):
    """Not a token of ours, or not one for this purpose."""

    code = "token_invalid"


class TokenExpired(DomainError):
    """The token was ours; its time has passed."""

    code = "token_expired"


class SessionEnded(DomainError):
    """The log-in behind the token was ended: by its owner, by staff, or because of a reuse."""

    code = "session_ended"


class RegistrationClosed(DomainError):
    """This shop does not take registrations."""

    code = "registration_closed"


class TooManyKeys(DomainError):
    """The customer has as many live keys as one may have."""

    code = "too_many_keys"


class TooManyAddresses(DomainError):
    """The customer has as many addresses as one may have."""

    code = "too_many_addresses"


class OrderingNotAllowed(DomainError):
    """The customer's account may not place orders (yet)."""

    code = "ordering_not_allowed"
