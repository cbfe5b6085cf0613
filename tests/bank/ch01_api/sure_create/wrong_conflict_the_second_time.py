# says: 409 is bad news about its own success
# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> Show:
    shows[show_id] = Show(id=show_id, **new.model_dump())
    return shows[show_id]

# %%build api/shows.py::replace_show
@router.put("/shows/{show_id}", status_code=201)
async def replace_show(show_id: UUID, new: ShowIn, response: Response) -> Show:
    if await shows.find_show(show_id=show_id) is not None:
        raise HTTPException(409, "This show exists already.")
    response.headers["Location"] = f"/v1/shows/{show_id}"
    return await shows.replace_show(show_id=show_id, new=new)
