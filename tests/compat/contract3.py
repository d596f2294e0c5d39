"""People of contract 3: their paths, log-ins and refusals."""

from collections.abc import Callable
from uuid import UUID

from tests.conftest import Person
from tests.server import Reply

MakePerson = Callable[..., Person]
Client = Callable[..., Reply]
As = Callable[[Person], Client]
GOOD = "a rather good one"
TAKEN = {"name": ["user with this name already exists."]}
FORBIDDEN = {"detail": "You do not have permission to perform this action."}
UNKNOWN = {"detail": "The object does not exist, or you have no access to it."}


def public_id(who: Person) -> UUID:
    id: UUID = who.customer.public_id
    return id


def own_path(who: Person) -> str:
    return f"/api/user/{public_id(who).hex}"


def log_in(anyone: Client, name: str, password: str = GOOD) -> int:
    return anyone("POST", "/api/token/", {"name": name, "password": password}).status


def names(keeper: Client) -> list[str]:
    return [user["name"] for user in keeper("GET", "/api/user/").body["users"]]
