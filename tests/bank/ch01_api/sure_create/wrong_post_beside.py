# says: so it knows the URL. That is PUT
# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> Show | None:
    if show_id not in shows:
        return None
    shows[show_id] = Show(id=show_id, **new.model_dump())
    return shows[show_id]

# %%build api/shows.py::replace_show
@router.post("/shows/{show_id}", status_code=201)
async def replace_show(show_id: UUID, new: ShowIn, response: Response) -> Show:
    response.headers["Location"] = f"/v1/shows/{show_id}"
    return await shows.replace_show(show_id=show_id, new=new)
