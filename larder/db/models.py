"""Tables that all modules share."""

from django.db import models

from larder.core.limits import MAX_IDEMPOTENCY_KEY_LENGTH, MAX_WORD_LENGTH

MAX_OPERATION_LENGTH = 200
"""The method and path of an `Idempotency-Key`: they are part of the same primary key."""


class IdempotencyKey(models.Model):
    """A request that succeeded under a key, written in the transaction of the request.

    `actor` is the caller's public id, or SYSTEM_ACTOR. `operation` is the method and path,
    `fingerprint` SHA-256 over the parsed request, `result` the id of the created object. A row
    without `expires_at` is kept for ever.
    """

    pk = models.CompositePrimaryKey("actor", "operation", "key")
    actor = models.UUIDField()
    operation = models.CharField(max_length=MAX_OPERATION_LENGTH)
    key = models.CharField(max_length=MAX_IDEMPOTENCY_KEY_LENGTH)
    fingerprint = models.BinaryField()
    result = models.TextField(default="", db_default="")
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "idempotency_key"
        indexes = (
            models.Index(
                fields=["expires_at"],
                name="idempotency_key_expiry",
                condition=models.Q(expires_at__isnull=False),
            ),
        )


class Observation(models.Model):
    """The latest measurements of a job, as numbers by name. Servers report them as metrics."""

    subject = models.CharField(max_length=MAX_WORD_LENGTH, primary_key=True)
    found = models.JSONField()
    at = models.DateTimeField()

    class Meta:
        db_table = "observation"


class RateLimit(models.Model):
    """A bucket of attempts that is full again at `until`, or a block that ends then.

    The table is unlogged (larder/identity/services/attempts.py says why). Keys are digests.
    """

    key = models.UUIDField(primary_key=True)
    until = models.DateTimeField()

    class Meta:
        db_table = "rate_limit"
        indexes = (models.Index(fields=["until"], name="rate_limit_until"),)


class KeptFile(models.Model):
    """A file that a user has sent and not confirmed yet (larder/db/kept_files.py).

    `fingerprint` is that of what the user was shown.
    """

    actor = models.UUIDField(primary_key=True)
    file = models.UUIDField()
    content = models.BinaryField()
    fingerprint = models.CharField(max_length=MAX_WORD_LENGTH)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "kept_file"
        default_permissions = ()
