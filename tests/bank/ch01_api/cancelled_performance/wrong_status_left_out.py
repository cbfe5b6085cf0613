# says: The 204 comes from `status_code=204` in the decorator
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}")
async def delete_performance(performance_id: UUID) -> None:
    if await performances.delete_performance(performance_id=performance_id) is None:
        raise HTTPException(404, "There is no such performance.")
