"""The baselines of `shows`: FastAPI and nothing else, returning 20 shows that stand ready."""

from pathlib import Path

from fastapi import FastAPI

from boxoffice.api.schemas.show import ShowPage
from boxoffice.models.show import Show


def read() -> ShowPage:
    return ShowPage.model_validate_json(Path("page.json").read_text())


def create() -> FastAPI:
    """The barest endpoint: it returns the page of page.json as it is."""
    page = read().model_dump(mode="json")
    app = FastAPI()

    @app.get("/v1/shows")
    async def list_shows():  # type: ignore[no-untyped-def]
        return page

    return app


def create_with_model() -> FastAPI:
    """The fastest: a response model lets pydantic write the JSON. The shows are stored objects."""
    page = read()
    shows = [Show(**item.model_dump()) for item in page.items]
    app = FastAPI()

    @app.get("/v1/shows", response_model=ShowPage)
    async def list_shows() -> dict[str, object]:
        return {"items": shows, "next_cursor": page.next_cursor}

    return app
