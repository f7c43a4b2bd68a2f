"""What is asked for, of the service and of the bare handlers alike."""

from __future__ import annotations

from urllib.parse import quote

LIST, ORDER = "/api/star/getlist/", "/api/order/cust/detail/"
CATALOGUE = "/api/v1/services/"
WORDS = "портрет для музея"
SEARCH = f"{CATALOGUE}?search={quote(WORDS)}"
MISSPELT = f"{CATALOGUE}?search={quote('патрет для музия')}"
FILTERED = f"{CATALOGUE}?category=1&min_price=2000&max_price=3000"
CHEAP = f"{CATALOGUE}?ordering=price"
