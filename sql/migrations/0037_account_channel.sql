-- expand
-- The dialect that an account was registered through: its mails speak of that product, and lead to its pages.
alter table accounts add column channel text not null default 'market';

update accounts set channel = case first_sessions.door when 'house' then 'market' else first_sessions.door end
from (select distinct on (account_id) account_id, door from sessions order by account_id, created_at) as first_sessions
where first_sessions.account_id = accounts.id and first_sessions.door not in ('house', 'market', 'admin');
