"""What a page of the list costs the generated project, among a thousand items of one user and among a million."""

import html
import http.client
import json
import re
import statistics
import time
from contextlib import ExitStack
from urllib.parse import urlsplit

from tests.support.production import Deployment

COUNTS = [1_000, 1_000_000]
# With two pages of the API, fewer requests than it allows a user in a minute.
TIMES = 200
OLDEST = 100
LINK = re.compile('href="([^"]+)" rel="next"')
STEP = 100_000

CREATE = """
INSERT INTO items_item (id, owner_id, name, description, created_at, updated_at)
SELECT number, (SELECT id FROM users_user WHERE username = 'user-0'), 'Item ' || number, 'Number ' || number || '.',
    timestamptz '2020-01-01 00:00Z' + number * interval '1 s', now()
FROM generate_series({first}, {last}) AS number
"""


def headers(session):
    return {"Host": "127.0.0.1", "X-Forwarded-Proto": "https", "Cookie": f"sessionid={session}"}


def get(server, path, session):
    """Return the answer to a request, on a connection of its own, and the milliseconds until all of it was read."""
    started = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("GET", path, headers=headers(session))
    response = connection.getresponse()
    body = response.read()
    connection.close()
    milliseconds = (time.perf_counter() - started) * 1000
    assert response.status == 200, (path, response.status, body)
    return body, milliseconds


def fill(server, database, session, postgres, count):
    """Give a user so many items; return name -> path of the pages to ask for."""

    def create(first, last):
        postgres.sql(CREATE.format(first=first, last=last), database)

    postgres.sql("TRUNCATE items_item", database)
    # The last page of so few stays the last one among all those that are newer.
    create(1, OLDEST)
    last_page = urlsplit(json.loads(get(server, "/api/v1/items/", session)[0])["next"])
    last_of_site, following = None, "/items/"
    while following:
        last_of_site = following
        link = LINK.search(get(server, following, session)[0].decode())
        following = link and html.unescape(link[1])
    for first in range(OLDEST + 1, count + 1, STEP):
        create(first, min(first + STEP - 1, count))
    postgres.sql("VACUUM ANALYZE items_item", database)
    pages = {
        "`GET /api/v1/items/`, first page": "/api/v1/items/",
        "`GET /api/v1/items/`, last page": f"{last_page.path}?{last_page.query}",
        "`GET /items/`, first page": "/items/",
        "`GET /items/`, last page": last_of_site,
    }
    page = json.loads(get(server, pages["`GET /api/v1/items/`, last page"], session)[0])
    assert (len(page["results"]), page["next"]) == (OLDEST // 2, None), page
    return pages


def measure(project, folder, postgres, script):
    """Return page -> count of items -> median of the milliseconds; `script` makes the users and prints sessions."""
    milliseconds = {}
    with ExitStack() as stack:
        asked = []
        for count in COUNTS:
            print(f"Making {count:,} items", flush=True)
            deployment = Deployment(project, folder / str(count), postgres.database()).prepare()
            session = deployment.run("shell", "--verbosity", "0", "-c", script).stdout.split()[0]
            server = stack.enter_context(deployment.serve())
            pages = fill(server, deployment.database, session, postgres, count)
            asked += [(page, count, server, path, session) for page, path in pages.items()]
        print(f"Asking {TIMES} times for each page", flush=True)
        for _ in range(TIMES):
            for page, count, *request in asked:
                times = milliseconds.setdefault(page, {}).setdefault(count, [])
                times.append(get(*request)[1])
    return {page: {count: statistics.median(of[count]) for count in COUNTS} for page, of in milliseconds.items()}
