# says: `find_performance` wants this value by name: `performance_id=…`
# %%build api/performances.py::read_show_played
from boxoffice.api.schemas.show import ShowOut
from boxoffice.services import performances, shows


@router.get("/performances/{performance_id}/show")
async def read_show_played(performance_id: UUID, store: StoreDep):
    performance = await performances.find_performance(performance_id)
    show = await shows.find_show(performance.show_id)
    return ShowOut.model_validate(show)
