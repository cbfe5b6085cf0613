# says: PUT says: let this be at that URL
# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> Show | None:
    if show_id not in shows:
        return None
    shows[show_id] = Show(id=show_id, **new.model_dump())
    return shows[show_id]

# %%build api/shows.py::replace_show
@router.put("/shows/{show_id}")
async def replace_show(show_id: UUID, new: ShowIn) -> Show:
    show = await shows.replace_show(show_id=show_id, new=new)
    if show is None:
        raise HTTPException(404, "There is no such show.")
    return show
