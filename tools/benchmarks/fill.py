"""Fill the database of a project: `manage.py shell -c` runs this; it prints the key of a session of each user."""

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.db import SessionStore
from items.models import Item

for number in range(100):
    user = get_user_model().objects.create_user(username=f"user-{number}", email=f"user-{number}@example.com")
    Item.objects.bulk_create(
        Item(owner=user, name=f"Item {item}", description=f"Number {item} of user {number}.") for item in range(60)
    )
    session = SessionStore()
    session[SESSION_KEY] = str(user.pk)
    session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[-1]
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    print(session.session_key)
