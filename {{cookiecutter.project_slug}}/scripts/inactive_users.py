"""
List the users who have not signed in for a while.

    python manage.py runscript inactive_users --script-args 90
"""

from datetime import timedelta

from django.db.models import Q
from django.utils import timezone

from users.models import User


def run(days: str = "90") -> None:
    """Print the users who have not signed in during the last `days` days, or never."""
    since = timezone.now() - timedelta(days=int(days))
    for user in User.objects.filter(Q(last_login__lt=since) | Q(last_login=None)):
        print(user)
