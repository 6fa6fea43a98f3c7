//! Properties over generated input.

use proptest::prelude::*;
use quern_engine::sql;

use crate::support;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever tokens come: an error or statements, no panic.
    #[test]
    fn parsing_never_panics(words in prop::collection::vec(prop::sample::select(WORDS), 0..24)) {
        let _ = support::session().parse(&words.join(" "));
    }

    #[test]
    fn parsing_any_text_never_panics(text in "\\PC{0,60}") {
        let _ = support::session().parse(&text);
    }

    /// Statements stay whole: a `;` in a string, a name or a comment cuts nothing.
    #[test]
    fn a_script_is_cut_between_statements(
        pieces in prop::collection::vec(prop::sample::select(STATEMENTS), 0..6),
        gaps in prop::collection::vec(prop::sample::select(GAPS), 7),
    ) {
        let mut script = gaps[0].to_string();
        for (piece, gap) in pieces.iter().zip(&gaps[1..]) {
            script += &format!("{piece}{gap};{gap}");
        }
        let parts = sql::split(&script).unwrap();
        let texts: Vec<_> = parts.iter().map(|p| p.text.as_str()).collect();
        prop_assert_eq!(texts, pieces);
    }

    /// LIKE, against a few lines that anyone can check.
    #[test]
    fn like_matches_as_the_reference(pairs in prop::collection::vec(("[ab%_é]{0,6}", "[ab%_\\\\]{0,5}"), 12)) {
        let pairs: Vec<_> = pairs
            .into_iter()
            .filter(|(_, pattern)| !dangles(pattern))
            .collect();
        let items: Vec<_> = pairs
            .iter()
            .map(|(text, pattern)| format!("'{text}' LIKE '{pattern}'"))
            .collect();
        prop_assume!(!items.is_empty());
        let expected: Vec<_> = pairs
            .iter()
            .map(|(text, pattern)| {
                let (text, pattern): (Vec<_>, Vec<_>) = (text.chars().collect(), pattern.chars().collect());
                like(&text, &pattern).to_string()
            })
            .collect();
        let rows = query(&format!("SELECT {}", items.join(", ")));
        prop_assert_eq!(&rows[0], &expected, "{:?}", pairs);
    }

    /// What SHOW CREATE TABLE prints makes the same table, whatever the options hold.
    #[test]
    fn options_print_as_they_parse(
        nulls in prop::collection::vec("[a-z'\"\\\\éß;%-]{1,5}", 1..4),
        delimiter in prop::sample::select(&[",", ";", "|", "\t"][..]),
    ) {
        let values: Vec<_> = nulls.iter().map(|n| sql::quote_literal(n)).collect();
        let location = support::root().join("sql-tests/data/no_header.csv");
        let create = format!(
            "CREATE TABLE t (a text, b text) WITH (location = '{}', header = false, delimiter = {}, null_values = ARRAY[{}])",
            location.display(),
            sql::quote_literal(delimiter),
            values.join(", ")
        );
        let first = shown(&create);
        prop_assert_eq!(shown(&first), first);
    }
}

/// The CREATE statement that the engine prints for the table `t` of a CREATE statement.
fn shown(create: &str) -> String {
    let session = support::session();
    let script = format!("{create}; SHOW CREATE TABLE t");
    let mut rows = support::block_on(async {
        let mut last = None;
        for statement in session.parse(&script).unwrap() {
            last = Some(support::run(&session, &statement).await.unwrap().rows);
        }
        last.unwrap()
    });
    let text = rows.remove(0).remove(0);
    text.replace("\\n", "\n")
        .replace("\\t", "\t")
        .replace("\\\\", "\\")
}

fn query(text: &str) -> Vec<Vec<String>> {
    let session = support::session();
    support::block_on(async {
        let statement = session.parse(text).unwrap().remove(0);
        support::run(&session, &statement).await.unwrap().rows
    })
}

/// A pattern may not end in the escape character.
fn dangles(pattern: &str) -> bool {
    pattern.chars().rev().take_while(|c| *c == '\\').count() % 2 == 1
}

fn like(text: &[char], pattern: &[char]) -> bool {
    match (pattern, text) {
        ([], _) => text.is_empty(),
        (['%', rest @ ..], _) => (0..=text.len()).any(|skip| like(&text[skip..], rest)),
        (['_', rest @ ..], [_, tail @ ..]) => like(tail, rest),
        (['\\', plain, rest @ ..], [letter, tail @ ..]) => plain == letter && like(tail, rest),
        ([plain, rest @ ..], [letter, tail @ ..]) => plain == letter && like(tail, rest),
        _ => false,
    }
}

const STATEMENTS: &[&str] = &[
    "SELECT 1",
    "SELECT ';'",
    "SELECT 'it''s; here'",
    "SELECT \"a;b\" FROM t",
    "SELECT /* ; */ 1",
    "SELECT /* /* ; */ ; */ 2",
    "SELECT $$a;b$$",
    "SELECT E'\\';'",
    "CREATE VIEW v AS SELECT 1",
];

const GAPS: &[&str] = &["", " ", "\n", " -- ; comment\n", "/* ; */", ";", "\t;\n;"];

const WORDS: &[&str] = &[
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "ORDER BY",
    "WITH",
    "(",
    ")",
    ",",
    ";",
    "*",
    "1",
    "'a'",
    "\"b\"",
    "t",
    "CREATE",
    "TABLE",
    "VIEW",
    "OR REPLACE",
    "IF NOT EXISTS",
    "EXTERNAL",
    "SCHEMA",
    "location",
    "=",
    "ARRAY[",
    "]",
    "MAP[",
    "-",
    "+",
    ".",
    "SHOW",
    "TABLES",
    "CHUNKS",
    "LIKE",
    "DESCRIBE",
    "EXPLAIN",
    "ANALYZE",
    "VERBOSE",
    "FORMAT",
    "SET",
    "TO",
    "RESET",
    "ALL",
    "PREPARE",
    "AS",
    "EXECUTE",
    "DEALLOCATE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "USE",
    "CANCEL QUERY",
    "SUMMARIZE",
    "ALTER",
    "RENAME",
    "DROP",
    "CASCADE",
    "UNION",
    "EXCEPT ALL",
    "CASE",
    "WHEN",
    "END",
    "OVER",
    "FETCH FIRST",
    "ROWS ONLY",
    "TABLESAMPLE",
    "$1",
    "--",
    "/*",
    "*/",
    "'",
    "\"",
    "::",
    "é",
    "\\",
    "\u{0}",
    "VALUES",
    "INTERVAL",
    "CAST",
    "NULL",
    "IN",
    "EXISTS",
    "LATERAL",
    "JOIN",
    "ON",
    "USING",
    "DISCARD",
    "TIME ZONE",
];
