# says: the next field that someone adds leaks
# %%build api/performances.py::read_show_played
from dataclasses import asdict

from boxoffice.services import performances, shows


@router.get("/performances/{performance_id}/show")
async def read_show_played(performance_id: UUID, store: StoreDep):
    performance = await performances.find_performance(store, performance_id=performance_id)
    show = asdict(await shows.find_show(store, show_id=performance.show_id))
    del show["internal_notes"], show["version"]
    return show
