//! Rules over the source tree, each with what to do instead.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::{files, root, shown};

/// The engine's modules in the order in which they may import: each from itself and those before.
const ORDER: &[&str] = &[
    "error",
    "options",
    "settings",
    "sql",
    "value_text",
    "chunk",
    "function",
    "model",
    "source",
    "table",
    "persist",
    "wire",
    "join",
    "export",
    "catalog",
    "plan",
    "execution",
    "system",
    "statement",
    "engine",
    "session",
    "lib",
];

/// Files of engine/src/statement/ that are no statements but what statements share.
const SHARED: &[&str] = &[
    "block",
    "compose",
    "context",
    "copy_options",
    "copy_stream",
    "cursor",
    "kept_plan",
    "mod",
    "model_options",
    "model_rows",
    "open_cursor",
    "outcome",
    "parameters",
    "privileges",
    "profile",
    "rewrite",
    "role_options",
    "show",
    "syntax",
    "train",
    "with_options",
    "writing",
];

const SOURCES: &[&str] = &["model", "engine", "cluster", "server", "sql-tests", "bench"];
const MAX_LINES: usize = 500;
const MAX_FUNCTION_LINES: usize = 70;

/// The text of a source file without its unit tests.
fn source(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    text[..end].to_string()
}

fn is_code(line: &str) -> bool {
    !line.trim_start().starts_with("//")
}

fn no_problems(problems: Vec<String>, advice: &str) {
    assert!(problems.is_empty(), "{}\n\n{advice}", problems.join("\n"));
}

/// An engine opens sessions and a session holds its engine: the two are one place.
fn place_in_order(module: &str) -> Option<usize> {
    let module = if module == "session" {
        "engine"
    } else {
        module
    };
    ORDER.iter().position(|m| *m == module)
}

/// The module of the engine that a file belongs to.
fn module_of(path: &Path) -> String {
    let inside = path.strip_prefix(root().join("engine/src")).unwrap();
    let first = inside.components().next().unwrap().as_os_str();
    first.to_string_lossy().trim_end_matches(".rs").to_string()
}

/// The modules that a file names behind `crate::`.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let code: String = text
        .lines()
        .filter(|l| is_code(l))
        .collect::<Vec<_>>()
        .join("\n");
    for rest in code.split("crate::").skip(1) {
        let word = |text: &str| -> String {
            text.chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect()
        };
        match rest.strip_prefix('{') {
            None => drop(found.insert(word(rest))),
            Some(group) => {
                let group = group.split("};").next().unwrap_or(group);
                found.extend(group.split(',').map(|item| word(item.trim())));
            }
        }
    }
    found
}

#[test]
fn modules_import_from_those_above() {
    let lib = std::fs::read_to_string(root().join("engine/src/lib.rs")).unwrap();
    let declared: Vec<_> = lib
        .lines()
        .filter_map(|l| l.trim_start_matches("pub ").strip_prefix("mod "))
        .map(|l| l.trim_end_matches(';').to_string())
        .collect();
    let expected: Vec<_> = ORDER.iter().filter(|m| **m != "lib").collect();
    assert_eq!(
        declared.iter().collect::<Vec<_>>(),
        expected,
        "ORDER of this test is that of lib.rs"
    );
    let mut problems = Vec::new();
    for path in files(&["engine/src"], "rs") {
        let module = module_of(&path);
        let own = place_in_order(&module).unwrap_or_else(|| panic!("{module} is not in ORDER"));
        let tests_only = path.ends_with("testing.rs") || path.ends_with("tests.rs");
        for import in imports(&source(&path)) {
            if !tests_only && place_in_order(&import).is_some_and(|place| place > own) {
                problems.push(format!("{} imports crate::{import}", shown(&path)));
            }
        }
    }
    no_problems(
        problems,
        "A module imports only from those above it in lib.rs: move what is shared up.",
    );
}

#[test]
fn every_file_says_what_it_is_for() {
    let headless = files(SOURCES, "rs")
        .into_iter()
        .filter(|path| !std::fs::read_to_string(path).unwrap().starts_with("//! "));
    no_problems(
        headless.map(|p| shown(&p)).collect(),
        "A file opens with a //! header: what it is for, where it stands, its invariants.",
    );
}

#[test]
fn files_and_functions_are_short() {
    let mut problems = Vec::new();
    for path in files(SOURCES, "rs") {
        let text = source(&path);
        let lines: Vec<_> = text.lines().collect();
        if lines.len() > MAX_LINES {
            problems.push(format!("{} has {} lines", shown(&path), lines.len()));
        }
        for (at, name, length) in functions(&lines) {
            if length > MAX_FUNCTION_LINES {
                problems.push(format!("{}:{at} {name} has {length} lines", shown(&path)));
            }
        }
    }
    no_problems(
        problems,
        "Split it: a file has one subject, a function fits on a screen.",
    );
}

/// The functions of a file as rustfmt lays them out: (line, name, lines).
fn functions(lines: &[&str]) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let indent = &line[..line.len() - code.len()];
        let words: Vec<_> = code.split_whitespace().take(6).collect();
        let Some(fn_at) = words.iter().position(|w| *w == "fn") else {
            continue;
        };
        let modifiers = ["pub", "pub(crate)", "pub(super)", "async", "const"];
        if !is_code(line)
            || !words[..fn_at]
                .iter()
                .all(|w| modifiers.contains(w) || w.starts_with("pub("))
        {
            continue;
        }
        if line.ends_with(';') {
            // A declaration.
            continue;
        }
        let close = format!("{indent}}}");
        let body = lines[at..]
            .iter()
            .position(|l| *l == close || l.ends_with(";") && l.starts_with(&format!("{indent})")));
        let name = words
            .get(fn_at + 1)
            .unwrap_or(&"")
            .split(['(', '<'])
            .next()
            .unwrap_or("");
        found.push((at + 1, name.to_string(), body.map_or(1, |end| end + 1)));
    }
    found
}

#[test]
fn libraries_stay_where_they_belong() {
    // (library, the only places that may name it)
    let rules: &[(&str, &[&str])] = &[
        ("ballista", &["cluster/src/"]),
        ("linfa", &["engine/src/model/"]),
        ("smartcore", &["engine/src/model/"]),
        ("pgwire", &["server/src/postgres/"]),
        ("arrow_flight", &["server/src/flight_sql/", "cluster/src/"]),
        (
            "rusqlite",
            &["engine/src/catalog/", "engine/src/error/convert.rs"],
        ),
        ("reedline", &["server/src/shell/"]),
    ];
    let mut problems = Vec::new();
    for path in files(&["engine/src", "server/src"], "rs") {
        let (name, text) = (shown(&path), source(&path));
        for (library, places) in rules {
            let named = text
                .lines()
                .any(|l| is_code(l) && l.contains(&format!("{library}::")));
            if named && !places.iter().any(|place| name.starts_with(place)) {
                problems.push(format!(
                    "{name} names {library}, which belongs to {}",
                    places.join(", ")
                ));
            }
        }
    }
    no_problems(problems, "Go through the module that owns the library.");
}

#[test]
fn nothing_is_left_for_later() {
    // Written in two parts, so that this file does not hold them.
    let banned = [
        ("to", "do!("),
        ("unimplem", "ented!("),
        ("FIX", "ME"),
        ("TO", "DO"),
        ("XX", "X:"),
    ];
    let mut problems = Vec::new();
    for path in files(SOURCES, "rs") {
        for (at, line) in std::fs::read_to_string(&path).unwrap().lines().enumerate() {
            for (head, tail) in banned {
                let word = format!("{head}{tail}");
                if line.contains(&word) {
                    problems.push(format!("{}:{} {word}", shown(&path), at + 1));
                }
            }
        }
    }
    no_problems(
        problems,
        "Do it now, or return Error::unsupported with a hint.",
    );
}

/// The stems of the files of a folder.
fn stems(folder: &str, extension: &str) -> BTreeSet<String> {
    files(&[folder], extension)
        .iter()
        .map(|p| p.file_stem().unwrap().to_string_lossy().into_owned())
        .collect()
}

#[test]
fn a_statement_has_its_test_and_its_page() {
    let code: BTreeSet<_> = stems("engine/src/statement", "rs")
        .into_iter()
        .filter(|stem| !SHARED.contains(&stem.as_str()))
        .collect();
    let tests = stems("sql-tests/slt/statement", "slt");
    let pages = stems("docs/sql", "md");
    let mut problems = Vec::new();
    for stem in &code {
        if !tests.contains(stem) {
            problems.push(format!("sql-tests/slt/statement/{stem}.slt is missing"));
        }
        if !pages.contains(stem) {
            problems.push(format!("docs/sql/{stem}.md is missing"));
        }
    }
    problems.extend(
        tests
            .difference(&code)
            .map(|stem| format!("engine/src/statement/{stem}.rs is missing for its .slt")),
    );
    no_problems(
        problems,
        "A statement's code, test and page have the same stem.",
    );
}

#[test]
fn the_life_of_a_select_names_what_exists() {
    let page = std::fs::read_to_string(root().join("docs/architecture.md")).unwrap();
    let section = page.split("## The life of a SELECT").nth(1).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let engine: String = files(&["engine/src"], "rs")
        .iter()
        .map(|p| std::fs::read_to_string(p).unwrap())
        .collect();
    let mut problems = Vec::new();
    for code in section.split('`').skip(1).step_by(2) {
        let exists = if code.ends_with(".rs") {
            root().join("engine/src").join(code).exists()
        } else {
            code.split("::").all(|name| is_defined(&engine, name))
        };
        let is_name = code
            .chars()
            .all(|c| c.is_alphanumeric() || "_:/.".contains(c));
        let is_table = code.starts_with("system.");
        if is_name && !is_table && !exists {
            problems.push(format!("docs/architecture.md names `{code}`"));
        }
    }
    no_problems(problems, "Name what is in the sources now.");
}

fn is_defined(engine: &str, name: &str) -> bool {
    ["fn", "struct", "enum", "trait", "mod", "type"]
        .iter()
        .any(|kind| {
            let definition = format!("{kind} {name}");
            engine.match_indices(&definition).any(|(at, _)| {
                let next = engine[at + definition.len()..].chars().next();
                next.is_none_or(|c| !c.is_alphanumeric() && c != '_')
            })
        })
}

#[test]
fn links_lead_somewhere() {
    let mut problems = Vec::new();
    for page in files(
        &["README.md", "CHANGELOG.md", "docs", "sql-tests", "bench"],
        "md",
    ) {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap();
            let local = !path.is_empty() && !path.contains("://") && !path.contains(' ');
            if local && !page.parent().unwrap().join(path).exists() {
                problems.push(format!("{} links to {link}", shown(&page)));
            }
        }
    }
    no_problems(problems, "Correct the link, or write the page.");
}
