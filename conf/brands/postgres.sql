-- Two brands on one Postgres: psql -f postgres.sql postgres, as a superuser.
-- Roles come by the names of the system's users (peer), so nobody has a
-- password. A database each: what one brand's role reads is its own.
create role "postern-entativa" login;
create role "postern-vignette" login;
create database entativa encoding 'UTF8' template template0;
create database vignette encoding 'UTF8' template template0;
revoke connect on database entativa, vignette from public;
grant connect on database entativa to "postern-entativa";
grant connect on database vignette to "postern-vignette";
alter database entativa owner to "postern-entativa";
alter database vignette owner to "postern-vignette";
