//! The examples of the pages: every block tagged `sql` in README.md and docs/ is run, page by page,
//! each page with an engine of its own and the repository's root as the folder of relative paths.
//!
//! A block of `text` right after it is the result of its last statement, as the shell prints it: a
//! header, a line of dashes, rows, the number of rows. What is no such table is the one value of the
//! result, line by line. A block tagged `sql no-run` is only parsed. Files in `/tmp/` are in a folder of
//! the page's own.

use quern_engine::Session;

use crate::support::{self, Table};

/// A block of code of a page.
#[derive(Debug, Default)]
struct Block {
    line: usize,
    tag: String,
    text: String,
}

#[test]
fn examples_give_what_the_pages_say() {
    std::env::set_current_dir(support::root()).unwrap();
    let mut failures = Vec::new();
    for page in support::files(&["README.md", "docs"], "md") {
        let text = std::fs::read_to_string(&page).unwrap();
        let blocks = blocks(&text);
        let name = support::shown(&page);
        failures.extend(support::block_on(check(&name, &blocks)));
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (at, line) in page.lines().enumerate() {
        match (inside, line.strip_prefix("```")) {
            (false, Some(tag)) => {
                inside = true;
                blocks.push(Block {
                    line: at + 1,
                    tag: tag.trim().to_string(),
                    text: String::new(),
                });
            }
            (true, Some(_)) => inside = false,
            (true, None) => {
                let block = blocks.last_mut().unwrap();
                block.text += line;
                block.text.push('\n');
            }
            (false, None) => {}
        }
    }
    blocks
}

async fn check(page: &str, blocks: &[Block]) -> Vec<String> {
    let session = support::session();
    let temporary = tempfile::tempdir().unwrap();
    let folder = format!("'{}/", temporary.path().display());
    let mut failures = Vec::new();
    for (at, block) in blocks.iter().enumerate() {
        let expected = blocks.get(at + 1).filter(|next| next.tag == "text");
        let checked = match block.tag.as_str() {
            "sql" => {
                let script = block.text.replace("'/tmp/", &folder);
                run(&session, &script, expected).await
            }
            "sql no-run" => session
                .parse(&block.text)
                .map(drop)
                .map_err(|e| e.to_string()),
            _ => Ok(()),
        };
        if let Err(problem) = checked {
            failures.push(format!("{page}:{}\n{}{problem}", block.line, block.text));
        }
    }
    failures
}

async fn run(session: &Session, script: &str, expected: Option<&Block>) -> Result<(), String> {
    let statements = session.parse(script).map_err(|e| e.to_string())?;
    let mut last = None;
    for statement in &statements {
        let table = support::run(session, statement).await;
        last = Some(table.map_err(|e| format!("{}: {}", e.sqlstate(), e.message))?);
    }
    match (expected, last) {
        (Some(expected), Some(table)) => compare(&expected.text, &table),
        _ => Ok(()),
    }
}

fn compare(expected: &str, table: &Table) -> Result<(), String> {
    let root = support::root().to_string_lossy().into_owned();
    let cell = |value: &String| match value.as_str() {
        "NULL" | "(empty)" => String::new(),
        text => text.replace(&format!("{root}/"), "").trim().to_string(),
    };
    let actual: Vec<Vec<String>> = table
        .rows
        .iter()
        .map(|row| row.iter().map(cell).collect())
        .collect();
    let lines: Vec<_> = expected.lines().filter(|l| !l.trim().is_empty()).collect();
    let is_table = lines
        .get(1)
        .is_some_and(|rule| rule.chars().all(|c| matches!(c, '-' | '+')));
    if !is_table {
        let value: Vec<_> = actual
            .iter()
            .flatten()
            .map(|v| v.replace("\\n", "\n"))
            .collect();
        return same(expected.trim(), value.join("\n").trim());
    }
    let cells = |line: &&str| -> Vec<String> {
        line.split('|')
            .map(|c| cell(&c.trim().to_string()))
            .collect()
    };
    let footer = lines
        .iter()
        .rposition(|line| line.starts_with('(') && line.ends_with(')'));
    let rows = &lines[2..footer.unwrap_or(lines.len())];
    let head = std::iter::once(table.columns.clone());
    let text = |rows: &mut dyn Iterator<Item = Vec<String>>| {
        rows.map(|row| row.join(" | "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let wanted = text(&mut lines[..1].iter().chain(rows).map(cells));
    same(&wanted, &text(&mut head.chain(actual)))
}

fn same(expected: &str, actual: &str) -> Result<(), String> {
    if expected == actual {
        return Ok(());
    }
    Err(format!(
        "the page says\n{expected}\nthe engine says\n{actual}"
    ))
}
