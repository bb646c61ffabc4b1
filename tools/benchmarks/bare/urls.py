from django.contrib import admin
from django.urls import include, path
from items import views
from rest_framework.routers import SimpleRouter

router = SimpleRouter()
router.register("items", views.ItemViewSet, basename="api-item")

# The names are those that the templates of the generated project link to.
urlpatterns = [
    path("livez", views.livez),
    path("items/", views.ItemListView.as_view(), name="item_list"),
    path("items/add/", views.livez, name="item_add"),
    path("items/<int:pk>/", views.livez, name="item_edit"),
    path("items/<int:pk>/delete/", views.livez, name="item_delete"),
    path("account/", views.livez, name="account_email"),
    path("logout/", views.livez, name="account_logout"),
    path("docs/", views.livez, name="docs"),
    path("api/v1/", include(router.urls)),
    path("admin/", admin.site.urls),
]
