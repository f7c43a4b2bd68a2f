-- expand
-- Pages of one's orders are kept in memory, too: what they show of orders, people and shares goes into the same log of
-- changes. 'orders 7': what account 7 has bought or sold; 'person 7': its names and picture.

create function note_changed_orders() returns trigger language plpgsql as $$
begin
    if (select count(*) from changed) > 1000 then
        insert into catalog_changes (subject) values ('everything');
    else
        insert into catalog_changes (subject)
        select 'orders ' || buyer_id from changed where buyer_id is not null
        union
        select 'orders ' || creators.account_id from changed join creators on creators.id = changed.creator_id;
    end if;
    return null;
end
$$;
-- An order that gets another party is missing in the page of the one before.
create function note_moved_orders() returns trigger language plpgsql as $$
begin
    if (select count(*) from changed) > 1000 then
        insert into catalog_changes (subject) values ('everything');
    else
        insert into catalog_changes (subject)
        select 'orders ' || buyer_id from (select buyer_id from before union select buyer_id from changed) of
        where buyer_id is not null
        union
        select 'orders ' || creators.account_id
        from (select creator_id from before union select creator_id from changed) of
        join creators on creators.id = of.creator_id;
    end if;
    return null;
end
$$;
create trigger orders_added after insert on orders
    referencing new table as changed for each statement execute function note_changed_orders();
create trigger orders_changed after update on orders
    referencing old table as before new table as changed for each statement execute function note_moved_orders();
create trigger orders_removed after delete on orders
    referencing old table as changed for each statement execute function note_changed_orders();

-- The creator's share of an order. It is added together with the order, which was noted then.
create function note_added_earning() returns trigger language plpgsql as $$
begin
    if not exists (select from orders where id = new.order_id and xmin = pg_current_xact_id()::xid) then
        insert into catalog_changes (subject) values ('orders ' || new.creator_id);
    end if;
    return null;
end
$$;
create function note_changed_earnings() returns trigger language plpgsql as $$
begin
    if (select count(*) from changed) > 1000 then
        insert into catalog_changes (subject) values ('everything');
    else
        insert into catalog_changes (subject) select distinct 'orders ' || creator_id from changed;
    end if;
    return null;
end
$$;
create trigger earnings_added after insert on earnings for each row execute function note_added_earning();
create trigger earnings_changed after update on earnings
    referencing new table as changed for each statement execute function note_changed_earnings();
create trigger earnings_removed after delete on earnings
    referencing old table as changed for each statement execute function note_changed_earnings();

-- The parties, whose other columns change more often.
create function note_person() returns trigger language plpgsql as $$
begin
    insert into catalog_changes (subject) values ('person ' || new.id);
    return null;
end
$$;
create trigger accounts_renamed after update on accounts for each row
    when ((old.username, old.first_name, old.last_name, old.avatar_id, old.avatar_key)
        is distinct from (new.username, new.first_name, new.last_name, new.avatar_id, new.avatar_key))
    execute function note_person();
create trigger creators_moved after update on creators for each row when (old.account_id <> new.account_id)
    execute function note_everything();
