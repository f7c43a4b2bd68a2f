"""What the application keeps of orders: ``app[KEY]``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from mystar.orders.capacity.service import CapacityService
    from mystar.orders.reads import OrderReads
    from mystar.orders.service import OrderService
    from mystar.orders.studio.service import StudioOrders

CAPACITY: web.AppKey[CapacityService] = web.AppKey("capacity")
ORDERS: web.AppKey[OrderService] = web.AppKey("orders")
ORDER_READS: web.AppKey[OrderReads] = web.AppKey("order_book")
STUDIO_ORDERS: web.AppKey[StudioOrders] = web.AppKey("studio")
