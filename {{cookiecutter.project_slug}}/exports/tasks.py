"""Write exports, and look after them."""

from __future__ import annotations

import csv
from datetime import timedelta
from tempfile import TemporaryFile
from time import monotonic
from typing import Any, TextIO

from celery import current_app, shared_task
from celery.schedules import crontab
from django.core.files import File
from django.core.files.storage import storages
from django.db import transaction
from django.utils import timezone

from {{ cookiecutter.app_name }}.models import Item

from .models import Export, State

COLUMNS = ["name", "description", "created_at", "updated_at"]

# The number of exports that a user can have at a time. They are deleted after a day.
MAX_EXPORTS = 5
KEPT_FOR = timedelta(days=1)

# An export that has not changed for so long is queued again: it is longer than the broker would wait.
LOST_AFTER = timedelta(minutes=11)


def start_export(owner: Any) -> Export | None:
    """Return a new export that runs in the background, or None if the user has too many."""
    if Export.objects.visible_to(owner).count() >= MAX_EXPORTS:
        return None
    export = Export.objects.create(owner=owner)
    # Robust, because the export is saved by then: if the broker is down, tidy_exports queues it later.
    transaction.on_commit(lambda: write_export.delay(export.pk), robust=True)
    return export


def cell(value: Any) -> str:
    """Return a value as text that no spreadsheet takes for a formula, which could send the user's data elsewhere."""
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def write_rows(export: Export, file: TextIO) -> bool:
    """Write the items of the owner, and save the progress each second. Return False if this run has to give up."""
    writer = csv.writer(file)
    writer.writerow(COLUMNS)
    number, saved = 0, monotonic()
    for row in Item.objects.visible_to(export.owner).order_by("pk").values_list(*COLUMNS).iterator():
        writer.writerow(map(cell, row))
        number += 1
        if monotonic() - saved >= 1:
            saved = monotonic()
            if not export.save_if_current(done=number):
                return False
    return export.save_if_current(done=number, total=number)


# Not limited, because the export counts its runs.
@shared_task(autoretry_for=(Exception,), max_retries=None, retry_backoff=2, retry_backoff_max=60)
def write_export(pk: int) -> None:
    export = Export.objects.begin(pk)
    if export is None:
        return
    export.save_if_current(done=0, total=Item.objects.visible_to(export.owner).count())
    # The mark at its beginning tells spreadsheets that the text is in UTF-8.
    with TemporaryFile("w+", encoding="utf-8-sig", newline="") as file:
        if write_rows(export, file):
            file.flush()
            content: Any = file.buffer
            storages["exports"].delete(export.file_name)
            storages["exports"].save(export.file_name, File(content))
            export.save_if_current(state=State.DONE)


@shared_task
def tidy_exports() -> None:
    """Delete old exports, and queue those again whose message or worker was lost."""
    now = timezone.now()
    # Few at a time, so that a run does not take long; the next one comes in a minute.
    for export in Export.objects.filter(created_at__lt=now - KEPT_FOR)[:1000]:
        export.delete()
    for export in Export.objects.unfinished().filter(updated_at__lt=now - LOST_AFTER)[:1000]:
        write_export.delay(export.pk)
        export.save_if_current()


current_app.add_periodic_task(crontab(), tidy_exports.s(), name="tidy-exports")
