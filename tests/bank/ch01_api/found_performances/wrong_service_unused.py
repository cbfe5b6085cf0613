# says: Your service can choose, and the route does it again
# says: the service gave 3
# says: 4 of 6 points
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
    found = await performances.list_performances(show_id=show_id)
    if venue_id:
        found = [one for one in found if one.venue_id == venue_id]
    return found
