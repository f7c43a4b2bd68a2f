"""The loader of named queries."""

from __future__ import annotations

import pytest

from mystar.kit.postgres.queries import Queries, load


def test_queries_are_read_by_name_without_their_comments() -> None:
    queries = Queries(
        "words",
        """
-- The words of a language.

-- name: word_by_id
-- Why this one is here.
select word
from words  -- behind code a comment may stay
where id = %(id)s;

-- name: count_2
select count(*) from words
""",
    )
    assert dict(queries) == {
        "word_by_id": "select word\nfrom words  -- behind code a comment may stay\nwhere id = %(id)s",
        "count_2": "select count(*) from words",
    }
    assert queries.count_2 == "select count(*) from words"


def test_a_missing_query_is_named_with_its_file() -> None:
    with pytest.raises(AttributeError, match="words has no query 'word'"):
        _ = Queries("words", "-- name: a\nselect 1").word


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("-- name: a\nselect 1\n-- name: a\nselect 2", "words:3: a second query is called a"),
        ("-- name: a\n-- name: b\nselect 2", "the query a is empty"),
        ("select 1", "words:1: SQL before"),
        ("--name: a\nselect 1", "words:1: write"),
        ("-- Name: a\nselect 1", "words:1: write"),
        ("-- name a\nselect 1", "words:1: write"),
        ("-- name: A_b\nselect 1", "words:1: write"),
        ("-- name: a-b\nselect 1", "words:1: write"),
        (" -- name: a\nselect 1", "words:1: write"),
        ("- name: a\nselect 1", "words:1: write"),
        ("-- name: a\n-- plan: best\nselect 1", "words:2: a plan is one of"),
        ("-- name: a\n-- plan:generic\nselect 1", "words:2: write"),
        ("-- name: a b\nselect 1", "words:1: write"),
    ],
)
def test_a_file_that_could_be_misread_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        Queries("words", text)


def test_the_plan_of_a_query_is_text_unless_a_line_names_another() -> None:
    text = (
        "-- name: a\nselect 1;\n-- name: b\n-- plan: generic\nselect 2;\n"
        "-- name: c\n-- plan: custom, a reason\nselect 3;"
    )
    assert [(query.identifier, query.plan) for _, query in Queries("mystar.kit.web/queries.sql", text)] == [
        ("kit_web_a", "text"),
        ("kit_web_b", "generic"),
        ("kit_web_c", "custom"),
    ]


def test_queries_are_loaded_from_the_folder_of_the_package() -> None:
    assert all(text for _, text in load("mystar.kit.web"))
