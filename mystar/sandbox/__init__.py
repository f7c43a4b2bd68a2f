"""The third parties in one small process, for development and tests.

It speaks the real protocols: SMTP for the mail that the service sends, YooKassa's HTTP API v3 for payments and payouts
(yookassa/), and the OAuth of Yandex ID, VK ID, the older VK and Mail.ru, each with a page to choose an account
(oauth/). The service reaches it through configured addresses and cannot tell it from the real ones, except that here
failures can be ordered: `PUT /sandbox/faults` (faults.py).

What it knows about money is a journal on disk (journal.py), written before every answer; the state is read back from it
at the start. So the process may be killed at any moment, and a checker may trust the file.

Each double is a module with `add_to(app)` that registers its own routes and its lines on the front page; app.py lists
them. Nothing here imports a domain of the service, and the service imports nothing from here but the command that
starts it.
"""
