"""Files in a form: limited like all other bodies, and never stored on a disk.

Django's handlers store all files before any check, also those of clients without a log-in.
"""

from io import BytesIO
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import InMemoryUploadedFile
from django.core.files.uploadhandler import FileUploadHandler

from larder.core.limits import MAX_DISCARDED_BYTES, MAX_PICTURE_BYTES

PICTURE = "picture"
"""The field of a product's form that takes a picture."""


class BoundedUpload(FileUploadHandler):
    """Keeps a file of up to DATA_UPLOAD_MAX_MEMORY_SIZE bytes, a picture of up to
    MAX_PICTURE_BYTES; of a larger file only its size. Only members of staff get here with a file
    (larder/http/middleware.py)."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: Any,  # noqa: N803
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> None:
        """Raises RequestDataTooBig for a request that is too long to be read and discarded. A
        smaller file over the limit is discarded, so that its form can report it."""
        if content_length > MAX_DISCARDED_BYTES:
            raise RequestDataTooBig

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.kept = BytesIO()
        is_picture = self.field_name == PICTURE
        self.most = MAX_PICTURE_BYTES if is_picture else settings.DATA_UPLOAD_MAX_MEMORY_SIZE

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        if start + len(raw_data) <= self.most:
            self.kept.write(raw_data)

    def file_complete(self, file_size: int) -> InMemoryUploadedFile:
        self.kept.seek(0)
        return InMemoryUploadedFile(
            file=self.kept,
            field_name=self.field_name,
            name=self.file_name,
            content_type=self.content_type,
            size=file_size,
            charset=self.charset,
            content_type_extra=self.content_type_extra,
        )
