from django.conf import settings
from django.db import models


class ItemQuerySet(models.QuerySet):
    def owned_by(self, user):
        """Return what `user` may see and change: nothing, where nobody is signed in."""
        return self.filter(owner_id=user.pk)


class Item(models.Model):
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="items")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = ItemQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-pk"]
        # One for each ordering of an owner's items.
        indexes = [
            models.Index("owner", "created_at", "id", name="items_item_by_creation"),
            models.Index("owner", "name", "id", name="items_item_by_name"),
        ]

    def __str__(self):
        return self.name
