"""The list of items with three queries by hand: what this Python, driver and PostgreSQL allow at most.

One process has one connection, and neither checks the signature of a session nor recovers from an error.
"""

import base64
import json
import os
import zlib
from http.cookies import SimpleCookie

import psycopg2

SESSION = "SELECT session_data FROM django_session WHERE session_key = %s AND expire_date > now()"
USER = "SELECT id FROM users_user WHERE id = %s AND is_active"
ITEMS = """
SELECT id, name, description, created_at, updated_at FROM items_item WHERE owner_id = %s
ORDER BY created_at DESC, id DESC LIMIT 50
"""
COLUMNS = ("id", "name", "description", "created_at", "updated_at")

# gunicorn imports this module in each worker.
connection = psycopg2.connect(os.environ["DATABASE_URL"], options="-c timezone=UTC")
connection.autocommit = True


def user_of(data):
    """Return the id of the user in the data of a session, which Django has encoded and signed."""
    payload = data.rsplit(":", 2)[0]
    text = base64.urlsafe_b64decode(payload.lstrip(".") + "===")
    return json.loads(zlib.decompress(text) if payload.startswith(".") else text)["_auth_user_id"]


def as_text(moment):
    return moment.isoformat().replace("+00:00", "Z")


def application(environ, start_response):
    key = SimpleCookie(environ["HTTP_COOKIE"])["sessionid"].value
    with connection.cursor() as cursor:
        cursor.execute(SESSION, [key])
        cursor.execute(USER, [user_of(cursor.fetchone()[0])])
        cursor.execute(ITEMS, [cursor.fetchone()[0]])
        items = [dict(zip(COLUMNS, row)) for row in cursor]
    body = json.dumps({"results": items}, default=as_text).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
