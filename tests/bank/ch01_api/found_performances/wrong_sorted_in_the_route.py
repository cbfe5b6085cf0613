# says: what the route does to the list never reaches it
# says: 5 of 6 points
# %%build services/performances.py::list_performances
async def list_performances(
    *, show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    return [
        one
        for one in performances.values()
        if show_id in (None, one.show_id) and venue_id in (None, one.venue_id)
    ]

# %%build api/performances.py::list_performances
@router.get("/performances")
async def list_performances(
    show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    found = await performances.list_performances(show_id=show_id, venue_id=venue_id)
    return sorted(found, key=lambda one: one.starts_at)
