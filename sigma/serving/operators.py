"""Routes for whoever runs the service: /healthz and /metrics. No texts, no sessions, no addresses.

curl -f http://127.0.0.1:7860/healthz      # fails until questions are answered
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sigma.observe.health import Loaded, health

NO_CACHE = {"Cache-Control": "no-store"}


def operator_routes(loader: Loaded) -> list[Route]:
    """The two routes. Both answer at once, whatever the engine does: nothing here waits for the device."""

    async def healthz(request: Request) -> Response:
        """HTTP 200 while questions are answered, else 503; the body says how it stands."""
        found = health(loader)
        body = {
            "status": found.state,
            "text": found.text,
            "fraction": round(found.fraction, 3),
            "reasons": found.reasons,
        }
        return JSONResponse(body, 200 if found.answers else 503, NO_CACHE)

    async def metrics(request: Request) -> Response:
        """The counts in the text format of Prometheus."""
        try:
            from sigma.serving.metrics import CONTENT_TYPE, exposed
        except ModuleNotFoundError as error:
            if error.name != "prometheus_client":
                raise
            return Response("prometheus-client is not installed (requirements.txt)\n", 501, NO_CACHE)
        return Response(exposed(loader), 200, NO_CACHE, CONTENT_TYPE)

    return [Route("/healthz", healthz, methods=["GET"]), Route("/metrics", metrics, methods=["GET"])]
