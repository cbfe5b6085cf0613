# says: one answer cell has not been run yet
# says: the cell `%%build services/performances.py::list_performances`
# says: 0 of 6 points
# %%build api/performances.py::list_performances
@router.get("/performances")
async def list_performances(
    show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    return await performances.list_performances(show_id=show_id, venue_id=venue_id)
