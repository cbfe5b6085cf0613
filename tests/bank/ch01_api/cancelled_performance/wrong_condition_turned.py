# says: Is the condition the wrong way round?
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    if await performances.delete_performance(performance_id=performance_id) is not None:
        raise HTTPException(404, "There is no such performance.")
