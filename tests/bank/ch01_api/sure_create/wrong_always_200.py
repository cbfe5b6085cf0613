# says: Something is there that was not there before, and 201 says so
# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> Show:
    shows[show_id] = Show(id=show_id, **new.model_dump())
    return shows[show_id]

# %%build api/shows.py::replace_show
@router.put("/shows/{show_id}")
async def replace_show(show_id: UUID, new: ShowIn) -> Show:
    return await shows.replace_show(show_id=show_id, new=new)
