"""What is asked for, of the service and of the bare handlers alike."""

from __future__ import annotations

from urllib.parse import quote

LIST, ORDER = "/api/star/getlist/", "/api/order/cust/detail/"
CATALOGUE = "/api/v1/services/"
#: Found often enough that no slip is looked for: the bare handlers know of none.
WORDS = "песня"
SEARCH = f"{CATALOGUE}?search={quote(WORDS)}"
RARE = f"{CATALOGUE}?search={quote('портрет для музея')}"
MISSPELT = f"{CATALOGUE}?search={quote('патрет для музия')}"
#: Wide enough to fill a page with few services, too: a short one is quicker to write, which is not the question.
FILTERED = f"{CATALOGUE}?category=1&min_price=2000&max_price=15000"
CHEAP = f"{CATALOGUE}?ordering=price"
