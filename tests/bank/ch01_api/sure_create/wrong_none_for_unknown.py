# says: Your service gave `None`; here an unknown id is stored, not refused
# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> Show | None:
    if show_id not in shows:
        return None
    shows[show_id] = Show(id=show_id, **new.model_dump())
    return shows[show_id]

# %%build api/shows.py::replace_show
@router.put("/shows/{show_id}")
async def replace_show(show_id: UUID, new: ShowIn, response: Response) -> Show:
    if await shows.find_show(show_id=show_id) is None:
        response.status_code = 201
        response.headers["Location"] = f"/v1/shows/{show_id}"
    return await shows.replace_show(show_id=show_id, new=new)
