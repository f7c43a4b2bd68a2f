-- name: to_close
-- Creators with something to state for a month that has no statement yet.
select creator_id from creator_balances balance
where creator_id > %(after)s
    and not exists (select from statements where creator_id = balance.creator_id and month >= %(month)s)
    and exists (
        select from earning_entries
        where creator_id = balance.creator_id and account = 'available' and created_at < %(until)s)
order by creator_id limit %(limit)s;

-- name: first_entry_at
select min(created_at) from earning_entries where creator_id = %(creator_id)s and account = 'available';

-- name: last_statement
select * from statements where creator_id = %(creator_id)s order by month desc limit 1;

-- name: last_entry
select coalesce(max(id), %(after)s::bigint) from earning_entries
where creator_id = %(creator_id)s and account = 'available' and id > %(after)s and created_at < %(until)s;

-- name: lines
-- What an order had brought when it cleared follows from its entries up to that one, which never change.
select entry.id as entry_id, entry.created_at as at, entry.kind, entry.order_id, entry.payout_id, entry.amount, entry.note,
    case when entry.kind = 'clearance' then cleared.gross end as gross,
    case when entry.kind = 'clearance' then cleared.commission end as commission,
    case when entry.kind = 'clearance' then cleared.vat end as vat
from (
    select * from earning_entries
    where creator_id = %(creator_id)s and account = 'available' and id > %(after)s and id <= %(last)s
    order by id limit %(limit)s
) as entry
left join lateral (
    select coalesce(sum(-amount) filter (where account = 'buyers'), 0)::bigint as gross,
        coalesce(sum(amount) filter (where account in ('platform', 'commission_tax')), 0)::bigint as commission,
        coalesce(sum(amount) filter (where account = 'commission_tax'), 0)::bigint as vat
    from earning_entries earlier
    where earlier.order_id = entry.order_id and earlier.id <= entry.id
) as cleared on entry.kind = 'clearance'
order by entry.id;

-- name: add_statement
insert into statements (creator_id, month, number, opening, closing, after_entry_id, last_entry_id, line_count, sha256,
    previous_sha256, created_at)
values (%(creator_id)s, %(month)s, %(number)s, %(opening)s, %(closing)s, %(after_entry_id)s, %(last_entry_id)s,
    %(line_count)s, %(sha256)s, %(previous_sha256)s, %(now)s);

-- name: statements
select * from statements where creator_id = %(creator_id)s order by month desc limit %(limit)s offset %(offset)s;

-- name: count_statements
select count(*) from statements where creator_id = %(creator_id)s;

-- name: statement
select * from statements
where id = %(id)s and (%(creator_id)s::bigint is null or creator_id = %(creator_id)s::bigint);

-- name: all_statements
select * from statements where id > %(after)s order by id limit %(limit)s;

-- name: statement_before
select * from statements where creator_id = %(creator_id)s and month < %(month)s order by month desc limit 1;

-- name: export_statements
select id, number, month, opening, closing, line_count, sha256, created_at from statements
where creator_id = %(account_id)s and id > %(after)s order by id limit %(limit)s;

-- name: holder
select id as account_id, username, trim(first_name || ' ' || last_name) as name from accounts where id = %(creator_id)s;
