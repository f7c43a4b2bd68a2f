"""Accounts, orders and conversations of the demo data. All are invented; example.com is reserved by RFC 2606."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

from mystar.demo.pictures import PortraitLook

#: Of every account except the studio's sample account.
PASSWORD = "mystar-demo"


@dataclass(frozen=True, slots=True)
class CategoryFixture:
    """``emblem`` is one of `pictures.EMBLEMS`, before a gradient from ``top`` to ``bottom``."""

    name: str
    emblem: str
    top: str
    bottom: str


@dataclass(frozen=True, slots=True)
class AccountFixture:
    """An account. ``name`` is both the shown name and the user name; ``mailbox`` stands before ``@example.com``."""

    mailbox: str
    name: str
    password: str = PASSWORD
    phone: str | None = None
    birth_date: date | None = None
    role: Literal["owner", "operator", "viewer"] | None = None

    @property
    def email(self) -> str:
        return f"{self.mailbox}@example.com"


@dataclass(frozen=True, slots=True)
class StarFixture:
    """``price`` and ``invitation_price`` in rubles. ``likes`` and ``votes`` are those of the first customers."""

    person: AccountFixture
    category: str
    profession: str
    description: str
    price: int
    days: int
    tags: tuple[str, ...]
    look: PortraitLook
    invitation_price: int | None = None
    is_top: bool = False
    likes: int = 0
    votes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """An order and the ``actions`` of `orders.state_machine` applied to it, in order, separated by spaces.

    It is for a greeting, or for the ``service`` with this title and the ``options`` with these names. ``by_sbp``: it is
    paid so, once the others have ended.
    """

    buyer: str
    star: str
    for_whom: str
    wish: str
    actions: str = ""
    occasion: Literal["video", "invitation"] = "video"
    service: str = ""
    options: tuple[str, ...] = ()
    by_sbp: bool = False


@dataclass(frozen=True, slots=True)
class ConversationFixture:
    """Messages of a customer and a star, alternating; the customer writes first."""

    customer: str
    star: str
    words: tuple[str, ...]


CATEGORIES = (
    CategoryFixture("Музыка", "note", "#ff9a8b", "#ff6a88"),
    CategoryFixture("Кино и театр", "film", "#43cea2", "#185a9d"),
    CategoryFixture("Спорт", "ball", "#f6d365", "#fda085"),
    CategoryFixture("Юмор", "smile", "#a18cd1", "#fbc2eb"),
    CategoryFixture("Блогеры", "heart", "#ff758c", "#ff7eb3"),
    CategoryFixture("Наука и космос", "planet", "#30cfd0", "#330867"),
)

OWNER = AccountFixture("owner", "Хозяйка витрины", role="owner")
#: The other staff accounts.
STAFF = (
    AccountFixture("operator", "Дежурная смена", role="operator"),
    AccountFixture("viewer", "Тихий наблюдатель", role="viewer"),
)
#: The sample account of docs/dialects/studio.md: D10 gives its phone a normal form, D11 would refuse its password.
STUDIO_SAMPLE = AccountFixture("studio", "Заказчик студии", "12345", phone="87077776655", birth_date=date(1990, 5, 17))
CUSTOMERS = (
    AccountFixture("anna", "Анна Первоцвет", phone="+79990000001", birth_date=date(1991, 3, 8)),
    AccountFixture("boris", "Борис Листопад", phone="+79990000002", birth_date=date(1985, 10, 2)),
    AccountFixture("vera", "Вера Капель", phone="+79990000003", birth_date=date(2001, 4, 12)),
)

STARS = (
    StarFixture(
        AccountFixture("lira", "Лира Метелица"),
        "Музыка",
        "Певица",
        "Спою для ваших близких под гитару или а капелла. Куплет с именем — бесплатно.",
        price=15_000,
        invitation_price=25_000,
        days=3,
        tags=("песня", "день рождения", "свадьба", "поп"),
        look=PortraitLook("#ff9a8b", "#ff6a88", "#f6d2b8", "#7a4526", "#3d5a80", "long"),
        is_top=True,
        likes=3,
        votes=(5, 5, 4),
    ),
    StarFixture(
        AccountFixture("samovar", "МС Самовар"),
        "Музыка",
        "Рэпер",
        "Рифмую имена, даты и даже отчества. Один дубль, ноль фонограммы.",
        price=9_000,
        days=2,
        tags=("рэп", "розыгрыш", "друзьям"),
        look=PortraitLook("#8ec5fc", "#e0c3fc", "#c98a5e", "#2b1d1a", "#e63946", "hat", beard=True),
        likes=1,
        votes=(4,),
    ),
    StarFixture(
        AccountFixture("zanaves", "Граф Занавес"),
        "Кино и театр",
        "Актёр",
        "Поздравлю голосом короля, пирата или вашего начальника.",
        price=20_000,
        invitation_price=40_000,
        days=5,
        tags=("театр", "юбилей", "стихи"),
        look=PortraitLook("#43cea2", "#185a9d", "#f0c8a0", "#444444", "#14213d", "parted", beard=True),
        is_top=True,
        likes=2,
        votes=(5, 4),
    ),
    StarFixture(
        AccountFixture("kinoproba", "Вера Кинопроба"),
        "Кино и театр",
        "Актриса",
        "Сыграю сцену, которую вы напишете сами. Слёзы радости — без доплаты.",
        price=18_000,
        days=4,
        tags=("кино", "день рождения", "маме"),
        look=PortraitLook("#fccb90", "#d57eeb", "#e8b48c", "#b33a2b", "#6d597a", "bob"),
        likes=2,
        votes=(5,),
    ),
    StarFixture(
        AccountFixture("shtanga", "Гоша Штанга"),
        "Спорт",
        "Тяжелоатлет",
        "Подниму настроение и штангу в вашу честь.",
        price=7_500,
        days=3,
        tags=("спорт", "мотивация", "коллегам"),
        look=PortraitLook("#f6d365", "#fda085", "#e8b48c", "#d9a441", "#2a9d8f", "short"),
        likes=1,
        votes=(4, 5),
    ),
    StarFixture(
        AccountFixture("tulup", "Ия Тройной-Тулуп"),
        "Спорт",
        "Фигуристка",
        "Напишу коньком на льду одно слово по вашему выбору.",
        price=12_000,
        invitation_price=30_000,
        days=7,
        tags=("спорт", "новый год", "детям"),
        look=PortraitLook("#a1c4fd", "#c2e9fb", "#f6d2b8", "#3b2a20", "#9d4edd", "bun"),
        likes=2,
        votes=(5, 5),
    ),
    StarFixture(
        AccountFixture("hohotushka", "Тётя Хохотушка"),
        "Юмор",
        "Комик",
        "Рассмешу тёщу, налогового инспектора и кота. Кота — не обещаю.",
        price=11_000,
        invitation_price=22_000,
        days=2,
        tags=("юмор", "розыгрыш", "юбилей"),
        look=PortraitLook("#a18cd1", "#fbc2eb", "#8d5a3b", "#2b1d1a", "#ffb703", "cloud"),
        is_top=True,
        likes=3,
        votes=(5, 4, 5),
    ),
    StarFixture(
        AccountFixture("kalambur", "Борис Каламбуров"),
        "Юмор",
        "Стендап-комик",
        "Каламбур о каждом имениннике, даже если его зовут просто Ян.",
        price=6_000,
        days=1,
        tags=("юмор", "коллегам", "день рождения"),
        look=PortraitLook("#fddb92", "#d1fdff", "#f0c8a0", "#7a4526", "#457b9d", "curls", glasses=True),
        votes=(3,),
    ),
    StarFixture(
        AccountFixture("podpiska", "Дуся Подписка"),
        "Блогеры",
        "Блогер",
        "Поздравлю на три миллиона подписчиков — или шёпотом, только для вас.",
        price=8_000,
        days=2,
        tags=("день рождения", "выпускной", "подруге"),
        look=PortraitLook("#ff758c", "#ff7eb3", "#e8b48c", "#ffd166", "#fefae0", "long", glasses=True),
        likes=1,
    ),
    StarFixture(
        AccountFixture("strimer", "Дед Стример"),
        "Блогеры",
        "Стример",
        "Поздравляю внуков и рейд-боссов с 1948 года.",
        price=5_000,
        days=3,
        tags=("игры", "детям", "юмор"),
        look=PortraitLook("#84fab0", "#8fd3f4", "#f6d2b8", "#c9c2bd", "#bc6c25", "parted", glasses=True, beard=True),
        likes=2,
        votes=(5,),
    ),
    StarFixture(
        AccountFixture("kefirov", "Профессор Кефиров"),
        "Наука и космос",
        "Популяризатор науки",
        "Объясню, почему именинник — редкое явление природы. С формулами.",
        price=10_000,
        days=4,
        tags=("наука", "учителю", "юбилей"),
        look=PortraitLook("#5ee7df", "#b490ca", "#c98a5e", "#444444", "#e9edc9", "spikes", glasses=True),
        likes=1,
        votes=(5, 4),
    ),
    StarFixture(
        AccountFixture("orbita", "Капитан Орбита"),
        "Наука и космос",
        "Испытательница ракет из картона",
        "Поздравлю из невесомости. Невесомость настоящая, ракета — из картона.",
        price=25_000,
        invitation_price=50_000,
        days=10,
        tags=("космос", "детям", "мотивация"),
        look=PortraitLook("#30cfd0", "#330867", "#8d5a3b", "#7a4526", "#f77f00", "bob"),
        is_top=True,
        likes=2,
        votes=(5,),
    ),
)

#: They cover every state of an order's work and of its money.
SCENARIOS = (
    Scenario("anna", "lira", "Для мамы", "Спойте ей «С днём рождения», её зовут Нина."),
    Scenario("boris", "lira", "Для жены", "Поздравьте с годовщиной и назовите её звездой.", "pay"),
    Scenario("vera", "lira", "Для подруги", "Пожелайте смелости перед первым концертом.", "pay money_held"),
    Scenario("anna", "samovar", "Для брата", "Зачитайте про его новый велосипед.", "pay money_failed"),
    Scenario("boris", "zanaves", "Для коллег", "Объявите премьеру нашего проекта.", "accept", "invitation"),
    Scenario("vera", "zanaves", "Для дедушки", "Прочтите его любимые стихи.", "accept pay money_held"),
    Scenario("anna", "zanaves", "Для папы", "Поздравьте голосом пирата.", "pay money_held accept money_captured"),
    Scenario(
        "anna",
        "hohotushka",
        "Для тёти",
        "Рассмешите её в день юбилея.",
        "pay money_held accept money_captured deliver",
    ),
    Scenario(
        "boris",
        "hohotushka",
        "Для соседа",
        "Помирите нас шуткой про перфоратор.",
        "pay money_held accept money_captured deliver approve",
    ),
    Scenario(
        "vera",
        "orbita",
        "Для сестры",
        "Пожелайте ей долететь до Марса.",
        "pay money_held accept money_captured deliver request_revision",
    ),
    Scenario(
        "boris",
        "orbita",
        "Для сына",
        "Поздравьте с первым местом на олимпиаде.",
        "pay money_held accept money_captured deliver dispute",
    ),
    Scenario("vera", "podpiska", "Для одноклассниц", "Передайте привет нашему выпуску.", "reject"),
    Scenario(
        "anna", "strimer", "Для племянника", "Пожелайте ему меньше играть.", "pay money_held reject money_released"
    ),
    Scenario("boris", "kefirov", "Для учителя", "Поблагодарите за физику.", "cancel"),
    Scenario(
        "vera",
        "tulup",
        "Для дочки",
        "Напишите на льду её имя: Яна.",
        "pay money_held accept money_captured cancel money_refunded",
    ),
    Scenario("anna", "zanaves", "", "Зачитайте меню нашей столовой.", service="Озвучка ролика"),
    Scenario(
        "vera",
        "lira",
        "",
        "Стихи про кота и форточку, пришлю в чат.",
        "pay money_held accept deliver",
        service="Песня на ваши стихи",
        options=("Второй голос",),
    ),
    Scenario(
        "boris",
        "zanaves",
        "",
        "Ролик о новой линии маршрутки.",
        "pay money_held accept deliver approve money_captured",
        service="Озвучка ролика",
        options=("Срочно, за сутки", "Английская версия"),
    ),
    Scenario(
        "vera",
        "hohotushka",
        "Для начальника",
        "Пожелайте ему отпуск подлиннее.",
        "pay money_held money_captured accept deliver approve",
        by_sbp=True,
    ),
    Scenario("anna", "tulup", "", "Логотип пекарни: крендель.", "accept deliver dispute", service="Логотип на льду"),
    Scenario(
        "vera", "tulup", "", "Логотип клуба моржей.", "pay money_held cancel money_released", service="Логотип на льду"
    ),
)

CONVERSATIONS = (
    ConversationFixture(
        "anna",
        "lira",
        (
            "Здравствуйте! Мама любит «Подмосковные вечера». Получится спеть куплет?",
            "Здравствуйте, Анна! Конечно. Под гитару или а капелла?",
            "Под гитару. И передайте, что мы её очень любим.",
            "Передам. Запишу до пятницы.",
        ),
    ),
    ConversationFixture("boris", "lira", ("Добрый вечер! Можно назвать жену звездой два раза?",)),
    ConversationFixture(
        "boris",
        "hohotushka",
        (
            "Сосед снова сверлит. Шутка про перфоратор ещё в силе?",
            "В силе! Как зовут соседа?",
            "Геннадий. Спасибо, теперь он сверлит и смеётся.",
        ),
    ),
    ConversationFixture("vera", "orbita", ("А до Марса далеко?", "На картонной ракете — два рулона скотча.")),
)

#: For the banner: a role, a login, a password.
LOGINS = (
    ("customer", CUSTOMERS[0].email, PASSWORD),
    ("star", STARS[0].person.email, PASSWORD),
    *((person.role or "", person.email, PASSWORD) for person in (OWNER, *STAFF)),
    ("studio", STUDIO_SAMPLE.phone or "", STUDIO_SAMPLE.password),
)
