# says: a list comes in pages
# %%build api/performances.py::read_show_played
from boxoffice.api.schemas.show import ShowOut
from boxoffice.errors import PerformanceNotFound
from boxoffice.services import performances, shows


@router.get("/performances/{performance_id}/show")
async def read_show_played(performance_id: UUID, store: StoreDep):
    page = await performances.list_performances(store)
    for performance in page.items:
        if performance.id == performance_id:
            show = await shows.find_show(store, show_id=performance.show_id)
            return ShowOut.model_validate(show)
    raise PerformanceNotFound(performance_id)
