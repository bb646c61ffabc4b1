from channels.generic.websocket import AsyncJsonWebsocketConsumer


def group_of(user_id):
    """Return the name of the channel group that hears of this user's items."""
    return f"items.{user_id}"


class ItemConsumer(AsyncJsonWebsocketConsumer):
    """
    Tells a signed-in user which of their items changed.

    Sends {"event": "saved" or "deleted", "id": <item>} and reads nothing.
    """

    async def connect(self):
        user = self.scope["user"]
        if not user.is_authenticated:
            await self.close()
            return
        group = group_of(user.pk)
        # Channels itself leaves these groups when the socket closes.
        self.groups.append(group)
        await self.channel_layer.group_add(group, self.channel_name)
        await self.accept()

    async def receive(self, **kwargs):
        pass

    async def item_changed(self, message):
        await self.send_json({"event": message["event"], "id": message["id"]})
