# says: the route did not ask the service
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
    found = [
        one
        for one in performances.performances.values()
        if show_id in (None, one.show_id) and venue_id in (None, one.venue_id)
    ]
    return sorted(found, key=lambda one: one.starts_at)
