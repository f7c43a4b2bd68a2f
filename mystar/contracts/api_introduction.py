"""The introduction of the OpenAPI document, and what its tags contain."""

from __future__ import annotations

from collections.abc import Mapping

INTRODUCTION = """\
One marketplace, five dialects. Each dialect is the API that a frontend was written for; all of them work on the same
accounts, services, orders and conversations.

**Which dialect?** For something new take `market` under `/api/v1/`: it has every feature. `greetings`, `messenger`,
`studio` and `identity` keep the addresses and shapes of clients that exist.

**Sign in.** `POST /api/auth/token/` with `username` (or e-mail or phone) and `password` answers `access` and `refresh`.
Send `Authorization: Bearer <access>`. When it expires, `POST /api/auth/token/refresh/` answers a new pair.

**Errors** have a stable `code`, a text in the language of `Accept-Language` (`ru`, `en`) and, for wrong input, `errors`
by field. A refused action says in `allowed_actions` what can be done instead. Every answer has `X-Request-ID`.

**Lists** of market are pages: `count`, `next`, `previous`, `results`; take `page` and `page_size` (up to 100). Bare
lists of older dialects have `X-Total-Count` and `Link`. A filter that is not known is named in `X-Ignored-Parameters`,
or refused with 422 and `Prefer: handling=strict`.

**Repeating a request** is safe with `Idempotency-Key`: the first answer is kept for a day and given again.

**Concurrent edits**: answers carry `ETag`; send it as `If-Match` and an outdated edit is refused with 412, or as
`If-None-Match` and an unchanged answer is 304 without a body.

**Limits**: 429 carries `Retry-After` in seconds, 503 too.

**Live**: chats and notifications come over WebSockets; see [their document](/api/docs/asyncapi.json).

Sums are rubles with two places, moments are ISO 8601 in UTC.
"""

#: In the order in which the page lists them.
TAGS: Mapping[str, str] = {
    "market: people": "Accounts, tokens, sessions, passwords and identities.",
    "market: creators": "Creators and their pages.",
    "market: skills": "Skills of creators.",
    "market: services": "The catalogue: services, options, categories, tags, search.",
    "market: orders": "Orders from placing to completion, payments and deliveries.",
    "market: reviews": "Reviews of completed orders.",
    "market: portfolio": "Portfolios of creators.",
    "market: earnings": "What creators earn: shares, balances, statements.",
    "market: payouts": "Paying out to creators.",
    "market: conversations": "Private conversations.",
    "market: availability": "How many orders a creator takes, and when.",
    "market: push": "Push messages to browsers.",
    "market: reports": "Reports about services, reviews, messages and people, for the staff.",
    "market: offers": "Custom offers of creators inside conversations.",
    "market: notifications": "Notifications and their settings.",
    "market: files": "Uploads.",
    "greetings: people": "Accounts of the greetings dialect.",
    "greetings: password": "Resetting a password.",
    "greetings: providers": "Sign-in through VK and Yandex.",
    "greetings: stars": "Stars, categories, likes and ratings.",
    "greetings: orders": "Orders of greetings.",
    "greetings: payments": "Paying, capturing and cancelling.",
    "greetings: messages": "Messages between customers and stars.",
    "greetings: uploads": "Avatars, videos and greetings.",
    "greetings: forms": "Messages to support.",
    "messenger: people": "Accounts of the messenger.",
    "messenger: private chats": "Private chats.",
    "messenger: gateway": "Checking tokens for other services.",
    "studio: people": "Accounts of the studio's clients.",
    "studio: profiles": "Their profiles.",
    "studio: orders": "Orders to the studio.",
    "identity: people": "Accounts of the identity dialect.",
    "identity: providers": "Sign-in through providers.",
    "files": "Public and signed files.",
    "staff": "The panel of the staff, for programs with a token.",
    "system": "Health, metrics and documents.",
}
