-- expand
-- Triggers note the services that they see. One that another transaction is adding, or moving to another category, they
-- see as it was, or not at all. So they note what was changed itself, too, and readers of the log look for its services,
-- which then see those of all transactions whose changes they read.

create or replace function note_services_of_creator() returns trigger language plpgsql as $$
begin
    insert into catalog_changes (subject) values ('creator ' || new.id);
    perform note_services(array(select id from services where creator_id = new.id));
    return null;
end
$$;

create or replace function note_availability() returns trigger language plpgsql as $$
begin
    insert into catalog_changes (subject) values ('creator ' || coalesce(new.creator_id, old.creator_id));
    perform note_services(array(select id from services where creator_id = coalesce(new.creator_id, old.creator_id)));
    return null;
end
$$;

create or replace function note_services_of_tag() returns trigger language plpgsql as $$
begin
    insert into catalog_changes (subject) values ('tag ' || new.id);
    perform note_services(array(select service_id from service_tags where tag_id = new.id));
    return null;
end
$$;

-- A service that has no category any more is missing in its old one, too.
create or replace function note_moved_services() returns trigger language plpgsql as $$
begin
    perform note_services(array(select id from changed));
    insert into catalog_changes (subject)
    select distinct 'category ' || before.category_id from before join changed using (id)
    where before.category_id is not null and before.category_id is distinct from changed.category_id;
    return null;
end
$$;
