"""The familiar baseline of `db-shows`: Django REST framework, the same rows and total."""

import os
from urllib.parse import parse_qs, urlsplit

import django
from django.conf import settings

_URL = urlsplit(os.environ["DATABASE_URL"])
settings.configure(
    SECRET_KEY="bench",
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],  # says the Content-Length
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": _URL.path.strip("/"),
            "USER": _URL.username or "",
            "PASSWORD": _URL.password or "",
            "HOST": parse_qs(_URL.query).get("host", [_URL.hostname or ""])[0],
            "PORT": str(_URL.port or ""),
            "OPTIONS": {"pool": {"min_size": 4, "max_size": 16}},
        }
    },
    REST_FRAMEWORK={
        "DEFAULT_PERMISSION_CLASSES": [],
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
)
django.setup()

from django.core.asgi import get_asgi_application  # noqa: E402
from django.db import models  # noqa: E402
from django.urls import path  # noqa: E402
from rest_framework import generics, pagination, serializers  # noqa: E402


class Show(models.Model):
    id = models.UUIDField(primary_key=True)
    title = models.TextField()
    genre = models.TextField()
    duration_minutes = models.IntegerField()

    class Meta:
        managed = False
        db_table = "show"
        app_label = "bench"


class ShowSerializer(serializers.ModelSerializer):
    class Meta:
        model = Show
        fields = ("id", "title", "genre", "duration_minutes")


class Pages(pagination.LimitOffsetPagination):
    default_limit = 20


class ShowList(generics.ListAPIView):
    queryset = Show.objects.order_by("title", "id")
    serializer_class = ShowSerializer
    pagination_class = Pages


urlpatterns = [path("v1/shows", ShowList.as_view())]


def create():  # type: ignore[no-untyped-def]
    return get_asgi_application()
