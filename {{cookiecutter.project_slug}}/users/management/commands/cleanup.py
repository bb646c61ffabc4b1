from __future__ import annotations

from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from users.models import Token

# A statement for all rows could exceed the time limit of PostgreSQL.
BATCH = 1000


def expired() -> dict[str, QuerySet[Any]]:
    """Return a dict of name -> rows that are no longer needed."""
    now = timezone.now()
    return {
        "sessions": Session.objects.filter(expire_date__lt=now),
        "records of sessions": UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")),
        "tokens": Token.objects.filter(expires_at__lt=now),
    }


def forget_counts() -> int:
    """Delete the expired counts of sign-ins, and return their number."""
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM attempts WHERE expires < %s", [now])
        return int(cursor.rowcount)


def delete(rows: QuerySet[Any]) -> int:
    """Delete these rows in batches, and return their number."""
    count = 0
    while keys := list(rows.values_list("pk", flat=True)[:BATCH]):
        count += rows.filter(pk__in=keys).delete()[0]
    return count


class Command(BaseCommand):
    help = "Deletes expired sessions and tokens, and old counts of sign-ins."

    def handle(self, *args: Any, **options: Any) -> None:
        counts = [f"{delete(rows)} {name}" for name, rows in expired().items()]
        counts.append(f"{forget_counts()} counts of sign-ins")
        self.stdout.write(f"Deleted {', '.join(counts)}.")
