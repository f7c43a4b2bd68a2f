-- expand
-- What the market's client sends with a service: the delivery time in words, and pictures.
alter table services add column delivery_text text not null default '';

create table service_images (
    id bigint generated always as identity primary key,
    service_id bigint not null references services on delete cascade,
    file_id bigint not null references files on delete cascade,
    position integer not null,
    constraint service_images_file_key unique (file_id)
);
create index service_images_service_idx on service_images (service_id, position);
