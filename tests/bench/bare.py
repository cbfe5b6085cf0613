"""The baseline of `shows`: FastAPI and nothing else, returning 20 stored shows that stand ready."""

from pathlib import Path

from fastapi import FastAPI

from boxoffice.api.schemas.show import ShowPage
from boxoffice.models.show import Show


def create() -> FastAPI:
    """An app that returns the shows of page.json, as stored objects, by the same response model."""
    page = ShowPage.model_validate_json(Path("page.json").read_text())
    shows = [Show(**item.model_dump()) for item in page.items]
    app = FastAPI()

    @app.get("/v1/shows", response_model=ShowPage)
    async def list_shows() -> dict[str, object]:
        return {"items": shows, "next_cursor": page.next_cursor}

    return app
