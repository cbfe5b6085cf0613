# says: the service is as it was given
# says: 0 of 6 points
# %%build api/performances.py::list_performances
@router.get("/performances")
async def list_performances(
    show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    return await performances.list_performances(show_id=show_id, venue_id=venue_id)
