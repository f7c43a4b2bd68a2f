"""Sign-in through Yandex ID, VK ID, VK and Mail.ru."""
