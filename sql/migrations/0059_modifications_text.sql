-- expand
-- The options of an order without what its buyer says of modifications, which are the option without an id.
create function without_modifications_text(options jsonb) returns jsonb language sql immutable as $$
    select coalesce((
        select jsonb_agg(case when option ->> 'id' is null then option || '{"description": ""}' else option end order by place)
        from jsonb_array_elements(options) with ordinality as chosen (option, place)), options)
$$;
