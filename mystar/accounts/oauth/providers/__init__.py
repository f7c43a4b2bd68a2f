"""Yandex ID, VK ID, the older VK and Mail.ru: each speaks its own OAuth, all answer with one neutral record.

`base` holds the record and the manners of every call; a module per provider says where that provider differs. The facts
about addresses, parameters and answers are those of the providers' own documentation.
"""
