-- Queries of the demo data, then the statements of the bulk data.

-- name: demo_is_loaded
-- Whether nothing is left to load: the last order exists, or the database has accounts that the demo did not create.
select exists (select from orders where kind = 'studio' and title = %(last)s)
    or (exists (select from accounts) and not exists (select from accounts where email_key = %(first)s));

-- name: has_adjustment
select exists (select from earning_entries where creator_id = %(creator_id)s and kind = 'adjustment');

-- name: has_payout
select exists (select from payouts where creator_id = %(creator_id)s);

-- name: end_clearance
-- Of the creator's first order that is done.
update earnings set clears_at = %(now)s where order_id = (
    select min(order_id) from earnings
    where creator_id = %(creator_id)s and pending > 0 and completed_at is not null);

-- name: end_cooldown
update payout_details set usable_at = created_at where creator_id = %(creator_id)s and replaced_at is null;

-- name: person
select id from accounts where email_key = %(email)s;

-- name: studio_titles
select title from orders where kind = 'studio' order by id limit 100;

-- Bulk data for measurements. Every "setup" statement prepares the session; then every "batch" statement runs, in this order, in
-- one transaction for creators %(first)s to %(last)s, their customers and orders. Everything is drawn from the number
-- of its row, so the same numbers make the same data in every database.

-- name: setup_chance
-- A number from 0 to 1 (exclusive) that looks random; every use has its own salt.
create function pg_temp.chance(n bigint, salt integer) returns double precision immutable parallel safe language sql as
$$ select ('x' || left(md5(n || ':' || salt), 8))::bit(32)::bigint / 4294967296::double precision $$;

-- name: setup_pick
create function pg_temp.pick(words text[], n bigint, salt integer) returns text immutable parallel safe language sql as
$$ select words[1 + floor(pg_temp.chance(n, salt) * cardinality(words))::integer] $$;

-- name: setup_fold
-- As the catalogue normalizes the texts of its search index.
create function pg_temp.fold(text text) returns text immutable parallel safe language sql as
$$ select translate(regexp_replace(lower(text), '[^[:alnum:]]+', ' ', 'g'), 'ё', 'е') $$;

-- name: next_number
select coalesce(max(split_part(username_key, '-', 3)::bigint), 0) + 1 from accounts
where username_key ~ '^scale-star-[0-9]{1,9}$';

-- name: setup_outcomes
-- Histories of orders of a kind: random numbers from `floor` to `ceiling` select one, with its number of steps and its
-- final state. `term`: days from the last step to the deadline; null: there is none.
create temp table scale_outcomes as
select * from jsonb_to_recordset(%(outcomes)s) as outcomes (
    outcome integer, kind text, floor double precision, ceiling double precision, status text, money text, money_goal text,
    steps integer, term integer);

-- name: setup_steps
create temp table scale_steps as
select * from jsonb_to_recordset(%(steps)s) as steps (
    outcome integer, step integer, action text, actor_role text,
    from_status text, to_status text, from_money text, to_money text);

-- name: batch_draw_people
create temp table scale_people on commit drop as
select nextval(pg_get_serial_sequence('accounts', 'id')) as id, is_creator, n,
    case when is_creator then 'scale-star-' else 'scale-person-' end || n as name,
    now() - interval '1 day' * (400 + 300 * pg_temp.chance(n, 1)) as since
from (
    select true as is_creator, generate_series(%(first)s::bigint, %(last)s::bigint) as n
    union all
    select false, generate_series(2 * %(first)s::bigint - 1, 2 * %(last)s::bigint)
) numbers;

-- name: batch_accounts
insert into accounts (
    id, username, username_key, email, email_key, password_hash, first_name, last_name, birth_date,
    email_verified_at, created_at, updated_at)
overriding system value
select id, name, name, name || '@example.com', name || '@example.com', %(password_hash)s,
    pg_temp.pick(%(first_names)s, n, 2), pg_temp.pick(%(last_names)s, n, 3),
    date '1960-01-01' + floor(pg_temp.chance(n, 4) * 16000)::integer, since, since, since
from scale_people;

-- name: batch_creators
insert into creators (account_id, profession, description, is_top, created_at, updated_at)
select id, pg_temp.pick(%(professions)s, n, 5), pg_temp.pick(%(descriptions)s, n, 6),
    pg_temp.chance(n, 7) < 0.005, since, since
from scale_people where is_creator order by n;

-- name: batch_categories
insert into categories (name, position)
select name, position from unnest(%(categories)s) with ordinality as wanted(name, position)
on conflict do nothing;

-- name: batch_tags
insert into tags (name, key) select name, lower(name) from unnest(%(tags)s) as wanted(name) on conflict do nothing;

-- name: batch_draw_services
-- A greeting and three services each. Their tags and texts are drawn first, so that the rows are inserted with their
-- search texts.
create temp table scale_services on commit drop as
select nextval(pg_get_serial_sequence('services', 'id')) as id, drawn.*,
    array(
        select distinct tag
        from generate_series(1, 3) as draw, pg_temp.pick(%(tags)s, drawn.s, 15 + draw) as tag order by tag
    ) as tags
from (
    select people.n, 4 * people.n + place as s, place, creators.id as creator_id, categories.id as category_id, since,
        case place when 0 then 'greeting' else 'service' end as kind,
        case place when 0 then %(greeting)s
            else pg_temp.pick(%(services)s, 4 * people.n + place, 12) || ' '
                || pg_temp.pick(%(purposes)s, 4 * people.n + place, 19)
        end as title,
        case place when 0 then '' else pg_temp.pick(%(offers)s, 4 * people.n + place, 13) end as description,
        case place
            -- Cheap ones are more common: from 500 to 50 500 rubles.
            when 0 then 50000 + 10000 * floor(500 * power(pg_temp.chance(people.n, 9), 3))::bigint
            else 100000 + 10000 * floor(900 * pg_temp.chance(4 * people.n + place, 14))::bigint
        end as price,
        accounts.username || ' ' || accounts.first_name || ' ' || accounts.last_name as people
    from scale_people people
    join accounts using (id)
    join creators on creators.account_id = people.id
    cross join generate_series(0, 3) as place
    join categories on categories.name =
        pg_temp.pick(%(categories)s, case place when 0 then people.n else 4 * people.n + place end, 8)
    where is_creator order by s
) drawn;

-- name: batch_services
insert into services (
    id, creator_id, kind, category_id, title, description, base_price, invitation_price, modifications_price,
    delivery_days, words, created_at, updated_at)
overriding system value
select id, creator_id, kind, category_id, title, description, price,
    case when kind = 'greeting' and pg_temp.chance(n, 10) < 0.5 then price * 2 end,
    case when kind = 'service' and pg_temp.chance(s, 20) < 0.5 then price * 11 / 10 end,
    1 + floor(pg_temp.chance(s, 11) * 14)::integer,
    service_words(
        pg_temp.fold(title), pg_temp.fold(array_to_string(tags, ' ')), pg_temp.fold(description), pg_temp.fold(people)),
    at, at
from scale_services cross join lateral (select since + place * interval '1 day' * pg_temp.chance(s, 21) as at) moments
order by id;

-- name: batch_search_words
insert into search_words
select distinct word
from scale_services, regexp_split_to_table(
    pg_temp.fold(concat_ws(' ', title, array_to_string(tags, ' '), description, people)), ' ') as word
where char_length(word) between 3 and 40 and word ~ '[^0-9]'
order by word
on conflict do nothing;

-- name: batch_options
insert into service_options (service_id, name, description, price, position)
select id, name, '', price / (4 + position), position
from scale_services cross join unnest(%(options)s) with ordinality as options (name, position)
where kind = 'service' and position <= floor(4 * pg_temp.chance(s, 22))
order by id, position;

-- name: batch_draw_stars
create temp table scale_stars on commit drop as
select n, scale_people.id as account_id, creators.id as creator_id, services.id as service_id, base_price
from scale_people
join creators on creators.account_id = scale_people.id
join services on services.creator_id = creators.id and kind = 'greeting'
where is_creator;

-- name: batch_service_tags
insert into service_tags (service_id, tag_id)
select scale_services.id, tags.id
from scale_services cross join unnest(scale_services.tags) as tag join tags on tags.key = lower(tag);

-- name: batch_skills
insert into skills (name, key, words)
select name, lower(name), lower(name) from unnest(%(skills)s) as wanted(name) on conflict do nothing;

-- name: batch_creator_skills
insert into creator_skills (creator_id, skill_id, level)
select creator_id, skills.id, 1 + floor(5 * pg_temp.chance(n, 100 + draw))::smallint
from scale_stars
cross join generate_series(1, 3) as draw
join skills on skills.key = lower(pg_temp.pick(%(skills)s, n, 90 + draw))
order by creator_id, draw
on conflict do nothing;

-- name: batch_works
insert into portfolio_items (creator_id, title, description, created_at, updated_at)
select creator_id, pg_temp.pick(%(works)s, n, 110 + draw), pg_temp.pick(%(descriptions)s, n, 120 + draw), at, at
from scale_stars
cross join generate_series(1, 2) as draw
cross join lateral (select now() - interval '1 day' * 300 * pg_temp.chance(n, 130 + draw) as at) moments
order by creator_id, draw;

-- name: batch_draw_opinions
-- Four draws for every customer: two likes, of which one is a favourite as well, and two votes, mostly good. A few
-- stars get many of them, since squares of random numbers are dense near zero.
create temp table scale_opinions on commit drop as
select draw, people.id as account_id, stars.creator_id, since + interval '1 day' * 300 * pg_temp.chance(people.n, 30) as at,
    5 - floor(5 * power(pg_temp.chance(people.n, 40 + draw), 3))::smallint as rating
from scale_people people
cross join generate_series(1, 4) as draw
join scale_stars stars on stars.n = %(first)s
    + floor(power(pg_temp.chance(people.n, 20 + draw), 2) * (%(last)s - %(first)s + 1))::bigint
where not is_creator;

-- name: batch_likes
insert into creator_likes (creator_id, account_id, created_at)
select creator_id, account_id, at from scale_opinions where draw in (1, 2) on conflict do nothing;

-- name: batch_favourites
insert into creator_favourites (creator_id, account_id, created_at)
select creator_id, account_id, at from scale_opinions where draw = 1;

-- name: batch_votes
insert into creator_votes (creator_id, account_id, rating, created_at)
select creator_id, account_id, rating, at from scale_opinions where draw in (3, 4) on conflict do nothing;

-- name: batch_draw_orders
-- Ids grow with time. Steps follow each other every `pace`; the last one is in the past, and recent if the order is
-- still open. Two in five are of services, with some of their options.
create temp table scale_orders on commit drop as
select nextval(pg_get_serial_sequence('orders', 'id')) as id,
    case when money <> 'none' then nextval(pg_get_serial_sequence('payments', 'id')) end as payment_id, *
from (
    select draws.n, draws.kind, outcome, status, money, money_goal, pace, term, moments.placed_at, buyers.id as buyer_id,
        stars.account_id, stars.creator_id, services.id as service_id, services.price,
        services.price + coalesce(chosen.sum, 0) as total_price, coalesce(chosen.options, '[]') as options
    from (
        select n, pg_temp.chance(n, 50) as luck, interval '1 hour' * (1 + 20 * pg_temp.chance(n, 51)) as pace,
            case when pg_temp.chance(n, 55) < 0.4 then 'service' else 'greeting' end as kind,
            1 + floor(3 * pg_temp.chance(n, 56))::integer as place,
            %(first)s + floor(power(pg_temp.chance(n, 53), 2) * (%(last)s - %(first)s + 1))::bigint as star,
            2 * %(first)s - 1 + floor(pg_temp.chance(n, 54) * 2 * (%(last)s - %(first)s + 1))::bigint as buyer
        from generate_series(5 * %(first)s::bigint - 4, 5 * %(last)s::bigint) as n
    ) draws
    join scale_stars stars on stars.n = star
    join scale_people buyers on buyers.n = buyer and not buyers.is_creator
    join scale_outcomes outcomes on outcomes.kind = draws.kind and luck >= floor and luck < ceiling
    join scale_services services on services.n = stars.n
        and services.place = case draws.kind when 'greeting' then 0 else draws.place end
    cross join lateral (
        select now() - case
            when term is null then interval '1 day' * (8 + 380 * pg_temp.chance(draws.n, 52))
            else steps * pace + interval '1 day' * 2 * pg_temp.chance(draws.n, 52)
        end as placed_at
    ) moments
    left join lateral (
        select sum(price)::bigint as sum, jsonb_agg(
            jsonb_build_object('id', id, 'name', name, 'description', description, 'price', price) order by position
        ) as options
        from service_options
        where service_id = services.id and pg_temp.chance(4 * draws.n + position, 57) < 0.4
    ) chosen on true
    order by placed_at
) drawn;

-- name: batch_history
create temp table scale_history on commit drop as
select orders.id as order_id, step, action, actor_role, from_status, to_status, from_money, to_money, payment_id,
    total_price as price, case actor_role when 'buyer' then buyer_id when 'creator' then account_id end as actor_id,
    placed_at + step * pace as at
from scale_orders orders join scale_steps using (outcome);

-- name: batch_moments
create temp table scale_moments on commit drop as
select order_id as id,
    min(at) as placed_at,
    min(at) filter (where to_status = 'accepted') as accepted_at,
    min(at) filter (where to_money = 'pending') as payment_at,
    min(at) filter (where to_money = 'held') as held_at,
    min(at) filter (where to_status = 'delivered') as delivered_at,
    min(at) filter (where to_status = 'completed') as completed_at,
    min(at) filter (where to_status in ('rejected', 'cancelled')) as cancelled_at,
    min(at) filter (where action = 'review') as reviewed_at,
    max(at) filter (where actor_role = 'system') as settled_at,
    max(at) as updated_at
from scale_history group by order_id;

-- name: batch_orders
insert into orders (
    id, kind, service_id, creator_id, buyer_id, status, money, money_goal, price, total_price, options, refunded,
    for_whom, wish, by_date, by_time, cancellation_reason, deadline_at, accepted_at, paid_at, delivered_at, completed_at,
    cancelled_at, reviewed_at, created_at, updated_at)
overriding system value
select id, kind, service_id, creator_id, buyer_id, status, money, money_goal, price, total_price, options,
    case when money = 'refunded' then total_price else 0 end,
    case kind when 'greeting' then pg_temp.pick(%(for_whom)s, n, 60) else '' end, pg_temp.pick(%(wishes)s, n, 61),
    (moments.placed_at + interval '14 days')::date, '23:59', case when status in ('rejected', 'cancelled') then '' end,
    updated_at + term * interval '1 day', accepted_at, held_at, delivered_at, completed_at, cancelled_at, reviewed_at,
    moments.placed_at, updated_at
from scale_orders join scale_moments moments using (id) order by id;

-- name: batch_events
insert into order_events (
    order_id, actor_id, actor_role, action, from_status, to_status, from_money, to_money, details, created_at)
select order_id, actor_id, actor_role, action, from_status, to_status, from_money, to_money,
    case when action = 'place' then jsonb_build_object('price', price)
        when action = 'deliver' then '{"delivery": 1}'
        when actor_role = 'system' then jsonb_build_object('payment', payment_id)
        else '{}' end,
    at
from scale_history order by order_id, step;

-- name: batch_deliveries
insert into deliveries (order_id, number, message, created_by, created_at)
select order_id, 1, %(delivered)s, actor_id, at from scale_history where action = 'deliver' order by order_id;

-- name: batch_reviews
-- Most are good, and every second one has a reply.
insert into reviews (
    order_id, creator_id, service_id, author_id, rating, words, reply, replied_at, created_at, updated_at)
select orders.id, creator_id, service_id, buyer_id, 5 - floor(5 * power(pg_temp.chance(n, 80), 3))::smallint,
    pg_temp.pick(%(praise)s, n, 81), case when answered then pg_temp.pick(%(thanks)s, n, 83) end,
    case when answered then at + interval '1 hour' end, at, case when answered then at + interval '1 hour' else at end
from scale_orders orders
join scale_history on order_id = orders.id and action = 'review'
cross join lateral (select pg_temp.chance(n, 82) < 0.5 as answered) luck
order by orders.id;

-- name: batch_payments
-- All are settled and none has an id at the provider, so that neither the poller nor a reconciliation asks for them.
insert into payments (
    id, order_id, payer_id, amount, description, return_url, status, goal, captured, refunded, method, held_at,
    settled_at, created_at, updated_at)
overriding system value
select payment_id, id, buyer_id, total_price, 'Заказ №' || id, '', money, money_goal,
    case when money in ('captured', 'refunded') then total_price else 0 end,
    case when money = 'refunded' then total_price else 0 end,
    'bank_card', held_at, settled_at, payment_at, settled_at
from scale_orders join scale_moments using (id) where payment_id is not null order by payment_id;

-- name: batch_ledger
insert into ledger_entries (move_id, payment_id, account, amount, currency, reason, created_at)
select md5(payment_id || ':' || reason)::uuid, payment_id, account, price * sign, 'RUB', reason, at
from scale_history
join (values
    ('money_held', 'hold', 'payer', 'held'),
    ('money_captured', 'capture', 'held', 'creator'),
    ('money_released', 'release', 'held', 'payer'),
    ('money_refunded', 'refund', 'creator', 'payer')
) as moves (action, reason, source, target) using (action)
cross join lateral (values (source, -1), (target, 1)) as entries (account, sign)
order by payment_id, step, sign;

-- name: batch_draw_earnings
-- A fifth is the platform's; the rest clears two weeks after the completion.
create temp table scale_earnings on commit drop as
select orders.id as order_id, account_id, total_price, moments.placed_at, completed_at, updated_at, captured_at, returned_at,
    sums.captured, sums.commission, sums.captured - sums.commission as share, status = 'disputed' as is_disputed,
    completed_at + interval '14 days' as clears_at,
    coalesce(sums.captured > 0 and returned_at is null and completed_at + interval '14 days' <= now(), false)
        as is_cleared
from scale_orders orders join scale_moments moments using (id)
left join (
    select order_id, min(at) filter (where action = 'money_captured') as captured_at,
        min(at) filter (where action = 'money_refunded') as returned_at
    from scale_history group by order_id
) as moved on moved.order_id = orders.id
cross join lateral (
    select case when captured_at is not null then total_price else 0 end as captured,
        case when captured_at is not null then (2 * total_price * 2000 + 10000) / 20000 else 0 end as commission
) as sums
where creator_id is not null;

-- name: batch_earnings
insert into earnings (
    order_id, creator_id, percent_bp, price, captured, commission, refunded, pending, captured_at, completed_at,
    clears_at, cleared_at, is_disputed, paused_at, created_at, updated_at)
select order_id, account_id, 2000, total_price, captured, commission,
    case when returned_at is not null then captured else 0 end,
    case when returned_at is null and not is_cleared then share else 0 end, captured_at, completed_at,
    clears_at, case when is_cleared then clears_at end, is_disputed, case when is_disputed then updated_at end,
    placed_at, updated_at
from scale_earnings order by order_id;

-- name: batch_earning_entries
insert into earning_entries (move_id, kind, account, amount, creator_id, order_id, created_at)
select md5(order_id || ':earning:' || kind)::uuid, kind, account, amount,
    case when account in ('pending', 'available') then account_id end, order_id, at
from scale_earnings
cross join lateral (values
    ('capture', 'buyers', -captured, captured_at),
    ('capture', 'pending', share, captured_at),
    ('capture', 'platform', commission, captured_at),
    ('refund', 'buyers', captured, returned_at),
    ('refund', 'pending', -share, returned_at),
    ('refund', 'platform', -commission, returned_at),
    ('clearance', 'pending', -share, case when is_cleared then clears_at end),
    ('clearance', 'available', share, case when is_cleared then clears_at end)
) as sides (kind, account, amount, at)
where at is not null and amount <> 0
order by order_id, at;

-- name: batch_balances
insert into creator_balances (creator_id, pending, available, updated_at)
select account_id,
    coalesce(sum(share) filter (where captured > 0 and returned_at is null and not is_cleared), 0),
    coalesce(sum(share) filter (where is_cleared), 0), now()
from scale_earnings group by account_id
on conflict (creator_id) do update set
    pending = creator_balances.pending + excluded.pending,
    available = creator_balances.available + excluded.available, updated_at = excluded.updated_at;

-- name: batch_counters
update creators set
    likes_count = coalesce(likes.count, 0),
    rating_sum = coalesce(opinions.sum, 0),
    rating_count = coalesce(opinions.count, 0),
    completed_orders = coalesce(completed.count, 0)
from scale_stars
left join (
    select creator_id, count(*) from scale_stars join creator_likes using (creator_id) group by creator_id
) likes using (creator_id)
left join (
    select creator_id, count(*), sum(rating) from (
        select creator_id, rating from scale_stars join creator_votes using (creator_id)
        union all
        select creator_id, reviews.rating from scale_stars join reviews using (creator_id)
    ) ratings group by creator_id
) opinions using (creator_id)
left join (
    select creator_id, count(*) from scale_orders where status = 'completed' group by creator_id
) completed using (creator_id)
where creators.id = scale_stars.creator_id;

-- name: batch_draw_conversations
-- All is read, but for the last message of every third conversation; `silent` is the party that did not send it.
create temp table scale_conversations on commit drop as
select nextval(pg_get_serial_sequence('conversations', 'id')) as id, *,
    least(buyer_id, account_id) as low_id, greatest(buyer_id, account_id) as high_id,
    case when messages %% 2 = 1 then account_id else buyer_id end as silent_id,
    (pg_temp.chance(n, 72) < 0.33)::integer as waiting
from (
    select distinct on (buyer_id, account_id)
        n, buyer_id, account_id, placed_at, 2 + floor(5 * pg_temp.chance(n, 70))::integer as messages
    from scale_orders where status <> 'pending'
    order by buyer_id, account_id, placed_at
) drawn
order by placed_at;

-- name: batch_conversations
insert into conversations (
    id, low_id, high_id, starter_id, last_number, position, low_read, high_read, low_read_position, high_read_position,
    low_unread, high_unread, created_at, active_at)
overriding system value
select id, low_id, high_id, buyer_id, messages, messages + 2,
    messages - case when low_id = silent_id then waiting else 0 end,
    messages - case when high_id = silent_id then waiting else 0 end,
    messages + 1, messages + 2,
    case when low_id = silent_id then waiting else 0 end, case when high_id = silent_id then waiting else 0 end,
    placed_at, placed_at + messages * interval '7 minutes'
from scale_conversations order by id;

-- name: batch_messages
insert into messages (conversation_id, number, position, sender_id, text, sent_at)
select id, number, number, case when number %% 2 = 1 then buyer_id else account_id end,
    pg_temp.pick(%(messages)s, 10 * n + number, 71), placed_at + number * interval '7 minutes'
from scale_conversations cross join generate_series(1, messages) as number
order by id, number;

-- name: batch_studio_orders
-- One for every creator, half of them of guests, under numbers that look random: a number times a prime, modulo a million.
-- Some numbers stay free. One order in three is in process.
with placed as (
    insert into orders (
        kind, number, buyer_id, status, price, total_price, title, description, process_at, accepted_at, created_at,
        updated_at)
    select 'studio', lpad((drawn.n * 7919 %% 1000000)::text, 6, '0'), buyers.id,
        case when is_begun then 'in_process' else 'new' end, 0, 0, pg_temp.pick(%(services)s, drawn.n, 82),
        pg_temp.pick(%(wishes)s, drawn.n, 83), case when is_begun then at end, case when is_begun then at end, at, at
    from (
        select n, pg_temp.chance(n, 80) < 0.33 as is_begun, now() - interval '300 days' * pg_temp.chance(n, 81) as at
        from generate_series(%(first)s::bigint, least(%(last)s::bigint, 900000)) as n
    ) drawn
    left join scale_people buyers on not is_creator and buyers.n = 2 * drawn.n and drawn.n %% 2 = 0
    order by at
    on conflict on constraint orders_number_key do nothing
    returning id, buyer_id, status, created_at
)
insert into order_events (
    order_id, actor_id, actor_role, action, from_status, to_status, from_money, to_money, created_at)
select id, case step when 1 then buyer_id end, role, action, before, after, money, 'none', created_at
from placed
cross join (values
    (1, 'place', 'buyer', null, 'new', null),
    (2, 'queue', 'staff', 'new', 'new', 'none'),
    (3, 'process', 'system', 'new', 'in_process', 'none')
) as steps (step, action, role, before, after, money)
where step = 1 or status = 'in_process'
order by id, step;
