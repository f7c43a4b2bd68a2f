"""What is taken for contacts in a message, and what is not."""

from __future__ import annotations

import time

import pytest

from mystar.chat.contact_details import contacts_in

OWN = ("mystar.example", "127.0.0.1")
CONTACTS = {
    "phone": (
        "+7 916 123-45-67",
        "89161234567",
        "8(916)123 45 67",
        "8-9-1-6-1-2-3-4-5-6-7",
        "8 9 1 6 1 2 3 4 5 6 7",
        "восемь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь",
        "восемь девять один шесть один два три четыре пять шесть семь",
        "восемьдевятьодиншестьодиндватричетырепятьшестьсемь",
        "\uff18\uff19\uff11\uff16\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
        "8\ufe0f\u20e39\ufe0f\u20e31\ufe0f\u20e36\ufe0f\u20e31\ufe0f\u20e32\ufe0f\u20e33\ufe0f\u20e34\ufe0f\u20e35\ufe0f\u20e36\ufe0f\u20e37\ufe0f\u20e3",
        "звони плюс семь 916 123 45 67",
        "89I6l2345б7",
        "8х916х123х45х67",
        "9161234567",
        "тел. 916.123.45.67",
        "+380 50 123 45 67",
        "+1 (202) 555-0143",
        "8_916_123_45_67",
        "8 девятьсот 16 123 45 67",
        "8a916b123c45d67",
    ),
    "email": (
        "ivan@mail.ru",
        "ivan @ mail . ru",
        "ivan собака mail точка ru",
        "ivan (at) gmail (dot) com",
        "иван собака яндекс точка ру",
        "ivan at gmail dot com",
        "i v a n @ g m a i l . c o m",
        "ivan@gmail",
        "ivan собака gmail",
        "почта@пример.рф",
        "ivan[собака]mail.ru",
    ),
    "link": (
        "https://evil.example/x",
        "http://mystar.example@evil.ru/",
        "www.site.ru",
        "site.ru",
        "site . ru",
        "site точка ru",
        "сайт точка ру",
        "t.me/ivan",
        "vk.com/id1",
        "instagram.com/x",
        "t . me / ivan",
        "сaйт.рф",
        "hxxp://site.com",
        "wa.me/79161234567",
        "\uff53\uff49\uff54\uff45.\uff43\uff4f\uff4d",
    ),
    "messenger": (
        "пиши в телеграм",
        "Telegram",
        "тг",
        "в телегу",
        "whatsapp",
        "ватсап",
        "вацап",
        "вотсапп",
        "вайбер",
        "Viber",
        "т е л е г р а м",
        "т.е.л.е.г.р.а.м",
        "tелегpам",
        "t3legram",
        "телегр@м",
        "wh@tsapp",
        "w h a t s a p p",
        "whats app",
        "ватс апп",
        "тeлeгрaм",
        "\u0442\u200b\u0435\u043b\u0435\u0433\u0440\u0430\u043c",
        "discord",
        "в скайпе",
        "\u0442\u0435\u043b\u0435\u0301\u0433\u0440\u0430\u043c",
        "тегелрам тг",
    ),
    "handle": (
        "@ivan_petrov",
        "мой ник ivan_petrov",
        "собака ivan_petrov",
        "@ ivanpetrov",
        "\uff20ivan_petrov",
    ),
}
INNOCENT = (
    "Цена 15 000 ₽, с доработками 20 000 ₽",
    "15000 рублей до 29.11.2026",
    "29.11.2026 18:30",
    "с 8.12.2026 10:30 до 9.12.2026 12:00",
    "заказ №12345678",
    "Order no. 123456789",
    "1920x1080, 60 fps",
    "900x1200x900 мм",
    "формат 100×200×50 см",
    "1 000 000 000 ₽",
    "Пин 1234, потом 5678",
    "два видео по три минуты, пять человек",
    "три, четыре, пять — вышел зайчик",
    "Поздравьте собаку Рекса, ему 9 лет",
    "Наша собака Рекс. Рады будем",
    "точка",
    "всё готово. Ура",
    "т. е. и т. д. и т. п.",
    "Пришлите файл video.mp4 и photo.jpg",
    "v1.2.3",
    "https://mystar.example/orders/5/",
    "смотрите на www.mystar.example/stars/",
    "http://127.0.0.1:8080/orders/12/",
    "ему исполнится 35, ей 33, сыну 7, дочке 12",
    "родился 12.03.1985, женился 05.06.2010",
    "Сколько стоит 10 роликов по 15 секунд? 10*15",
    "Let's meet at home. See you there",
    "10:30-12:45, 14:00-15:30",
    "Дочери Алине 7 лет, сыну Максиму 10, бабушке 85",
    "за 3 дня, 5 дней или 10 дней",
    "1, 2, 3, 4, 5, 6, 7, 8, 9, 10",
    "1 2 3 4 5 6 7 8 9 10 11 12",
    "номер заказа 2026112901",
    "100500",
    "8 марта 2026 года в 18:00",
    "9 мая 1945",
    "тираж 9 000 000 000 экз",
    "2 500 + 3 500 = 6 000",
    "вес 80 кг, рост 180 см",
    "2026-11-29T19:37:31",
    "Я в восторге, сто раз спасибо!",
    "Спасибо, Thanks.me too",
    "раз, два, три",
    "для Инстаграма",
    "артикул 89123456",
    "4276 3800 1234 5678 9",
    "г. Москва, ул. Ленина, д. 5, кв. 12, 101000",
    "0,5 л",
    "16:9",
    "f/2.8 1/250 ISO 400",
    "один два три четыре пять",
    "Максу 30 лет",
    "MacBook Pro 2021",
    "тираж: 100 шт. по 1500 руб., 200 шт. по 1400 руб., 300 шт. по 1300 руб.",
    "15000/20000/25000",
    "15000, 20000, 25000",
    "15 000, 20 000, 25 000",
    "9 000, 12 000",
    "8 900 ₽, 9 500 ₽",
    "8 900, 9 500, 10 000",
    "8900 9500 10000",
)


@pytest.mark.parametrize("kind", CONTACTS)
def test_contacts_are_found_however_they_are_written(kind: str) -> None:
    missed = [text for text in CONTACTS[kind] if not contacts_in(text, OWN)]
    assert not missed
    assert kind in contacts_in(CONTACTS[kind][0], OWN)


def test_prices_dates_numbers_and_sizes_are_no_contacts() -> None:
    taken = {text: found for text in INNOCENT if (found := contacts_in(text, OWN))}
    assert not taken


def test_a_phone_in_several_messages_is_one() -> None:
    assert contacts_in("4567", OWN, ["123", "916", "8"]) == ["phone"]
    assert contacts_in("шесть семь", OWN, ["4 5", "сто двадцать три", "девятьсот шестнадцать", "+7"]) == ["phone"]
    assert contacts_in("4567", OWN, ["123", "а ещё", "916", "8"]) == []
    assert contacts_in("1500", OWN, ["2000"]) == []


def test_a_long_text_takes_no_longer_than_its_length() -> None:
    """Seconds of the processor, of texts that patterns without bounds would take minutes for."""
    pieces = (
        "a.",
        "@",
        "а ",
        "восемь",
        "1a",
        "a@",
        "собака ",
        ". ",
        "x@x.",
        "a",
        "http://",
        "1x",
        "+1",
        "(at)",
        " ",
        "9",
    )
    before = time.process_time()
    for piece in pieces:
        contacts_in(piece * (10_000 // len(piece)), OWN)
    assert time.process_time() - before < 5


def test_the_last_word_does_not_make_a_pattern_begin_again_and_again() -> None:
    """Seconds of the processor, of texts ten times as long as a message. Without bounds most take ten and more."""
    length = 40_000
    for piece, end in (("111.", ""), ("a ", "bb"), ("заказ", "@"), ("m", "@"), ("п", "@"), ("\ufdfa", "")):
        begin = {"m": "telegra", "п": "ватса"}.get(piece, "")
        before = time.process_time()
        contacts_in(begin + piece * (length // len(piece)) + end, OWN)
        assert time.process_time() - before < 3, piece


def test_letters_set_apart_are_found_before_a_word() -> None:
    assert contacts_in("т е л е г р а м anna", OWN) == ["messenger"]
    assert contacts_in("пишите w h a t s a p p пожалуйста", OWN) == ["messenger"]
