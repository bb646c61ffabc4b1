from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand
from django.db.models import QuerySet
from django.utils import timezone
from knox.models import AuthToken

# A statement for all rows could exceed the time limit of PostgreSQL.
BATCH = 1000


def expired() -> dict[str, QuerySet[Any]]:
    """Return a dict of name -> rows that are no longer needed."""
    now = timezone.now()
    return {
        "sessions": Session.objects.filter(expire_date__lt=now),
        "tokens": AuthToken.objects.filter(expiry__lt=now),
        "failed sign-ins": AccessAttempt.objects.filter(attempt_time__lt=now - settings.AXES_COOLOFF_TIME),
    }


def delete(rows: QuerySet[Any]) -> int:
    """Delete these rows in batches, and return their number."""
    count = 0
    while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
        count += rows.filter(pk__in=keys).delete()[0]
    return count


class Command(BaseCommand):
    help = "Deletes expired sessions, expired tokens and old records of failed sign-ins."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = [f"{delete(rows)} {name}" for name, rows in expired().items()]
        self.stdout.write(f"Deleted {', '.join(counts)}.")
