-- Up Migration

-- How names are compared when people are searched: without case and accents, and in the same way in every locale. An
-- index depends on it, so it never changes.
create function search_key(name text) returns text
language sql immutable strict parallel safe
return translate(
  lower(regexp_replace(normalize(name, NFKD), '[\u0300-\u036f]', '', 'g') collate "C"),
  'ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩςАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЄІЇҐЎЈЉЊЋЏØÆŒÐÞŁĐ',
  'αβγδεζηθικλμνξοπρστυφχψωσабвгдежзийклмнопрстуфхцчшщъыьэюяєіїґўјљњћџøæœðþłđ'
);

-- The order of these indexes is the order of the results, so a search reads only the rows of its page.
create index users_search_username on users ((username::text collate "C"), id) where deleted_at is null;
create index users_search_name on users ((search_key(name) collate "C"), id) where deleted_at is null;
