# says: the nearest one is not near enough
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    if await performances.delete_performance(performance_id=performance_id) is None:
        raise HTTPException(410, "It is cancelled already.")
