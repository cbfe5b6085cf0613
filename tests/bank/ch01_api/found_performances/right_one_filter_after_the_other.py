# %%build services/performances.py::list_performances
async def list_performances(
    *, show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    found = list(performances.values())
    if show_id is not None:
        found = [one for one in found if one.show_id == show_id]
    if venue_id is not None:
        found = [one for one in found if one.venue_id == venue_id]
    found.sort(key=lambda one: one.starts_at)
    return found

# %%build api/performances.py::list_performances
@router.get("/performances")
async def list_performances(
    show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    return await performances.list_performances(show_id=show_id, venue_id=venue_id)
