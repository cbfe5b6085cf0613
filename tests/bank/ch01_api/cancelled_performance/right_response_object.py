# %%build api/performances.py::delete_performance
from fastapi import Response


@router.delete("/performances/{performance_id}")
async def delete_performance(performance_id: UUID) -> Response:
    gone = await performances.delete_performance(performance_id=performance_id)
    return Response(status_code=204 if gone else 404)
