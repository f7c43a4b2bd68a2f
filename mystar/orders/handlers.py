"""Where the doors find the orders."""

from __future__ import annotations

from aiohttp import web

from mystar.orders.service import OrderService

ORDERS: web.AppKey[OrderService] = web.AppKey("orders", OrderService)
