//! Settings that PostgreSQL's clients ask for or set when they connect, in alphabetical order.
//!
//! A few take effect (`bytea_output`, `client_min_messages`). The others are taken because every
//! value that they allow is met, or are [`Scope::Fixed`] and tell the client what to expect.

use super::{Scope, Setting, ValueType};

const ISOLATION: ValueType = ValueType::Choice(&[
    "read committed",
    "read uncommitted",
    "repeatable read",
    "serializable",
]);
const LEVELS: ValueType = ValueType::Choice(&[
    "debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error",
]);
const ANY_INTEGER: ValueType = ValueType::Integer(0, i32::MAX);

const fn session(
    name: &'static str,
    value_type: ValueType,
    default: &'static str,
    doc: &'static str,
) -> Setting {
    Setting {
        name,
        value_type,
        default,
        scope: Scope::Session,
        doc,
    }
}

const fn fixed(name: &'static str, default: &'static str, doc: &'static str) -> Setting {
    Setting {
        name,
        value_type: ValueType::Text,
        default,
        scope: Scope::Fixed,
        doc,
    }
}

const UNUSED: &str = "Taken from clients that set it; it changes nothing here.";

pub(super) static SETTINGS: &[Setting] = &[
    fixed("block_size", "8192", "Bytes of a disk block."),
    session(
        "bytea_output",
        ValueType::Choice(&["hex", "escape"]),
        "hex",
        "How binary values are written as text for clients of the PostgreSQL protocol.",
    ),
    session("check_function_bodies", ValueType::Switch, "on", UNUSED),
    session(
        "client_encoding",
        ValueType::Choice(&["UTF8", "UNICODE"]),
        "UTF8",
        "Encoding of texts on the wire: always UTF-8.",
    ),
    session(
        "client_min_messages",
        LEVELS,
        "notice",
        "The least severe messages that a server sends beside the answer.",
    ),
    session(
        "DateStyle",
        ValueType::DateStyle,
        "ISO, MDY",
        "How dates are written: always as ISO 8601 has them.",
    ),
    session(
        "default_table_access_method",
        ValueType::Text,
        "heap",
        UNUSED,
    ),
    session("default_tablespace", ValueType::Text, "", UNUSED),
    session(
        "default_transaction_isolation",
        ISOLATION,
        "read committed",
        "Each statement sees the tables as they are when it starts, whatever level is named.",
    ),
    session(
        "default_transaction_read_only",
        ValueType::Switch,
        "off",
        "Whether transactions may only read unless they say READ WRITE.",
    ),
    session("enable_hashjoin", ValueType::Switch, "on", UNUSED),
    session("enable_mergejoin", ValueType::Switch, "on", UNUSED),
    session("enable_nestloop", ValueType::Switch, "on", UNUSED),
    session("enable_seqscan", ValueType::Switch, "on", UNUSED),
    session("escape_string_warning", ValueType::Switch, "on", UNUSED),
    session(
        "extra_float_digits",
        ValueType::Integer(-15, 3),
        "1",
        "Floats are always written with as many digits as give the same value back.",
    ),
    session("geqo", ValueType::Switch, "on", UNUSED),
    fixed("in_hot_standby", "off", "Whether the server only replays."),
    fixed(
        "integer_datetimes",
        "on",
        "Times are sent as whole numbers of microseconds.",
    ),
    session(
        "IntervalStyle",
        ValueType::Choice(&["postgres", "iso_8601"]),
        "postgres",
        "How intervals are written for clients of the PostgreSQL protocol.",
    ),
    fixed(
        "is_superuser",
        "on",
        "Whether the user of the session may do everything.",
    ),
    session("jit", ValueType::Switch, "off", UNUSED),
    fixed("lc_collate", "C", "Order of texts: by their code points."),
    fixed("lc_ctype", "C", "Classes of characters."),
    session("lc_messages", ValueType::Text, "C", UNUSED),
    session("lc_monetary", ValueType::Text, "C", UNUSED),
    session("lc_numeric", ValueType::Text, "C", UNUSED),
    session("lc_time", ValueType::Text, "C", UNUSED),
    session(
        "lock_timeout",
        ValueType::Duration,
        "0",
        "Nothing waits for locks here.",
    ),
    session("maintenance_work_mem", ValueType::Text, "64MB", UNUSED),
    fixed(
        "max_identifier_length",
        "63",
        "Longest name that PostgreSQL's tools should make.",
    ),
    fixed(
        "max_index_keys",
        "32",
        "Columns of an index; there are no indexes.",
    ),
    session("max_parallel_workers_per_gather", ANY_INTEGER, "2", UNUSED),
    session(
        "password_encryption",
        ValueType::Choice(&["scram-sha-256"]),
        "scram-sha-256",
        "How passwords are kept.",
    ),
    session("plan_cache_mode", ValueType::Text, "auto", UNUSED),
    session("row_security", ValueType::Switch, "on", UNUSED),
    fixed("server_encoding", "UTF8", "Encoding of texts."),
    fixed(
        "server_version",
        "14.19",
        "The PostgreSQL version whose protocol and catalog clients find.",
    ),
    fixed("server_version_num", "140019", "The same as a number."),
    fixed("session_authorization", "quern", "The user of the session."),
    session(
        "session_replication_role",
        ValueType::Text,
        "origin",
        UNUSED,
    ),
    fixed(
        "ssl",
        "off",
        "Whether the server takes encrypted connections.",
    ),
    fixed(
        "standard_conforming_strings",
        "on",
        "Backslashes in plain strings stand for themselves.",
    ),
    session(
        "synchronous_commit",
        ValueType::Text,
        "on",
        "What is acknowledged is on the disk, always.",
    ),
    session("temp_tablespaces", ValueType::Text, "", UNUSED),
    session("transaction_deferrable", ValueType::Switch, "off", UNUSED),
    session(
        "transaction_isolation",
        ISOLATION,
        "read committed",
        "As default_transaction_isolation.",
    ),
    session(
        "transaction_read_only",
        ValueType::Switch,
        "off",
        "Whether the transaction that is open may only read.",
    ),
    session(
        "work_mem",
        ValueType::Text,
        "4MB",
        "Not used: see quern.memory_limit.",
    ),
    session("xmloption", ValueType::Text, "content", UNUSED),
];
