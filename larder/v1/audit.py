"""The audit trail: the actions of staff and of commands."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from larder.core.limits import MAX_AUDITED_OBJECT_LENGTH
from larder.identity import queries
from larder.v1.http import IdCursor, Listed, PageParameters, shaped
from larder.v1.operations import CACHED, operation
from larder.v1.shapes import Actor, Page, Time

Fields = Annotated[
    dict[str, Any],
    Meta(
        description="The fields that changed. Of personal fields only the names are stored, in"
        " `personal_data`."
    ),
]

ObjectName = Annotated[
    str,
    Meta(
        max_length=MAX_AUDITED_OBJECT_LENGTH,
        description="As in `object` of an entry.",
        examples=["product:12"],
    ),
]
ActorId = Annotated[UUID, Meta(description="As in `actor` of an entry.")]
Later = Annotated[
    datetime, Meta(tz=True, description="Only later entries. RFC 3339, with a time zone.")
]


class AuditEntry(msgspec.Struct):
    """An action on an object. More channels, objects and actions may be added."""

    at: Time
    actor: Actor
    channel: Annotated[
        str,
        Meta(
            description="The API or screen: `v1`, `contract0` to `contract4`, `admin`, `import`, or"
            " `command`.",
            examples=["v1"],
        ),
    ]
    object: Annotated[str, Meta(description="A kind and an id.", examples=["product:12"])]
    action: Annotated[str, Meta(examples=["create", "change", "archive"])]
    before: Fields
    after: Fields


class AuditPage(Page[AuditEntry]):
    """A page of the audit trail, newest first."""


class AuditParameters(PageParameters, kw_only=True):
    """Filters of the entries: an object, an actor, recorded after a time."""

    object: ObjectName | None = None
    actor: ActorId | None = None
    after: Later | None = None


@operation(
    tag="audit",
    answers={200: AuditPage},
    traits=[CACHED],
    permissions=["identity.view_auditentry"],
)
def list_audit_entries(query: AuditParameters, cursor: IdCursor | None) -> Listed:
    """Staff: a page of the actions of staff and commands, newest first."""
    rows = queries.audit_entries(
        object=query.object,
        actor=query.actor,
        after=query.after,
        before=cursor.id if cursor else None,
        limit=query.rows,
    )
    return Listed(rows, partial(shaped, kind=AuditEntry))
