"""The baseline of `shows`: FastAPI and nothing else, returning a page that stands ready."""

from pathlib import Path

from boxoffice.api.schemas.show import ShowPage
from fastapi import FastAPI


def create() -> FastAPI:
    """An app that returns the page in page.json, by the same response model."""
    page = ShowPage.model_validate_json(Path("page.json").read_text())
    app = FastAPI()

    @app.get("/v1/shows")
    async def list_shows() -> ShowPage:
        return page

    return app
