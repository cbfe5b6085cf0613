# says: a second filter narrows the first
# %%build services/performances.py::list_performances
async def list_performances(
    *, show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    found = list(performances.values())
    if venue_id:
        found = [one for one in found if one.venue_id == venue_id]
    elif show_id:
        found = [one for one in found if one.show_id == show_id]
    return sorted(found, key=lambda performance: performance.starts_at)

# %%build api/performances.py::list_performances
@router.get("/performances")
async def list_performances(
    show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    return await performances.list_performances(show_id=show_id, venue_id=venue_id)
