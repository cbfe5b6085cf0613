# `asdict`, `ShowOut` and `shows` come with the cells that the notebook gives
# %%build api/performances.py::read_show_played
@router.get("/performances/{performance_id}/show")
async def read_show_played(performance_id: UUID, store: StoreDep):
    performance = await performances.find_performance(store, performance_id=performance_id)
    show = asdict(await shows.find_show(store, show_id=performance.show_id))
    return ShowOut.model_validate(show)
