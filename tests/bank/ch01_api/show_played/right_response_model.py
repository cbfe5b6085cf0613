# %%build api/performances.py::read_show_played
from boxoffice.api.schemas.show import ShowOut
from boxoffice.errors import PerformanceNotFound


@router.get("/performances/{performance_id}/show", response_model=ShowOut)
async def read_show_played(performance_id: UUID, store: StoreDep):
    performance = await store.performances.get(performance_id)
    if performance is None:
        raise PerformanceNotFound(performance_id)
    return await store.shows.get(performance.show_id)
