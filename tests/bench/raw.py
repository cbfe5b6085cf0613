"""The fast baseline of `db-shows`: Starlette and asyncpg, the same rows and total, nothing more."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

PAGE = "select id, title, genre, duration_minutes from show order by title, id limit $1"


def create() -> Starlette:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[dict[str, object]]:
        async with asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=4, max_size=16) as pool:
            yield {"pool": pool}

    async def list_shows(request: Request) -> JSONResponse:
        async with request.state.pool.acquire() as connection:
            rows = await connection.fetch(PAGE, int(request.query_params["limit"]))
            total = await connection.fetchval("select count(*) from show")
        items = [{**row, "id": str(row["id"])} for row in rows]
        return JSONResponse({"items": items, "total": total, "next_cursor": None})

    return Starlette(routes=[Route("/v1/shows", list_shows)], lifespan=lifespan)
