//! SQL that is meant to take the process down: each statement gives its rows or a fitting error, all
//! of them in one process whose address space is limited to 2 GiB.

#![allow(clippy::print_stderr)]

use std::process::Command;

use quern_engine::{Engine, Session, SessionOptions, Settings};

use crate::support::rows;

/// Set in the process that is confined.
const CONFINED: &str = "QUERN_HOSTILE_SQL";

const RIGHT: &str = "right";
const SYNTAX: &str = "42601";
const LONG: &str = "54000";
const DEEP: &str = "54001";
const WIDE: &str = "54011";
const MEMORY: &str = "53200";
const ENDED: &str = "57014";

type Case = (&'static str, String, &'static [&'static str]);

fn chain(first: &str, item: &str, by: &str, count: usize) -> String {
    format!("{first}{}", vec![item; count].join(by))
}

fn nested(open: &str, close: &str, depth: usize) -> String {
    format!("SELECT {}1{}", open.repeat(depth), close.repeat(depth))
}

/// Common table expressions of which each uses the one before it twice.
fn doubling(first: &str, next: impl Fn(usize) -> String, count: usize, last: &str) -> String {
    let mut parts = vec![format!("c0 AS ({first})")];
    parts.extend((1..=count).map(|i| format!("c{i} AS ({})", next(i - 1))));
    format!("WITH {} {last} FROM c{count}", parts.join(", "))
}

/// Statements by their size and shape.
fn shapes() -> Vec<Case> {
    vec![
        ("sum of 20000", chain("SELECT ", "1", "+", 20_000), &[DEEP]),
        (
            "or of 3000",
            chain("SELECT 1 WHERE ", "1=0", " OR ", 3000),
            &[RIGHT],
        ),
        (
            "union of 300",
            chain("", "SELECT 1", " UNION ALL ", 300),
            &[RIGHT],
        ),
        (
            "concat of 60",
            chain("SELECT length(", "'a'", "||", 60) + ")",
            &[RIGHT],
        ),
        ("parentheses 150", nested("(", ")", 150), &[RIGHT]),
        ("parentheses 3000", nested("(", ")", 3000), &[DEEP]),
        ("parentheses 100000", nested("(", ")", 100_000), &[DEEP]),
        ("not 5000", nested("NOT ", "", 5000), &[DEEP]),
        ("minus 100000", nested("- ", "", 100_000), &[DEEP]),
        (
            "case 500",
            nested("CASE WHEN true THEN ", " END", 500),
            &[DEEP],
        ),
        ("functions 3000", nested("abs(", ")", 3000), &[DEEP]),
        ("arrays 3000", nested("ARRAY[", "]", 3000), &[DEEP]),
        ("subqueries 3000", nested("(SELECT ", ")", 3000), &[DEEP]),
        (
            "casts 50000",
            format!("SELECT 1{}", "::int".repeat(50_000)),
            &[DEEP],
        ),
        (
            "open parentheses",
            "SELECT ".to_string() + &"(".repeat(50_000),
            &[DEEP, SYNTAX],
        ),
        ("columns 1000", chain("SELECT ", "1", ",", 1000), &[RIGHT]),
    ]
}

/// Statements that are long or wide, or that make large plans.
fn lengths() -> Vec<Case> {
    vec![
        ("columns 40000", chain("SELECT ", "1", ",", 40_000), &[WIDE]),
        (
            "list of 5000",
            format!(
                "SELECT 1 WHERE 7 IN ({})",
                (0..5000)
                    .map(|i| i.to_string())
                    .collect::<Vec<_>>()
                    .join(",")
            ),
            &[RIGHT],
        ),
        (
            "text of 50 MB",
            "SELECT 1 + ".repeat(50 << 20 >> 3),
            &[LONG],
        ),
        (
            "joins 3000",
            chain("SELECT 1 FROM ", "(SELECT 1) t", ",", 3000),
            &[DEEP],
        ),
        (
            "doubling plans",
            doubling(
                "SELECT 1 AS x",
                |i| format!("SELECT a.x FROM c{i} a, c{i} b"),
                40,
                "SELECT count(*)",
            ),
            &[DEEP],
        ),
        (
            "chain of 2000 CTEs",
            doubling(
                "SELECT 1 AS x",
                |i| format!("SELECT x FROM c{i}"),
                2000,
                "SELECT x",
            ),
            &[DEEP],
        ),
    ]
}

fn case(name: &'static str, sql: &str, answers: &'static [&'static str]) -> Case {
    (name, sql.to_string(), answers)
}

/// Statements whose values grow.
fn values() -> Vec<Case> {
    vec![
        case("repeat", "SELECT repeat('a', 2000000000)", &[LONG]),
        case("lpad", "SELECT lpad('x', 2147483647)", &[LONG]),
        case(
            "replace",
            "SELECT length(replace(repeat('a', 100000), 'a', repeat('b', 100000)))",
            &[LONG],
        ),
        case(
            "regexp_replace",
            "SELECT length(regexp_replace(repeat('a', 100000), 'a', repeat('b', 100000), 'g'))",
            &[LONG],
        ),
        case(
            "array_repeat",
            "SELECT array_repeat(1, 2000000000)",
            &[LONG],
        ),
        case(
            "array_fill",
            "SELECT array_fill(1, ARRAY[2000000000])",
            &[LONG],
        ),
        case(
            "series as array",
            "SELECT cardinality(generate_series(1, 100000000000))",
            &[LONG],
        ),
        case("overflow", "SELECT 9223372036854775807 + 1", &["22003"]),
        case(
            "doubling text",
            &doubling(
                "SELECT repeat('x', 1000) AS s",
                |i| format!("SELECT s || s AS s FROM c{i}"),
                30,
                "SELECT length(s)",
            ),
            &[LONG],
        ),
        case(
            "doubling arrays",
            &doubling(
                "SELECT ARRAY[1, 2, 3] AS s",
                |i| format!("SELECT array_concat(s, s) AS s FROM c{i}"),
                30,
                "SELECT cardinality(s)",
            ),
            &[LONG],
        ),
    ]
}

/// Statements with many long constants, and comparisons of long values.
fn products() -> Vec<Case> {
    vec![
        (
            "long constants",
            (0..300)
                .map(|at| format!("repeat('{at}', 2000000)"))
                .collect::<Vec<_>>()
                .join(", ")
                .replacen("repeat", "SELECT repeat", 1),
            &[LONG],
        ),
        (
            "long constants of a constant",
            (0..300)
                .map(|at| format!(", s || '{at}'"))
                .collect::<String>()
                .replacen(',', "SELECT", 1)
                + " FROM (SELECT repeat('a', 600000) AS s) t",
            &[LONG, RIGHT],
        ),
        (
            "filled arrays",
            (0..300)
                .map(|at| format!(", array_fill({at}, ARRAY[500000])"))
                .collect::<String>()
                .replacen(',', "SELECT", 1),
            &[LONG],
        ),
        case(
            "containing arrays",
            "SELECT array_agg(n) @> array_agg(n + 1) FROM generate_series(1, 300000) t(n)",
            &[LONG],
        ),
        case(
            "contained arrays",
            "SELECT array_agg(n) <@ array_agg(n + 1) FROM generate_series(1, 300000) t(n)",
            &[LONG],
        ),
        case(
            "position",
            "SELECT position(repeat('a', 999999) || n IN repeat('a', 2000000)) FROM generate_series(1, 10) t(n)",
            &[LONG],
        ),
    ]
}

/// Statements that would run for very long.
fn endless() -> Vec<Case> {
    vec![
        case(
            "string_agg",
            "SELECT length(string_agg(repeat('x', 1000), ',')) FROM generate_series(1, 10000000) t(n)",
            &[MEMORY, LONG, ENDED, "22003"],
        ),
        case(
            "array_agg",
            "SELECT cardinality(array_agg(n)) FROM generate_series(1, 1000000000) t(n)",
            &[MEMORY, ENDED],
        ),
        case(
            "endless recursion",
            "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
            &[ENDED, MEMORY],
        ),
        case(
            "cross join",
            "SELECT count(*) FROM generate_series(1, 3000000) a(x), generate_series(1, 3000000) b(y) WHERE x + y = 0",
            &[ENDED],
        ),
        case(
            "exploding join",
            "SELECT count(*) FROM (SELECT 1 AS k FROM generate_series(1, 3000000)) a JOIN (SELECT 1 AS k FROM generate_series(1, 3000000)) b USING (k)",
            &[ENDED, MEMORY],
        ),
        case(
            "long series",
            "SELECT count(*) FROM generate_series(1, 100000000000)",
            &[ENDED],
        ),
        case(
            "wide group",
            "SELECT count(*) FROM (SELECT n % 50000000 AS g, count(*) FROM generate_series(1, 100000000) t(n) GROUP BY 1) t",
            &[ENDED, MEMORY],
        ),
        case(
            "patterns",
            "SELECT sum(length(regexp_replace(repeat('a', 2000 + n::int % 2), '(a+)+b', 'x'))) FROM generate_series(1, 1000000) t(n)",
            &[ENDED],
        ),
        case(
            "sort",
            "SELECT n FROM generate_series(1, 1000000000) t(n) ORDER BY n % 1000, -n LIMIT 1 OFFSET 900000000",
            &[ENDED, MEMORY, "53100"],
        ),
    ]
}

fn confined_engine() -> Engine {
    let mut settings = Settings::default();
    settings
        .set_at_start("quern.memory_limit", "256MiB")
        .unwrap();
    settings.set_at_start("quern.spill_limit", "1GiB").unwrap();
    settings.set_at_start("quern.threads", "2").unwrap();
    Engine::open(settings).unwrap()
}

async fn answer(session: &Session, sql: &str) -> String {
    match rows(session, sql).await {
        Ok(_) => RIGHT.to_string(),
        Err(error) => format!("{} {error}", error.sqlstate()),
    }
}

/// Runs in a process of its own; alone it does nothing.
#[tokio::test]
async fn confined() {
    if std::env::var_os(CONFINED).is_none() {
        return;
    }
    let engine = confined_engine();
    let session = engine.session(SessionOptions::local());
    let other = engine.session(SessionOptions::local());
    for (timeout, cases) in [
        ("0", shapes()),
        ("0", lengths()),
        ("0", values()),
        ("0", products()),
        ("2s", endless()),
    ] {
        rows(&session, &format!("SET statement_timeout = '{timeout}'"))
            .await
            .unwrap();
        for (name, sql, answers) in cases {
            eprintln!("begin {name}");
            let began = std::time::Instant::now();
            let found = answer(&session, &sql).await;
            eprintln!("end {name}: {found} after {:?}", began.elapsed());
            let state = found.split(' ').next().unwrap_or_default();
            assert!(answers.contains(&state), "{name}: {found}");
            assert_eq!(
                rows(&other, "SELECT 40 + 2").await.unwrap(),
                ["42"],
                "after {name}"
            );
        }
    }
}

#[test]
fn hostile_sql_is_answered() {
    let done = Command::new("sh")
        .args(["-c", "ulimit -v 2097152 && exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "hostile::confined", "--nocapture"])
        .env(CONFINED, "1")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{:?}\n{said}", done.status);
    assert!(said.contains("end sort"), "{said}");
}
