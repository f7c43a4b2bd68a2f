-- expand
-- A payment that was begun before its method was chosen: the provider is not called yet.

alter table payments add column is_method_open boolean not null default false;
