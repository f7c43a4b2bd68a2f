"""HTTP: routes, validation, pages, conditional and idempotent requests, uploads, CORS, logs and metrics."""
