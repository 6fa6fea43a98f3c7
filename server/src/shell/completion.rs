//! What Tab offers: a pure function of the text, the cursor and the names that are known.

use quern_engine::sql::{self, Lexeme, LexemeKind, quote_identifier};

use super::keywords::{KEYWORDS, is_keyword};
use super::meta::COMMANDS;

/// Names of the catalog at some moment.
#[derive(Debug, Clone, Default)]
pub struct Names {
    pub relations: Vec<Relation>,
    pub schemas: Vec<String>,
    pub functions: Vec<String>,
    pub settings: Vec<&'static str>,
    pub search_path: Vec<String>,
}

#[derive(Debug, Clone)]
pub struct Relation {
    pub schema: String,
    pub name: String,
    pub columns: Vec<String>,
}

/// Texts that could stand from `from` to the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    pub from: usize,
    pub texts: Vec<Candidate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub text: String,
    /// A blank follows.
    pub blank: bool,
}

/// What the place of the cursor asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Place<'a> {
    /// A file, of which this much is typed.
    File {
        from: usize,
        typed: &'a str,
    },
    Names(Offer),
}

pub fn complete<'a>(names: &Names, line: &'a str, cursor: usize) -> Place<'a> {
    let before = line.get(..cursor).unwrap_or(line);
    if before.starts_with('\\') {
        return meta(names, before);
    }
    let start = sql::cut(before).rest;
    let end = sql::cut(line)
        .complete
        .into_iter()
        .find(|range| range.contains(&cursor));
    let statement = line
        .get(start..end.map_or(line.len(), |range| range.end))
        .unwrap_or_default();
    let typed = before.get(start..).unwrap_or_default();
    let lexemes = sql::lexemes(typed);
    if let Some(open) = lexemes.last().filter(|l| l.kind == LexemeKind::Open) {
        let text = typed.get(open.range.clone()).unwrap_or_default();
        return match text.strip_prefix('\'') {
            Some(path) => Place::File {
                from: cursor - path.len(),
                typed: path,
            },
            None => Place::Names(Offer::none(cursor)),
        };
    }
    Place::Names(in_statement(names, statement, typed, cursor))
}

impl Offer {
    fn none(cursor: usize) -> Self {
        Self {
            from: cursor,
            texts: Vec::new(),
        }
    }

    /// Those candidates that begin with what is typed, each once.
    fn of(from: usize, typed: &str, candidates: impl IntoIterator<Item = Candidate>) -> Self {
        let wanted = typed.trim_start_matches('"').to_lowercase();
        let mut texts: Vec<Candidate> = Vec::new();
        for candidate in candidates {
            let text = candidate.text.trim_start_matches('"').to_lowercase();
            if text.starts_with(&wanted) && !texts.iter().any(|t| t.text == candidate.text) {
                texts.push(candidate);
            }
        }
        Self { from, texts }
    }
}

fn name(name: &str) -> Candidate {
    Candidate {
        text: quote_identifier(name),
        blank: false,
    }
}

fn word(text: impl Into<String>) -> Candidate {
    Candidate {
        text: text.into(),
        blank: true,
    }
}

fn in_statement(names: &Names, statement: &str, typed: &str, cursor: usize) -> Offer {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '"' | '$');
    let length: usize = typed
        .chars()
        .rev()
        .take_while(|c| is_part(*c))
        .map(char::len_utf8)
        .sum();
    let (head, current) = typed.split_at(typed.len() - length);
    let words: Vec<String> = sql::lexemes(head)
        .into_iter()
        .filter(|l| l.kind != LexemeKind::Comment)
        .map(|l| head.get(l.range).unwrap_or_default().to_lowercase())
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if let ["set" | "show" | "reset", ..] = words.as_slice()
        && words.len() == 1
    {
        let settings = names.settings.iter().map(|s| word(*s));
        let also = KEYWORDS.iter().map(|k| word(cased(k, current)));
        let also = also.filter(|_| words != ["set"] && !current.contains('.'));
        return Offer::of(cursor - current.len(), current, settings.chain(also));
    }
    if let Some((qualifier, last)) = current.rsplit_once('.') {
        let offered = qualified(names, statement, qualifier.trim_matches('"'));
        return Offer::of(cursor - last.len(), last, offered);
    }
    let from = cursor - current.len();
    match words.last() {
        Some(
            &"from" | &"join" | &"table" | &"view" | &"into" | &"update" | &"describe" | &"desc"
            | &"summarize" | &"analyze",
        ) => Offer::of(from, current, relations(names)),
        Some(&"use" | &"schema") => Offer::of(from, current, names.schemas.iter().map(|s| name(s))),
        _ => Offer::of(from, current, expression(names, statement, current)),
    }
}

/// Relations that need no schema, then the schemas.
fn relations(names: &Names) -> impl Iterator<Item = Candidate> {
    let visible = names
        .relations
        .iter()
        .filter(|r| names.search_path.contains(&r.schema));
    let readers = names.functions.iter().filter(|f| f.starts_with("read_"));
    visible
        .map(|r| name(&r.name))
        .chain(names.schemas.iter().map(|s| Candidate {
            text: format!("{}.", quote_identifier(s)),
            blank: false,
        }))
        .chain(readers.map(|f| call(f)))
}

fn call(function: &str) -> Candidate {
    Candidate {
        text: format!("{function}("),
        blank: false,
    }
}

/// The columns of a relation or an alias, or the relations of a schema.
fn qualified(names: &Names, statement: &str, qualifier: &str) -> Vec<Candidate> {
    let qualifier = qualifier.to_lowercase();
    let named = named_relations(names, statement);
    if let Some((_, relation)) = named.iter().find(|(alias, _)| *alias == qualifier) {
        return relation.columns.iter().map(|c| name(c)).collect();
    }
    let in_schema = names
        .relations
        .iter()
        .filter(|r| r.schema.eq_ignore_ascii_case(&qualifier));
    let settings = names
        .settings
        .iter()
        .filter_map(|s| s.strip_prefix(&format!("{qualifier}.")));
    in_schema
        .map(|r| name(&r.name))
        .chain(settings.map(word))
        .collect()
}

/// Columns of the statement's relations, then functions, keywords and relations.
fn expression(names: &Names, statement: &str, current: &str) -> Vec<Candidate> {
    let named = named_relations(names, statement);
    let columns = named.iter().flat_map(|(_, r)| &r.columns).map(|c| name(c));
    let mut offered: Vec<Candidate> = columns.collect();
    offered.extend(named.iter().map(|(alias, _)| name(alias)));
    if current.is_empty() {
        return offered;
    }
    offered.extend(KEYWORDS.iter().map(|k| word(cased(k, current))));
    offered.extend(names.functions.iter().map(|f| call(f)));
    offered.extend(relations(names));
    offered
}

/// Keywords follow the case of what is typed.
fn cased(keyword: &str, typed: &str) -> String {
    if typed.chars().any(char::is_lowercase) {
        keyword.to_lowercase()
    } else {
        keyword.to_string()
    }
}

/// The relations that a statement names, by the names that it can use for their columns.
fn named_relations<'a>(names: &'a Names, statement: &str) -> Vec<(String, &'a Relation)> {
    let lexemes = sql::lexemes(statement);
    let is_name = |l: &Lexeme| matches!(l.kind, LexemeKind::Word | LexemeKind::QuotedName);
    let text = |at: usize| {
        let lexeme = lexemes.get(at).filter(|l| is_name(l))?;
        let text = statement.get(lexeme.range.clone())?;
        Some(text.trim_matches('"').to_lowercase())
    };
    let is_dot = |at: usize| {
        lexemes
            .get(at)
            .is_some_and(|l| statement.get(l.range.clone()) == Some("."))
    };
    let mut found = Vec::new();
    for at in 0..lexemes.len() {
        let Some(first) = text(at) else { continue };
        if at > 0 && is_dot(at - 1) {
            continue;
        }
        let (schema, relation, next) = match text(at + 2).filter(|_| is_dot(at + 1)) {
            Some(second) => (Some(first), second, at + 3),
            None => (None, first, at + 1),
        };
        let fits = |r: &&Relation| {
            r.name.to_lowercase() == relation
                && match &schema {
                    Some(schema) => r.schema.to_lowercase() == *schema,
                    None => names.search_path.contains(&r.schema),
                }
        };
        let Some(known) = names.relations.iter().find(fits) else {
            continue;
        };
        let alias = match text(next) {
            Some(word) if word == "as" => text(next + 1),
            other => other,
        };
        let alias = alias.filter(|word| !is_keyword(word));
        found.push((alias.unwrap_or(relation), known));
    }
    found
}

fn meta<'a>(names: &Names, before: &'a str) -> Place<'a> {
    let Some(at) = before.find(char::is_whitespace) else {
        let commands = COMMANDS.iter().map(|c| Candidate {
            text: c.name.to_string(),
            blank: !c.arguments.is_empty(),
        });
        return Place::Names(Offer::of(0, before, commands));
    };
    let (command, rest) = before.split_at(at);
    let typed = rest.trim_start();
    let from = before.len() - typed.len();
    let words = |words: &[&str]| -> Vec<Candidate> { words.iter().map(|w| word(*w)).collect() };
    let offered = match command {
        "\\i" | "\\o" => {
            let path = typed.trim_start_matches('\'');
            return Place::File {
                from: before.len() - path.len(),
                typed: path,
            };
        }
        "\\x" => words(&["on", "off", "auto"]),
        "\\timing" => words(&["on", "off"]),
        "\\format" => words(&[
            "table", "csv", "tsv", "json", "ndjson", "markdown", "parquet", "arrow",
        ]),
        "\\set" => words(&names.settings),
        "\\df" => names.functions.iter().map(|f| name(f)).collect(),
        "\\dn" => names.schemas.iter().map(|s| name(s)).collect(),
        "\\d" | "\\d+" | "\\dt" | "\\dv" => match typed.rsplit_once('.') {
            Some((schema, last)) => {
                let offered = qualified(names, "", schema);
                return Place::Names(Offer::of(before.len() - last.len(), last, offered));
            }
            None => relations(names)
                .filter(|c| !c.text.ends_with('('))
                .collect(),
        },
        _ => Vec::new(),
    };
    Place::Names(Offer::of(from, typed, offered))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic)]
    use super::*;

    fn names() -> Names {
        let relation = |schema: &str, name: &str, columns: &[&str]| Relation {
            schema: schema.into(),
            name: name.into(),
            columns: columns.iter().map(ToString::to_string).collect(),
        };
        Names {
            relations: vec![
                relation("public", "trips", &["id", "Fare", "tip"]),
                relation("public", "zones", &["id", "zone"]),
                relation("system", "tables", &["table_name"]),
            ],
            schemas: vec!["public".into(), "system".into()],
            functions: vec!["sum".into(), "read_csv".into()],
            settings: vec!["quern.threads", "timezone"],
            search_path: vec!["public".into()],
        }
    }

    /// The texts offered at `|`.
    fn offered(marked: &str) -> Vec<String> {
        let cursor = marked.find('|').unwrap_or(marked.len());
        let line = marked.replace('|', "");
        match complete(&names(), &line, cursor) {
            Place::Names(offer) => offer.texts.into_iter().map(|c| c.text).collect(),
            Place::File { typed, .. } => vec![format!("file:{typed}")],
        }
    }

    #[test]
    fn tables_follow_from() {
        assert_eq!(offered("SELECT * FROM tr|"), ["trips"]);
        assert_eq!(offered("select * from sys|"), ["system."]);
        assert_eq!(offered("SELECT * FROM system.t|"), ["tables"]);
        assert_eq!(offered("SELECT * FROM read|"), ["read_csv("]);
    }

    #[test]
    fn columns_come_from_the_tables_of_the_statement() {
        assert_eq!(offered("SELECT | FROM zones"), ["id", "zone", "zones"]);
        assert_eq!(
            offered("SELECT fa| FROM trips"),
            ["\"Fare\"", "FALSE".to_lowercase().as_str()]
        );
        assert_eq!(
            offered("SELECT z.| FROM trips t JOIN zones AS z"),
            ["id", "zone"]
        );
        assert_eq!(
            offered("SELECT 1 FROM zones; SELECT t| FROM trips")[0],
            "tip"
        );
    }

    #[test]
    fn keywords_follow_the_case_that_is_typed() {
        assert_eq!(offered("SEL|"), ["SELECT"]);
        assert_eq!(offered("sel|"), ["select"]);
        assert_eq!(
            offered("select su|"),
            ["sum(", "summarize"]
                .map(String::from)
                .into_iter()
                .rev()
                .collect::<Vec<_>>()
        );
    }

    #[test]
    fn settings_follow_set() {
        assert_eq!(offered("SET t|"), ["timezone"]);
        assert_eq!(offered("SET quern.|"), ["quern.threads"]);
        assert_eq!(offered("\\set quern.|"), ["quern.threads"]);
    }

    #[test]
    fn quotes_ask_for_files_and_backslashes_for_commands() {
        assert_eq!(offered("SELECT * FROM 'data/tr|"), ["file:data/tr"]);
        assert_eq!(offered("\\i scr|"), ["file:scr"]);
        assert_eq!(offered("\\ti|"), ["\\timing"]);
        assert_eq!(offered("\\d tr|"), ["trips"]);
        assert_eq!(offered("\\x a|"), ["auto"]);
    }
}
