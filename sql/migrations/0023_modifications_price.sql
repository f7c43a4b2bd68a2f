-- contract
-- modifications_price was a surcharge. It is now the whole price of the version with modifications, as clients read it.
update services set modifications_price = base_price + modifications_price where base_price is not null;
alter table services drop constraint services_modifications_price_check;
alter table services add constraint services_modifications_price_check check (modifications_price >= base_price);
