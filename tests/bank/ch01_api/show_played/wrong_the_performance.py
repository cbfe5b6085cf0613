# says: It should say the same as `GET /v1/shows/{show_id}`
# %%build api/performances.py::read_show_played
from boxoffice.api.schemas.show import ShowOut
from boxoffice.services import performances, shows


@router.get("/performances/{performance_id}/show")
async def read_show_played(performance_id: UUID, store: StoreDep):
    performance = await performances.find_performance(store, performance_id=performance_id)
    return PerformanceOut.model_validate(performance)
