-- expand
-- What was changed of the catalogue, and by which transaction: caches of answers ask what has been committed since.

create table catalog_changes (
    -- Of the transaction; it is compared with snapshots, so nothing has to be locked or numbered.
    xid xid8 not null default pg_current_xact_id(),
    -- 'service 7', 'category 3', or 'everything'.
    subject text not null
);
create index catalog_changes_xid_idx on catalog_changes (xid);

create function note_services(ids bigint[]) returns void language plpgsql as $$
begin
    if cardinality(ids) > 1000 then
        insert into catalog_changes (subject) values ('everything');
    elsif cardinality(ids) > 0 then
        insert into catalog_changes (subject)
        select 'service ' || id from unnest(ids) as id
        union
        select 'category ' || category_id from services where id = any(ids) and category_id is not null;
    end if;
end
$$;

create function note_everything() returns trigger language plpgsql as $$
begin
    insert into catalog_changes (subject) values ('everything');
    return null;
end
$$;

-- Services themselves. One that moves is missing in its old category.
create function note_changed_services() returns trigger language plpgsql as $$
begin
    perform note_services(array(select id from changed));
    return null;
end
$$;
create function note_moved_services() returns trigger language plpgsql as $$
begin
    perform note_services(array(select id from changed));
    insert into catalog_changes (subject)
    select distinct 'category ' || before.category_id from before join changed using (id)
    where before.category_id <> changed.category_id;
    return null;
end
$$;
create function note_removed_services() returns trigger language plpgsql as $$
begin
    if (select count(*) from changed) > 1000 then
        insert into catalog_changes (subject) values ('everything');
    else
        insert into catalog_changes (subject)
        select 'service ' || id from changed
        union
        select 'category ' || category_id from changed where category_id is not null;
    end if;
    return null;
end
$$;
create trigger services_added after insert on services
    referencing new table as changed for each statement execute function note_changed_services();
create trigger services_changed after update on services
    referencing old table as before new table as changed for each statement execute function note_moved_services();
create trigger services_removed after delete on services
    referencing old table as changed for each statement execute function note_removed_services();

-- What belongs to a service.
create function note_parts_of_services() returns trigger language plpgsql as $$
begin
    perform note_services(array(select distinct service_id from changed));
    return null;
end
$$;
create trigger service_options_added after insert on service_options
    referencing new table as changed for each statement execute function note_parts_of_services();
create trigger service_options_changed after update on service_options
    referencing new table as changed for each statement execute function note_parts_of_services();
create trigger service_options_removed after delete on service_options
    referencing old table as changed for each statement execute function note_parts_of_services();
create trigger service_images_added after insert on service_images
    referencing new table as changed for each statement execute function note_parts_of_services();
create trigger service_images_changed after update on service_images
    referencing new table as changed for each statement execute function note_parts_of_services();
create trigger service_images_removed after delete on service_images
    referencing old table as changed for each statement execute function note_parts_of_services();
create trigger service_tags_added after insert on service_tags
    referencing new table as changed for each statement execute function note_parts_of_services();
create trigger service_tags_removed after delete on service_tags
    referencing old table as changed for each statement execute function note_parts_of_services();

-- What services show of other rows. Conditions keep all other changes of these rows as cheap as they were.
create function note_services_of_tag() returns trigger language plpgsql as $$
begin
    perform note_services(array(select service_id from service_tags where tag_id = new.id));
    return null;
end
$$;
create trigger tags_renamed after update on tags for each row
    when (old.name <> new.name or old.key <> new.key) execute function note_services_of_tag();

create function note_services_of_creator() returns trigger language plpgsql as $$
begin
    perform note_services(array(select id from services where creator_id = new.id));
    return null;
end
$$;
create trigger creators_changed after update on creators for each row
    when ((old.rating, old.completed_orders, old.account_id) is distinct from (new.rating, new.completed_orders, new.account_id))
    execute function note_services_of_creator();

create function note_services_of_account() returns trigger language plpgsql as $$
begin
    perform note_services(array(
        select services.id from services join creators on creators.id = services.creator_id
        where creators.account_id = new.id));
    return null;
end
$$;
create trigger accounts_changed after update on accounts for each row
    when ((old.username, old.avatar_id, old.avatar_key) is distinct from (new.username, new.avatar_id, new.avatar_key))
    execute function note_services_of_account();

create function note_availability() returns trigger language plpgsql as $$
begin
    perform note_services(array(select id from services where creator_id = coalesce(new.creator_id, old.creator_id)));
    return null;
end
$$;
create trigger creator_availability_added after insert or delete on creator_availability for each row
    execute function note_availability();
create trigger creator_availability_changed after update on creator_availability for each row
    when ((old.is_full, old.is_away, old.lead_days) is distinct from (new.is_full, new.is_away, new.lead_days))
    execute function note_availability();

-- A dozen rows that every list shows, and addresses of pictures, which do not change.
create trigger categories_changed after insert or update or delete on categories for each row
    execute function note_everything();
create trigger files_moved after update on files for each row when (old.key <> new.key) execute function note_everything();
