from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.models import Session
from django.utils import timezone

# Each request of a signed-in user needs this query. The ORM would build its SQL anew each time.
SQL = "SELECT * FROM django_session WHERE session_key = %s"


class SessionStore(db.SessionStore):
    """Django's sessions in the database, found by a fixed query."""

    def load(self) -> dict[str, Any]:
        for session in Session.objects.raw(SQL, [self.session_key]):
            if session.expire_date > timezone.now():
                return self.decode(session.session_data)
        return super().load()
