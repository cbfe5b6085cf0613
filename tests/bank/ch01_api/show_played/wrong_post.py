# says: Is it `@router.get
# %%build api/performances.py::read_show_played
from boxoffice.api.schemas.show import ShowOut
from boxoffice.services import performances, shows


@router.post("/performances/{performance_id}/show")
async def read_show_played(performance_id: UUID, store: StoreDep):
    performance = await performances.find_performance(store, performance_id=performance_id)
    show = await shows.find_show(store, show_id=performance.show_id)
    return ShowOut.model_validate(show)
