# says: the performance is still there
# deletes its own name for it, not the performance
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}", status_code=204)
async def delete_performance(performance_id: UUID) -> None:
    performance = await performances.find_performance(performance_id=performance_id)
    if performance is None:
        raise HTTPException(404, "There is no such performance.")
    del performance
