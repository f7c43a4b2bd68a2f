"""A double of YooKassa's API v3: payments, refunds, payouts, safe deals, receipts and notifications.

`records.py` says what is kept, `store.py` keeps it in a journal, `payments.py`, `payouts.py`, `deals.py` and
`receipts.py` hold the rules of each kind, `api.py` answers calls, `views.py` renders the provider's objects,
`controls.py` holds the controls that only a sandbox has, and `webhooks.py` delivers notifications.

Source of shapes and rules: YooKassa's public documentation (https://yookassa.ru/developers/api). Descriptions of
errors are the sandbox's own; their codes, statuses and `parameter` are the provider's.
"""
