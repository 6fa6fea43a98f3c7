-- played by Player.java
-- The relations, functions and forms that DataGrip and its family of IDEs use to introspect a database; the statements are ours.

-- step: database
-- compare: nothing
select current_schemas(false) as path, current_database() as here

-- step: started
-- compare: nothing
select round(extract(epoch from pg_postmaster_start_time() at time zone 'UTC')) as since

-- step: oldest transaction
-- compare: nothing
select K.transactionid::varchar::bigint as number, pg_catalog.age(K.transactionid) as old from pg_catalog.pg_locks K
where K.transactionid is not null order by pg_catalog.age(K.transactionid) desc limit 1

-- step: transaction
-- compare: nothing
select case when not pg_catalog.pg_is_in_recovery() then (pg_catalog.txid_current() % 4294967296)::varchar::bigint else null end as number

-- step: databases
-- compare: nothing
select pg_catalog.pg_get_userbyid(B.datdba) as "owner", datallowconn as is_open, datistemplate as is_model, S.description,
    datname as title, B.oid::bigint as number
from pg_catalog.pg_shdescription S right join pg_catalog.pg_database B on S.objoid = B.oid
order by case when datname <> pg_catalog.current_database() then B.oid::bigint else -1::bigint end limit 1

-- step: schemas
-- compare: nothing
select nspname as title, pg_catalog.pg_get_userbyid(S.nspowner) as "owner", W.description, S.xmin as changed, S.oid::bigint as number
from pg_catalog.pg_namespace S left join pg_catalog.pg_description W on W.objoid = S.oid
order by case when nspname <> pg_catalog.current_schema() then S.oid::bigint else -1::bigint end

-- step: date style
show DateStyle

-- step: zones
-- compare: nothing
select is_dst, abbrev as zone from pg_catalog.pg_timezone_abbrevs union distinct select is_dst, name as zone from pg_catalog.pg_timezone_names

-- step: roles
-- compare: nothing
select rolname title, rolsuper is_root, rolcanlogin enters, rolbypassrls, rolconfig config, rolvaliduntil ends, rolconnlimit at_most,
    rolcreatedb, rolcreaterole, rolreplication, rolinherit, W.description, P.oid::bigint as number
from pg_catalog.pg_roles P left join pg_catalog.pg_shdescription W on P.oid = W.objoid

-- step: members
-- compare: nothing
select roleid team, admin_option leads, member who from pg_catalog.pg_auth_members order by roleid::text, who

-- step: tablespaces
-- compare: title
select S.spcname as title, S.spcoptions as options, pg_catalog.pg_tablespace_location(S.oid) as folder,
    pg_catalog.pg_get_userbyid(S.spcowner) as "owner", S.oid::bigint as number, S.xmin as changed, W.description as note
from pg_catalog.pg_tablespace S left join pg_catalog.pg_shdescription W on S.oid = W.objoid order by S.spcname

-- step: who may what
-- compare: nothing
select B.datacl as grants, B.oid as number from pg_catalog.pg_database B
union all select S.spcacl as grants, S.oid as number from pg_catalog.pg_tablespace S

-- step: encrypted
select ssl from pg_stat_ssl where pid = pg_backend_pid()

-- step: relations of a schema
-- compare: title, kind
-- values: 2200
select R.relname as title, R.relkind as kind, pg_catalog.pg_get_userbyid(R.relowner) as "owner", R.reloptions as options,
    R.relispartition as is_part, R.relhasindex, R.xmin as changed, R.oid as number,
    (select array_agg(I.inhparent::bigint order by I.inhseqno)::varchar from pg_catalog.pg_inherits I where I.inhrelid = R.oid) as parents
from pg_catalog.pg_class R where relkind in ('v', 'r', 'p', 'm', 'f') and relnamespace = ?::oid order by title, kind

-- step: columns of a schema
-- compare: title, kind, not_null, otherwise, place
with R as (
    select distinct K.relname as of_relation, K.oid as number from pg_catalog.pg_attribute A, pg_catalog.pg_class K
    where K.oid = A.attrelid and K.relkind in ('v', 'r', 'p', 'm', 'f') and K.relnamespace = 2200::oid)
select F.attname as title, pg_catalog.format_type(F.atttypid, F.atttypmod) as kind, F.attnotnull as not_null,
    pg_catalog.pg_get_expr(E.adbin, R.number) as otherwise, F.attnum as place, F.attisdropped as is_gone, F.xmin as changed
from pg_catalog.pg_attribute F
inner join R on F.attrelid = R.number
left join pg_catalog.pg_attrdef E on (E.adnum, E.adrelid) = (F.attnum, F.attrelid)
where R.of_relation <> 'totals' and attnum > 0 order by R.of_relation desc, attnum

-- step: views
-- compare: title
select pg_catalog.pg_get_viewdef(V.oid, true) as written, V.relname as title from pg_catalog.pg_class V
where V.relkind in ('v', 'm') and V.relnamespace = 2200::oid order by title

-- step: routines
-- values: 2200
select F.proname as title, pg_catalog.pg_get_function_arguments(F.oid) as takes, F.prorettype as gives, F.prokind as kind,
    pg_catalog.obj_description(F.oid, 'pg_proc') as note, F.oid as number
from pg_catalog.pg_proc F where ?::oid = F.pronamespace

-- step: comments
select pg_catalog.quote_ident(W.description) as said, R.oid::bigint as number from pg_catalog.pg_class R
join pg_catalog.pg_description W on R.oid = W.objoid where R.relnamespace = 2200::oid

-- step: constraints
select pg_catalog.pg_get_expr(conbin, R.oid) as checked, conname, conkey, contype, K.oid::bigint as number, R.oid::bigint as of_relation
from pg_catalog.pg_class R join pg_catalog.pg_constraint K on R.oid = K.conrelid where K.connamespace = 2200::oid
