-- What the blog keeps. Run at every start: it makes only what isn't there.
create table if not exists user (
    id integer primary key,
    name text not null unique collate nocase,
    password text not null
) strict;

create table if not exists post (
    id integer primary key,
    author integer not null references user (id),
    created integer not null default (unixepoch()),
    title text not null,
    body text not null,
    picture text
) strict;

create index if not exists post_by_time on post (created desc, id desc);
