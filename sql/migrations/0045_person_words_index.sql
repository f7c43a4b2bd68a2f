-- transactional: false
-- expand
drop index concurrently if exists accounts_words_idx;
create index concurrently accounts_words_idx on accounts
    using gin (person_words(username, first_name, last_name, email, phone) gin_trgm_ops);
drop index concurrently if exists services_title_words_idx;
create index concurrently services_title_words_idx on services using gin (title_words(title) gin_trgm_ops);
