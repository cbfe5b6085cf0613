# says: 201 is none: what you raise lands in `detail`
# %%build services/shows.py::replace_show
async def replace_show(*, show_id: UUID, new: ShowIn) -> Show:
    shows[show_id] = Show(id=show_id, **new.model_dump())
    return shows[show_id]

# %%build api/shows.py::replace_show
@router.put("/shows/{show_id}")
async def replace_show(show_id: UUID, new: ShowIn, response: Response) -> Show:
    is_new = await shows.find_show(show_id=show_id) is None
    show = await shows.replace_show(show_id=show_id, new=new)
    if is_new:
        response.headers["Location"] = f"/v1/shows/{show_id}"
        raise HTTPException(201, show)
    return show
