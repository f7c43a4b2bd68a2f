"""Doubles of the sign-in providers: Yandex ID, VK ID, the older VK and Mail.ru."""
