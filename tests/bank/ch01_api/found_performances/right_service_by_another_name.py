# %%build services/performances.py::list_performances
async def list_performances(
    *, show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    found = [
        one
        for one in performances.values()
        if show_id in (None, one.show_id) and venue_id in (None, one.venue_id)
    ]
    return sorted(found, key=lambda performance: performance.starts_at)

# %%build api/performances.py::list_performances
from boxoffice.services.performances import list_performances as choose


@router.get("/performances")
async def list_performances(
    show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    return await choose(show_id=show_id, venue_id=venue_id)
