"""Check uploaded files, and store them under random names."""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator
from django.template.defaultfilters import filesizeformat
from django.utils.deconstruct import deconstructible
from django.utils.translation import gettext_lazy as _

# Not SVG, which can contain scripts.
IMAGE_FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "gif": "GIF", "webp": "WEBP"}
IMAGE_MAX_PIXELS = 50_000_000


@deconstructible
class RandomName:
    """For `upload_to`: gives a file a random name in this folder, with the extension of its own name."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def __call__(self, instance: Any, name: str) -> str:
        extension = PurePath(name).suffix.lower()
        return f"{self.folder}/{uuid4().hex}{extension if re.fullmatch('[.][a-z0-9]{1,10}', extension) else ''}"


def is_stored(file: Any) -> bool:
    """Return whether a file was stored before: its size would be asked of the storage, which may not have it."""
    return bool(getattr(file, "_committed", False))


def validate_size(file: Any) -> None:
    if not is_stored(file) and file.size > settings.UPLOAD_MAX_SIZE:
        size = filesizeformat(settings.UPLOAD_MAX_SIZE)
        raise ValidationError(_("The file is larger than %(size)s."), "max_size", {"size": size})


def validate_image(file: Any) -> None:
    """Refuse an image that is very large or not in the format that its extension says. Needs Pillow."""
    if is_stored(file):
        return
    FileExtensionValidator([*IMAGE_FORMATS])(file)
    from PIL import Image  # pyright: ignore[reportMissingImports]

    try:
        file.seek(0)
        width, height = Image.open(file, formats=[IMAGE_FORMATS[PurePath(file.name).suffix[1:].lower()]]).size
        file.seek(0)
    except Exception as error:
        # Pillow raises errors of many kinds for a broken image.
        raise ValidationError(_("The file is not an image of the type that its name says."), "wrong_format") from error
    if width * height > IMAGE_MAX_PIXELS:
        raise ValidationError(_("The image has too many pixels."), "max_pixels")
