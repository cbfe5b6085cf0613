# says: `return 404` gives a body, not a status
# %%build api/performances.py::delete_performance
@router.delete("/performances/{performance_id}")
async def delete_performance(performance_id: UUID):
    gone = await performances.delete_performance(performance_id=performance_id)
    if gone is None:
        return {"detail": "There is no such performance."}, 404
    return None, 204
