# says: hands over more values by position than `find_performance` takes
# says: is passed by name: `name=value`
# says: the first line of `find_performance`
# %%build api/performances.py::read_show_played
from boxoffice.api.schemas.show import ShowOut
from boxoffice.services import performances, shows


@router.get("/performances/{performance_id}/show")
async def read_show_played(performance_id: UUID, store: StoreDep):
    performance = await performances.find_performance(store, performance_id)
    show = await shows.find_show(store, performance.show_id)
    return ShowOut.model_validate(show)
