-- expand
-- What the panel finds people by: any part of their names, e-mail and phone, in lower case, with е for ё.

create function person_words(username text, first_name text, last_name text, email text, phone text)
returns text language sql immutable parallel safe as $$
    select translate(
        lower(first_name || ' ' || last_name || ' ' || username || ' ' || coalesce(email, '') || ' ' || coalesce(phone, '')),
        'ё', 'е')
$$;
create function title_words(title text) returns text language sql immutable parallel safe as $$
    select translate(lower(title), 'ё', 'е')
$$;
