-- expand
-- Services with options, who may see them, how many those are, and what a search looks into.

create extension if not exists pg_trgm;

alter table services
    -- Kopecks for changes to what was delivered; 0 = free of charge, null = there are none.
    add column modifications_price bigint,
    -- Hidden by the staff, whatever its creator says (`is_active` is the creator's own word).
    add column is_withheld boolean not null default false,
    -- A copy of accounts.is_active of the creator: lists need no join, and indexes can know it.
    add column is_seller_active boolean not null default true,
    -- Removed by its creator. The row stays, for orders name it and show what was bought.
    add column deleted_at timestamptz,
    -- Title (A), tags (B), description (C) and the creator's names (D), stemmed. Written by `put_words`.
    add column words tsvector not null default '',
    add constraint services_modifications_price_check check (modifications_price >= 0);

update services set is_seller_active = false
from creators join accounts on accounts.id = creators.account_id
where creators.id = services.creator_id and not accounts.is_active;

-- Whether anybody can see and buy it. A greeting is incomplete until it has a price and a category.
alter table services add column is_listed boolean not null generated always as (
    is_active and not is_withheld and is_seller_active and deleted_at is null
    and base_price is not null and category_id is not null
) stored;

drop index services_greetings_idx;
-- Each order of the catalogue, as a whole and inside a category; counting a range of prices needs no more.
create index services_newest_idx on services (created_at desc, id desc) where is_listed;
create index services_price_idx on services (base_price, id) where is_listed;
create index services_category_newest_idx on services (category_id, created_at desc, id desc) where is_listed;
create index services_category_price_idx on services (category_id, base_price, id) where is_listed;
create index creators_rating_idx on creators (rating desc, id desc);
create index creators_popular_idx on creators (completed_orders desc, id desc);
-- Without a list of what is pending, which every search would have to read.
create index services_words_idx on services using gin (words) with (fastupdate = off) where is_listed;

create table service_options (
    id bigint generated always as identity primary key,
    service_id bigint not null references services on delete cascade,
    name text not null,
    description text not null default '',
    -- Kopecks on top of the base price.
    price bigint not null,
    -- The place in the list, from 1.
    position integer not null,
    -- Taken from the list; orders that chose it name it still.
    retired_at timestamptz,
    constraint service_options_price_check check (price >= 0)
);
create index service_options_service_idx on service_options (service_id, position, id);

-- How many services of a kind are listed in a category: exact at every commit, and cheaper to read than to count.
create table listed_counts (
    category_id bigint not null references categories on delete cascade,
    kind text not null,
    listed bigint not null,
    constraint listed_counts_pkey primary key (category_id, kind)
);
insert into listed_counts
select category_id, kind, count(*) from services where is_listed group by category_id, kind;

create function count_listed() returns trigger language plpgsql as $$
begin
    -- In one order, so that two who move services between the same categories wait for each other and never both.
    if tg_op = 'INSERT' then
        insert into listed_counts as counts
        select category_id, kind, count(*) from added where is_listed group by category_id, kind order by category_id, kind
        on conflict (category_id, kind) do update set listed = counts.listed + excluded.listed;
    elsif tg_op = 'DELETE' then
        insert into listed_counts as counts
        select category_id, kind, -count(*) from removed where is_listed group by category_id, kind order by category_id, kind
        on conflict (category_id, kind) do update set listed = counts.listed + excluded.listed;
    else
        insert into listed_counts as counts
        select category_id, kind, sum(change) from (
            select category_id, kind, 1 as change from added where is_listed
            union all
            select category_id, kind, -1 from removed where is_listed
        ) changes
        group by category_id, kind having sum(change) <> 0 order by category_id, kind
        on conflict (category_id, kind) do update set listed = counts.listed + excluded.listed;
    end if;
    return null;
end
$$;
create trigger services_count_added after insert on services
    referencing new table as added for each statement execute function count_listed();
create trigger services_count_changed after update on services
    referencing old table as removed new table as added for each statement execute function count_listed();
create trigger services_count_removed after delete on services
    referencing old table as removed for each statement execute function count_listed();

-- What a service is found by. The texts come case-folded, so that nothing depends on the locale of the server. One
-- configuration knows both languages: it stems Latin words as English and the others as Russian.
create function service_words(title text, tags text, description text, people text) returns tsvector
immutable parallel safe language sql as $$
    select setweight(to_tsvector('russian', title), 'A') || setweight(to_tsvector('russian', tags), 'B')
        || setweight(to_tsvector('russian', description), 'C') || setweight(to_tsvector('russian', people), 'D')
$$;

-- Every word that was ever put into `services.words`, as it was written: what a misspelt one may have meant.
create table search_words (
    word text not null,
    constraint search_words_pkey primary key (word)
);
create index search_words_alike_idx on search_words using gin (word gin_trgm_ops) with (fastupdate = off);


-- Those that look most like the asked one. An ending and a slip together leave little in common, so little is enough:
-- whether it is a slip is decided by whoever asks.
create function words_alike(asked text, most integer) returns setof text
stable language sql set pg_trgm.similarity_threshold = 0.2 as $$
    select word from search_words where word % asked order by similarity(word, asked) desc, word limit most
$$;

-- What was there before. From now on the service folds the case itself.
create function pg_temp.fold(text text) returns text language sql as $$
    select translate(regexp_replace(lower(text), '[^[:alnum:]]+', ' ', 'g'), 'ё', 'е')
$$;
with texts as (
    select services.id, services.title, services.description,
        coalesce((
            select string_agg(tags.key, ' ') from service_tags join tags on tags.id = service_tags.tag_id
            where service_tags.service_id = services.id
        ), '') as tags,
        concat_ws(' ', accounts.username, accounts.first_name, accounts.last_name) as people
    from services
    join creators on creators.id = services.creator_id
    join accounts on accounts.id = creators.account_id
), folded as (
    select id, pg_temp.fold(title) as title, pg_temp.fold(tags) as tags, pg_temp.fold(description) as description,
        pg_temp.fold(people) as people
    from texts
), written as (
    update services set words = service_words(folded.title, folded.tags, folded.description, folded.people)
    from folded where folded.id = services.id
)
insert into search_words
select distinct word
from folded, regexp_split_to_table(concat_ws(' ', title, tags, description, people), ' ') as word
where char_length(word) between 3 and 40 and word ~ '[^0-9]';
