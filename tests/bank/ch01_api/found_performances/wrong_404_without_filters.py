# says: Does a filter that is `None` let every row in?
# says: then it is empty. 404 would say
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
    found = await performances.list_performances(show_id=show_id, venue_id=venue_id)
    if not found:
        raise HTTPException(404, "Nothing is on there.")
    return found
