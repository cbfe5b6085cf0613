# says: an id behind the `?`
# %%build api/performances.py::delete_performance
@router.delete("/performances", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    if await performances.delete_performance(performance_id=performance_id) is None:
        raise HTTPException(404, "There is no such performance.")
