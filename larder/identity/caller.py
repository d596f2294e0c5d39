"""The caller of a request, as a verified credential describes it. Not read from the database."""

from dataclasses import dataclass
from uuid import UUID

from larder.core.errors import NotStaff, PermissionMissing, SecondFactorRequired, together


@dataclass(frozen=True, slots=True)
class Caller:
    """The user of a request.

    `session` is the session of the access token or of the admin's cookie. It is None with a
    long-lived key (then `key` is its id) and with Basic authentication. `permissions` are those of
    a member of staff (permissions.py), read with each request; a customer has none.
    `key_permissions` are those that the key names: the caller has no others (queries: holding).
    None for a key that names none, and without a key.

    `factor` is the second factor that was proven in a session of the admin. `is_restricted`: staff
    need one, and the caller has not proven it. Then the caller has no permissions
    (queries: holding).
    """

    id: int
    public_id: UUID
    is_staff: bool
    session: UUID | None
    key: UUID | None = None
    permissions: frozenset[str] = frozenset()
    key_permissions: frozenset[str] | None = None
    factor: UUID | None = None
    is_restricted: bool = False

    is_authenticated = True
    is_active = True

    def __hash__(self) -> int:
        return self.id

    def may(self, permission: str) -> bool:
        """Returns whether the caller has the permission."""
        return permission in self.permissions

    def require(self, *permissions: str) -> None:
        """Raises NotStaff for a customer, PermissionMissing for staff without a permission,
        SecondFactorRequired for staff who have not proven the factor that they need: one for each
        permission that is missing."""
        kind: type[NotStaff | PermissionMissing] = PermissionMissing if self.is_staff else NotStaff
        if self.is_restricted:
            kind = SecondFactorRequired
        held = frozenset() if self.is_restricted else self.permissions
        missing = [permission for permission in permissions if permission not in held]
        if missing:
            raise together([kind(permission) for permission in missing])

    def require_named(self, permission: str) -> None:
        """Raises what `require` raises for a key that names permissions, and not this one.

        Such a key acts for the shop: what belongs to its owner needs a permission as well. Other
        credentials need none for that, and nothing does for an empty permission.
        """
        if permission and self.key_permissions is not None:
            self.require(permission)
