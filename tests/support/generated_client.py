"""Uses the client that openapi-python-client makes of schema.yml: `python generated_client.py URL USER PASSWORD`."""

import sys
from typing import Union
from urllib.parse import parse_qs, urlsplit

from made.api.items import (
    items_create,
    items_destroy,
    items_list,
    items_partial_update,
    items_retrieve,
    items_update,
)
from made.api.token import token_create, token_destroy
from made.api.users import users_me_retrieve
from made.client import AuthenticatedClient, Client
from made.models import (
    Item,
    ItemRequest,
    PaginatedItemList,
    PatchedItemRequest,
    Problem,
    SignInRequest,
    Token,
    User,
)
from made.types import UNSET, Unset


def pages(client: AuthenticatedClient) -> list[PaginatedItemList]:
    found: list[PaginatedItemList] = []
    cursor: Union[str, Unset] = UNSET
    while not found or found[-1].next_:
        page = items_list.sync(client=client, ordering="name", cursor=cursor)
        assert isinstance(page, PaginatedItemList)
        found.append(page)
        if page.next_:
            cursor = parse_qs(urlsplit(page.next_).query)["cursor"][0]
    return found


def main(url: str, username: str, password: str) -> None:
    token = token_create.sync(client=Client(base_url=url), body=SignInRequest(username, password))
    assert isinstance(token, Token)
    client = AuthenticatedClient(base_url=url, token=token.token, prefix="Token")
    user = users_me_retrieve.sync(client=client)
    assert isinstance(user, User)
    assert user.username == username
    for number in range(60):
        made = items_create.sync(client=client, body=ItemRequest(name=f"Map {number:02}", description="North"))
        assert isinstance(made, Item)
    listed = pages(client)
    first = listed[0].results[0]
    names = [item.name for page in listed for item in page.results]
    assert len(listed) == 2
    assert names == [f"Map {number:02}" for number in range(60)], names
    changed = items_update.sync(first.id, client=client, body=ItemRequest(name="Globe"))
    assert isinstance(changed, Item)
    assert changed.name == "Globe"
    changed = items_partial_update.sync(first.id, client=client, body=PatchedItemRequest(description="South"))
    assert isinstance(changed, Item)
    assert (changed.name, changed.description) == ("Globe", "South")
    refused = items_create.sync(client=client, body=ItemRequest(name=" "))
    assert isinstance(refused, Problem)
    assert isinstance(refused.errors, list)
    assert refused.errors[0].pointer == "#/name"
    for page in listed:
        for item in page.results:
            assert items_destroy.sync_detailed(item.id, client=client).status_code == 204
    assert isinstance(items_retrieve.sync(first.id, client=client), Problem)
    token_destroy.sync_detailed(client=client)
    assert isinstance(users_me_retrieve.sync(client=client), Problem)
    print("done")


main(*sys.argv[1:])
