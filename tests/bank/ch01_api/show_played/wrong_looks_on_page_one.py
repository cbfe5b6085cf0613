# says: a list comes in pages
# %%build api/performances.py::read_show_played
from boxoffice.api.schemas.show import ShowOut
from boxoffice.services import performances, shows


@router.get("/performances/{performance_id}/show")
async def read_show_played(performance_id: UUID, store: StoreDep):
    performance = await performances.find_performance(store, performance_id=performance_id)
    page = await shows.list_shows(store)
    for show in page.items:
        if show.id == performance.show_id:
            return ShowOut.model_validate(show)
