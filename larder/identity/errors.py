"""Errors that identity raises."""

from larder.core.errors import DomainError, TooMany


class InvalidCredentials(DomainError):
    """The username is unknown, the password is wrong or the account is deactivated: one answer for
    all three."""

    code = "invalid_credentials"


class WrongPassword(DomainError):
    """The current password that a logged-in customer sent is wrong."""

    code = "wrong_password"


class ResetTokenInvalid(DomainError):
    """The token of a password reset is invalid, was used, or has expired: one answer for all."""

    code = "reset_token_invalid"


class TokenInvalid(DomainError):
    """The token was not issued by this installation, or not for this purpose."""

    code = "token_invalid"


class TokenExpired(DomainError):
    """The token is genuine but has expired."""

    code = "token_expired"


class SessionEnded(DomainError):
    """The session of the token was ended by its owner, by staff, or because a token was reused."""

    code = "session_ended"


class RegistrationClosed(DomainError):
    """This shop accepts no registrations."""

    code = "registration_closed"


class TooManyKeys(TooMany):
    """The customer has reached the maximum number of live keys."""

    code = "too_many_keys"


class TooManyAddresses(TooMany):
    """The customer has reached the maximum number of addresses."""

    code = "too_many_addresses"


class OrderingNotAllowed(DomainError):
    """The customer's account may not place orders (yet)."""

    code = "ordering_not_allowed"


class OwnRights(DomainError):
    """An account cannot change its own rights."""

    code = "own_rights"


class LastOwner(DomainError):
    """The change would leave no active account that may manage rights."""

    code = "last_owner"


class SecondFactorWrong(DomainError):
    """The code or passkey of the second factor is wrong, was used, or has expired: one answer for
    all."""

    code = "second_factor_wrong"


class TooManyPasskeys(TooMany):
    """The account has reached the maximum number of passkeys."""

    code = "too_many_passkeys"


class LastSecondFactor(DomainError):
    """Staff of this shop need a second factor, and this is the last one of the account."""

    code = "last_second_factor"
