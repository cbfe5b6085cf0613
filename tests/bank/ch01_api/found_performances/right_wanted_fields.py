# %%build services/performances.py::list_performances
async def list_performances(
    *, show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    wanted = {"show_id": show_id, "venue_id": venue_id}
    given = {name: value for name, value in wanted.items() if value}
    return sorted(
        (
            one
            for one in performances.values()
            if all(getattr(one, name) == value for name, value in given.items())
        ),
        key=lambda one: (one.starts_at, one.id),
    )

# %%build api/performances.py::list_performances
from typing import Annotated

from fastapi import Query


@router.get("/performances")
async def list_performances(
    show_id: Annotated[UUID | None, Query()] = None,
    venue_id: Annotated[UUID | None, Query()] = None,
) -> list[Performance]:
    return await performances.list_performances(venue_id=venue_id, show_id=show_id)
