"""Payments have no endpoints of their own in the house; here is only how handlers find the service."""

from __future__ import annotations

from aiohttp import web

from mystar.payments.service import PaymentService

PAYMENTS = web.AppKey("payments", PaymentService)
