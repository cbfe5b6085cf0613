# says: Then one takes the other's place
# %%build api/performances.py::list_performances
@router.get("/performances")
async def list_performances(
    show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    # The route reads and translates; which rows fit is the service's decision.
    return await performances.list_performances(show_id=show_id, venue_id=venue_id)
# %%build services/performances.py::list_performances
async def list_performances(
    *, show_id: UUID | None = None, venue_id: UUID | None = None
) -> list[Performance]:
    # A filter that was not given is None and lets everything through. The default keeps old
    # callers whole: GraphQL still passes `show_id` alone.
    found = [
        one
        for one in performances.values()
        if show_id in (None, one.show_id) and venue_id in (None, one.venue_id)
    ]
    at = {one.starts_at: one for one in found}
    return [at[moment] for moment in sorted(at)]
