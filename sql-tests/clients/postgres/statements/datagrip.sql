-- played by Player.java
-- What DataGrip and the other IDEs of its family ask when they introspect a database.

-- step: database
-- compare: nothing
select current_database() as a, current_schemas(false) as b

-- step: started
-- compare: nothing
select round(extract(epoch from pg_postmaster_start_time() at time zone 'UTC')) as startup_time

-- step: oldest transaction
-- compare: nothing
select L.transactionid::varchar::bigint as transaction_id from pg_catalog.pg_locks L
where L.transactionid is not null order by pg_catalog.age(L.transactionid) desc limit 1

-- step: transaction
-- compare: nothing
select case when pg_catalog.pg_is_in_recovery() then null
    else (pg_catalog.txid_current() % 4294967296)::varchar::bigint end as current_txid

-- step: databases
-- compare: nothing
select N.oid::bigint as id, datname as name, D.description, datistemplate as is_template, datallowconn as allow_connections,
    pg_catalog.pg_get_userbyid(N.datdba) as "owner"
from pg_catalog.pg_database N left join pg_catalog.pg_shdescription D on N.oid = D.objoid
order by case when datname = pg_catalog.current_database() then -1::bigint else N.oid::bigint end limit 1

-- step: schemas
-- compare: nothing
select N.oid::bigint as id, N.xmin as state_number, nspname as name, D.description, pg_catalog.pg_get_userbyid(N.nspowner) as "owner"
from pg_catalog.pg_namespace N left join pg_catalog.pg_description D on N.oid = D.objoid
order by case when nspname = pg_catalog.current_schema() then -1::bigint else N.oid::bigint end

-- step: date style
show DateStyle

-- step: zones
-- compare: nothing
select name, is_dst from pg_catalog.pg_timezone_names union distinct select abbrev as name, is_dst from pg_catalog.pg_timezone_abbrevs

-- step: roles
-- compare: nothing
select R.oid::bigint as role_id, rolname as role_name, rolsuper is_super, rolinherit is_inherit, rolcreaterole can_createrole,
    rolcreatedb can_createdb, rolcanlogin can_login, rolreplication is_replication, rolconnlimit conn_limit,
    rolvaliduntil valid_until, rolbypassrls bypass_rls, rolconfig config, D.description
from pg_catalog.pg_roles R left join pg_catalog.pg_shdescription D on D.objoid = R.oid

-- step: members
-- compare: nothing
select member id, roleid role_id, admin_option from pg_catalog.pg_auth_members order by id, roleid::text

-- step: tablespaces
-- compare: name
select T.oid::bigint as id, T.spcname as name, T.xmin as state_number, pg_catalog.pg_get_userbyid(T.spcowner) as owner,
    pg_catalog.pg_tablespace_location(T.oid) as location, T.spcoptions as options, D.description as comment
from pg_catalog.pg_tablespace T left join pg_catalog.pg_shdescription D on D.objoid = T.oid order by T.spcname

-- step: who may what
-- compare: nothing
select T.oid as object_id, T.spcacl as acl from pg_catalog.pg_tablespace T
union all select T.oid as object_id, T.datacl as acl from pg_catalog.pg_database T

-- step: encrypted
select ssl from pg_stat_ssl where pid = pg_backend_pid()

-- step: relations of a schema
-- compare: table_kind, table_name
-- values: 2200
select T.relkind as table_kind, T.relname as table_name, T.oid as table_id, T.xmin as table_state_number,
    T.relhasindex, T.reloptions as options, T.relispartition as is_partition, pg_catalog.pg_get_userbyid(T.relowner) as "owner",
    (select array_agg(inhparent::bigint order by inhseqno)::varchar from pg_catalog.pg_inherits where T.oid = inhrelid) as ancestors
from pg_catalog.pg_class T where relnamespace = ?::oid and relkind in ('r', 'm', 'v', 'f', 'p') order by table_kind, table_name

-- step: columns of a schema
-- compare: attr_name, type_spec, mandatory, column_default, column_position
with T as (
    select distinct T.oid as table_id, T.relname as table_name from pg_catalog.pg_class T, pg_catalog.pg_attribute A
    where T.relnamespace = 2200::oid and T.relkind in ('r', 'm', 'v', 'f', 'p') and A.attrelid = T.oid)
select T.table_id, C.attnum as column_position, C.attname as attr_name, C.xmin as column_state_number, C.atttypmod as type_mod,
    pg_catalog.format_type(C.atttypid, C.atttypmod) as type_spec, C.attnotnull as mandatory,
    pg_catalog.pg_get_expr(D.adbin, T.table_id) as column_default, C.attisdropped as column_is_dropped
from T
inner join pg_catalog.pg_attribute C on T.table_id = C.attrelid
left join pg_catalog.pg_attrdef D on (C.attrelid, C.attnum) = (D.adrelid, D.adnum)
where attnum > 0 and T.table_name <> 'totals' order by T.table_name, attnum

-- step: views
-- compare: view_id
select T.relname as view_id, pg_catalog.pg_get_viewdef(T.oid, true) as source_text from pg_catalog.pg_class T
where T.relnamespace = 2200::oid and T.relkind in ('m', 'v')

-- step: routines
-- values: 2200
select PN.oid as r_id, PN.proname as r_name, PN.prokind as kind, pg_catalog.pg_get_function_arguments(PN.oid) as arguments,
    PN.prorettype as ret_type_id, pg_catalog.obj_description(PN.oid, 'pg_proc') as comment
from pg_catalog.pg_proc PN where PN.pronamespace = ?::oid

-- step: comments
select D.objoid::bigint as id, pg_catalog.quote_ident(D.description) as description from pg_catalog.pg_description D
join pg_catalog.pg_class C on D.objoid = C.oid where C.relnamespace = 2200::oid

-- step: constraints
select T.oid::bigint as table_id, C.oid::bigint as con_id, conname, contype, conkey, pg_catalog.pg_get_expr(conbin, T.oid) as expression
from pg_catalog.pg_constraint C join pg_catalog.pg_class T on C.conrelid = T.oid where C.connamespace = 2200::oid
