# says: A filter that is not given fits everything
# %%build services/performances.py::list_performances
async def list_performances(
    *, show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    found = [
        one
        for one in performances.values()
        if one.show_id == show_id and one.venue_id == venue_id
    ]
    return sorted(found, key=lambda performance: performance.starts_at)

# %%build api/performances.py::list_performances
@router.get("/performances")
async def list_performances(
    show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    return await performances.list_performances(show_id=show_id, venue_id=venue_id)
