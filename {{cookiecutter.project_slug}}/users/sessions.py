from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

# This query runs for each request of a signed-in user. Plain SQL is faster than the ORM.
SQL = "SELECT * FROM django_session WHERE session_key = %s"


class SessionStore(db.SessionStore):
    """Django's database-backed sessions, with a faster lookup."""

    def load(self) -> dict[str, Any]:
        for session in Session.objects.raw(SQL, [self.session_key]):
            if session.expire_date > timezone.now():
                return self.decode(session.session_data)
        return super().load()
