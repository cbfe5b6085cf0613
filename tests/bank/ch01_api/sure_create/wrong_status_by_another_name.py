# says: such as `response.status`, means nothing to FastAPI
# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> Show:
    shows[show_id] = Show(id=show_id, **new.model_dump())
    return shows[show_id]

# %%build api/shows.py::replace_show
@router.put("/shows/{show_id}")
async def replace_show(show_id: UUID, new: ShowIn, response: Response) -> Show:
    if await shows.find_show(show_id=show_id) is None:
        response.status = 201
        response.headers["Location"] = f"/v1/shows/{show_id}"
    return await shows.replace_show(show_id=show_id, new=new)
