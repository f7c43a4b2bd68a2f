-- expand
-- Where a person of the market lives or works, in their own words.
alter table accounts add column location text not null default '';
