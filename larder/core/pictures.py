"""What HTTP says of a stored picture, whether the shop or a bucket sends it."""

CONTENT_TYPE = "image/webp"

CACHE_CONTROL = "public, max-age=31536000, immutable"
"""A name is never used for another content, so that it may be kept for a year."""
