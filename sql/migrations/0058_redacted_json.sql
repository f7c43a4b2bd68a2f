-- expand
-- The names of an erased person in the texts of a document: a name may also be that of a field, or digits of a number,
-- without which the document cannot be read. Sums, which are texts as well, stay.
create function redacted_json(content jsonb, names text[], replacement text) returns jsonb
language plpgsql immutable as $$
begin
    return case jsonb_typeof(content)
        when 'string' then case
            when content #>> '{}' ~ '^[0-9]+([.][0-9]+)?$' then content
            else to_jsonb(redacted(content #>> '{}', names, replacement)) end
        when 'array' then coalesce((
            select jsonb_agg(redacted_json(one, names, replacement) order by place)
            from jsonb_array_elements(content) with ordinality as elements (one, place)), content)
        when 'object' then coalesce((
            select jsonb_object_agg(key, redacted_json(value, names, replacement)) from jsonb_each(content)), content)
        else content end;
end
$$;
