"""Errors that identity raises."""

from larder.core.errors import Conflict, DomainError, Forbidden, TooMany, Unauthenticated


class InvalidCredentials(Unauthenticated):
    """The username or the password is wrong. Or the account is deactivated: one answer for all."""

    code = "invalid_credentials"


class WrongPassword(Forbidden):
    """The current password is wrong."""

    code = "wrong_password"


class ResetTokenInvalid(Forbidden):
    """The token of the password reset is not valid. It was used, or has expired: one answer for
    all."""

    code = "reset_token_invalid"


class TokenInvalid(Unauthenticated):
    """The token or key is not valid for this operation; log in again. It was not issued by this
    installation, or not for this purpose."""

    code = "token_invalid"


class TokenExpired(Unauthenticated):
    """The token has expired; refresh it, or log in again."""

    code = "token_expired"


class SessionEnded(Unauthenticated):
    """The session of the token has ended; log in again. Its owner or staff ended it, or a token was
    reused."""

    code = "session_ended"


class RegistrationClosed(Forbidden):
    """Registration is closed."""

    code = "registration_closed"


class TooManyKeys(TooMany):
    """The account has the maximum number of keys."""

    code = "too_many_keys"


class TooManyAddresses(TooMany):
    """The account has the maximum number of addresses."""

    code = "too_many_addresses"


class OrderingNotAllowed(Forbidden):
    """This account may not place orders."""

    code = "ordering_not_allowed"


class OwnRights(Forbidden):
    """You cannot change the rights of your own account."""

    code = "own_rights"


class LastOwner(Conflict):
    """No account that may manage rights would be left."""

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
