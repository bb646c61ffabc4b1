"""A page of a list costs PostgreSQL the same at any position, even if many items have equal values."""

import json

import pytest

pytestmark = pytest.mark.matrix

PAGES = {"/items/": 20, "/api/v1/items/": 50}
ENDS = 150
ITEMS = 200_000

# Items at both ends are created first, and their last page is requested. The other items then fill the middle, so
# that this page is deep in the list.
CREATE = """
INSERT INTO items_item (id, owner_id, name, description, created_at, updated_at)
SELECT number + {shift}, {owner}, {name}, '', {created_at}, now() FROM generate_series({first}, {last}) AS number
"""
VALUES = {
    "distinct": ("'Item ' || lpad(number::text, 8, '0')", "timestamptz '2020-01-01 00:00Z' + number * interval '1 s'"),
    "equal": ("'Item'", "timestamptz '2020-01-01 00:00Z'"),
}

ASK = """
import html, json, re
from django.contrib.auth import get_user_model
from django.db import connection
from rest_framework.test import APIClient
from items.views import ItemViewSet

ORDERINGS = [sign + name for name in ItemViewSet.ordering_fields for sign in ("", "-")]
URLS = ["/items/", "/api/v1/items/", *(f"/api/v1/items/?ordering={ordering}" for ordering in ORDERINGS)]

def get(kind, url):
    client = APIClient(HTTP_HOST="127.0.0.1")
    client.force_login(get_user_model().objects.get(username=kind))
    response = client.get(url, secure=True)
    assert response.status_code == 200, response.content
    if response.headers["Content-Type"] == "application/json":
        page = response.json()
        return {"items": len(page["results"]), "next": page["next"]}
    page = html.unescape(response.content.decode())
    following = re.search('href="([^"]+)" rel="next"', page)
    return {"items": page.count("<h2>"), "next": following and following[1]}

def last_page(kind, url):
    following = get(kind, url)["next"]
    return last_page(kind, following) if following else url

def cost(kind, url):
    queries = []
    def keep(execute, sql, params, many, context):
        queries.append((sql, params))
        return execute(sql, params, many, context)
    with connection.execute_wrapper(keep):
        page = get(kind, url)
    ((sql, params),) = [query for query in queries if 'FROM "items_item"' in query[0]]
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + sql, params)
        plan = cursor.fetchone()[0][0]["Plan"]
    def rows(node):
        below = sum(map(rows, node.get("Plans", [])))
        return below + node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
    blocks = plan["Shared Hit Blocks"] + plan["Shared Read Blocks"]
    return {"items": page["items"], "last": page["next"] is None, "rows": rows(plan), "blocks": blocks}

def tell(value):
    print("told:" + json.dumps(value))
"""
LAST_PAGES = """
tell([(kind, url, last_page(kind, url)) for kind in KINDS for url in URLS])
"""
COSTS = """
tell([(kind, first, cost(kind, first), cost(kind, last)) for kind, first, last in PAGES])
"""


def told(deployment, script, **values):
    given = "".join(f"{name} = {value!r}\n" for name, value in values.items())
    output = deployment.run("shell", "-c", given + ASK + script).stdout
    (line,) = [line for line in output.splitlines() if line.startswith("told:")]
    return json.loads(line.removeprefix("told:"))


def test_a_deep_page_costs_what_the_first_costs(deploy, postgres):
    deployment = deploy("WSGI")

    def create(first, last):
        for index, (kind, (name, created_at)) in enumerate(VALUES.items()):
            owner = f"(SELECT id FROM users_user WHERE username = '{kind}')"
            numbers = {"shift": 2 * ITEMS * index, "first": first, "last": last}
            postgres.sql(CREATE.format(owner=owner, name=name, created_at=created_at, **numbers), deployment.database)

    for kind in VALUES:
        deployment.run("createsuperuser", "--noinput", "--username", kind, "--email", f"{kind}@example.com")
    create(1, ENDS // 2)
    create(ITEMS + 1, ITEMS + ENDS // 2)
    pages = told(deployment, LAST_PAGES, KINDS=list(VALUES))
    create(ENDS // 2 + 1, ITEMS)
    postgres.sql("VACUUM ANALYZE items_item", deployment.database)
    costs = told(deployment, COSTS, PAGES=pages)
    postgres.sql("TRUNCATE items_item", deployment.database)
    assert len(costs) == 12
    for kind, url, first, deep in costs:
        size = PAGES[url.partition("?")[0]]
        assert (first["items"], first["last"]) == (size, False)
        assert (deep["items"], deep["last"]) == (ENDS % size or size, True)
        # The rows of a page and one more, counted twice: when the index finds them, and when the limit is applied.
        assert first["rows"] <= 2 * (size + 1), (kind, url, first)
        assert deep["rows"] <= first["rows"], (kind, url, first, deep)
        # An index of this size is at most four blocks high.
        assert deep["blocks"] <= first["blocks"] + 4, (kind, url, first, deep)
