# says: 200 means: here is what you asked for.
# %%build api/performances.py::read_show_played
from boxoffice.api.schemas.show import ShowOut
from boxoffice.services import performances, shows


@router.get("/performances/{performance_id}/show")
async def read_show_played(performance_id: UUID, store: StoreDep):
    performance = await store.performances.get(performance_id)
    if performance is None:
        return None
    show = await shows.find_show(store, show_id=performance.show_id)
    return ShowOut.model_validate(show)
