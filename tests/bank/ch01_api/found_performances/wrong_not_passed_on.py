# says: the filter does not reach it
# says: or not passed on, it is never asked. where: `list_performances` in `api/performances.py`
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
@router.get("/performances")
async def list_performances(
    show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    return await performances.list_performances(show_id=show_id)
