//! Meta-commands: the lines that begin with `\`. What they mean; `describe.rs` and `shell.rs` do it.

use std::path::PathBuf;

use clap::ValueEnum;
use quern_engine::error::nearest;
use quern_engine::{Error, Kind, Result};

use super::output::{Expanded, Format};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meta {
    /// `\d`: one relation, or a list of those that fit a pattern.
    Describe {
        name: Option<String>,
        verbose: bool,
    },
    Tables(Option<String>),
    Views(Option<String>),
    Functions(Option<String>),
    Schemas(Option<String>),
    Databases,
    Timing(Option<bool>),
    Output(Option<PathBuf>),
    Expanded(Option<Expanded>),
    Include(PathBuf),
    Format(Option<Format>),
    ConnectionInfo,
    /// All settings, or one to show or to set.
    Set(Option<(String, Option<String>)>),
    Help,
    Quit,
}

/// One line of the help.
pub struct Command {
    pub name: &'static str,
    pub arguments: &'static str,
    pub doc: &'static str,
}

const fn command(name: &'static str, arguments: &'static str, doc: &'static str) -> Command {
    Command {
        name,
        arguments,
        doc,
    }
}

/// Every meta-command, in the order of the help.
pub static COMMANDS: &[Command] = &[
    command(
        "\\d",
        "[NAME]",
        "tables and views, or the columns of one; \\d+ says more",
    ),
    command("\\dt", "[PATTERN]", "tables"),
    command("\\dv", "[PATTERN]", "views"),
    command("\\df", "[PATTERN]", "functions"),
    command("\\dn", "[PATTERN]", "schemas"),
    command("\\l", "", "catalogs"),
    command("\\set", "[NAME [VALUE]]", "show or change settings"),
    command("\\conninfo", "", "where statements run, and with what"),
    command(
        "\\format",
        "[NAME]",
        "how rows are written: table, csv, json, …",
    ),
    command("\\x", "[on|off|auto]", "each column on a line of its own"),
    command("\\timing", "[on|off]", "time of each statement"),
    command(
        "\\o",
        "[FILE]",
        "write rows to a file; without one, to the screen again",
    ),
    command("\\i", "FILE", "run a file of statements"),
    command("\\?", "", "this list"),
    command("\\q", "", "leave"),
];

/// Names that mean the same as another.
const ALIASES: &[(&str, &str)] = &[
    ("\\h", "\\?"),
    ("\\help", "\\?"),
    ("help", "\\?"),
    ("\\quit", "\\q"),
    ("\\exit", "\\q"),
    ("quit", "\\q"),
    ("exit", "\\q"),
    ("\\describe", "\\d"),
    ("\\include", "\\i"),
    ("\\list", "\\l"),
];

/// Words that need no backslash when they are all there is.
pub fn is_bare_word(line: &str) -> bool {
    matches!(bare(line), "help" | "quit" | "exit")
}

fn bare(line: &str) -> &str {
    line.trim().trim_end_matches(';').trim_end()
}

/// The meaning of a line that begins with `\`, or of a bare word.
pub fn parse(line: &str) -> Result<Meta> {
    let line = bare(line);
    let (typed, rest) = match line.find(char::is_whitespace) {
        Some(at) => line.split_at(at),
        None => (line, ""),
    };
    let (name, verbose) = match typed.strip_suffix('+') {
        Some(name) if name.starts_with("\\d") => (name, true),
        _ => (typed, false),
    };
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let name = alias.map_or(name, |(_, meant)| *meant);
    let mut words = words(rest)?.into_iter();
    let first = words.next();
    let second = words.next();
    let meta = match name {
        "\\d" => Meta::Describe {
            name: first.clone(),
            verbose,
        },
        "\\dt" => Meta::Tables(first.clone()),
        "\\dv" => Meta::Views(first.clone()),
        "\\df" => Meta::Functions(first.clone()),
        "\\dn" => Meta::Schemas(first.clone()),
        "\\l" => Meta::Databases,
        "\\timing" => Meta::Timing(first.as_deref().map(switch).transpose()?),
        "\\o" => Meta::Output(first.clone().map(PathBuf::from)),
        "\\x" => Meta::Expanded(first.as_deref().map(expanded).transpose()?),
        "\\i" => Meta::Include(
            first
                .clone()
                .map(PathBuf::from)
                .ok_or_else(|| Error::new(Kind::Syntax, "\\i needs the name of a file"))?,
        ),
        "\\format" => Meta::Format(first.as_deref().map(format).transpose()?),
        "\\conninfo" => Meta::ConnectionInfo,
        "\\set" => Meta::Set(first.clone().map(|name| (name, second.clone()))),
        "\\?" => Meta::Help,
        "\\q" => Meta::Quit,
        _ => return Err(unknown(typed)),
    };
    let takes = usize::from(!matches!(name, "\\l" | "\\conninfo" | "\\?" | "\\q"))
        + usize::from(name == "\\set");
    let given = usize::from(first.is_some()) + usize::from(second.is_some()) + words.count();
    if given > takes {
        return Err(usage(name));
    }
    Ok(meta)
}

fn usage(name: &str) -> Error {
    let error = Error::new(Kind::Syntax, format!("too many arguments for {name}"));
    match COMMANDS.iter().find(|c| c.name == name) {
        Some(c) => {
            error.hint(format!("It is written {} {}.", c.name, c.arguments).replace(" .", "."))
        }
        None => error,
    }
}

fn unknown(name: &str) -> Error {
    let error = Error::new(Kind::UndefinedObject, format!("there is no command {name}"));
    let near = nearest(name, COMMANDS.iter().map(|c| c.name));
    match near.first() {
        Some(near) => error.hint(format!("Did you mean {near}? \\? lists all commands.")),
        None => error.hint("\\? lists all commands."),
    }
}

fn switch(word: &str) -> Result<bool> {
    match word.to_ascii_lowercase().as_str() {
        "on" | "true" | "1" => Ok(true),
        "off" | "false" | "0" => Ok(false),
        _ => Err(not_one_of(word, "on or off")),
    }
}

fn expanded(word: &str) -> Result<Expanded> {
    match word.to_ascii_lowercase().as_str() {
        "auto" => Ok(Expanded::Auto),
        _ => match switch(word) {
            Ok(true) => Ok(Expanded::On),
            Ok(false) => Ok(Expanded::Off),
            Err(_) => Err(not_one_of(word, "on, off or auto")),
        },
    }
}

fn format(word: &str) -> Result<Format> {
    Format::from_str(word, true).map_err(|_| {
        let names: Vec<_> = Format::value_variants().iter().map(|f| f.name()).collect();
        not_one_of(word, &names.join(", "))
    })
}

fn not_one_of(word: &str, allowed: &str) -> Error {
    Error::new(
        Kind::InvalidParameterValue,
        format!("\"{word}\" is not one of {allowed}"),
    )
}

/// Words separated by white space; single quotes keep one together.
fn words(text: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut in_name = false;
    for c in text.chars() {
        match c {
            '\'' if !in_name => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && !quoted && !in_name => words.extend(word.take()),
            c => {
                // A quoted name is SQL's own and keeps its quotes.
                in_name ^= c == '"' && !quoted;
                word.get_or_insert_default().push(c);
            }
        }
    }
    if quoted || in_name {
        return Err(Error::new(Kind::Syntax, "a quote is not closed"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn commands_have_arguments_and_aliases() {
        assert_eq!(
            parse("\\d trips;").unwrap(),
            Meta::Describe {
                name: Some("trips".into()),
                verbose: false
            }
        );
        assert_eq!(
            parse("\\d+").unwrap(),
            Meta::Describe {
                name: None,
                verbose: true
            }
        );
        assert_eq!(
            parse("\\x auto").unwrap(),
            Meta::Expanded(Some(Expanded::Auto))
        );
        assert_eq!(
            parse("\\format CSV").unwrap(),
            Meta::Format(Some(Format::Csv))
        );
        assert_eq!(
            parse("\\i 'my file.sql'").unwrap(),
            Meta::Include("my file.sql".into())
        );
        assert_eq!(parse("exit;").unwrap(), Meta::Quit);
        assert_eq!(parse("\\h").unwrap(), Meta::Help);
        assert_eq!(
            parse("\\set timezone Europe/Berlin").unwrap(),
            Meta::Set(Some(("timezone".into(), Some("Europe/Berlin".into()))))
        );
        assert_eq!(
            parse("\\d \"My Table\"").unwrap(),
            Meta::Describe {
                name: Some("\"My Table\"".into()),
                verbose: false
            }
        );
    }

    #[test]
    fn mistakes_say_what_is_meant() {
        let hint = |line| parse(line).unwrap_err().hint.unwrap_or_default();
        assert_eq!(
            hint("\\timin"),
            "Did you mean \\timing? \\? lists all commands."
        );
        assert_eq!(hint("\\zzz"), "\\? lists all commands.");
        assert_eq!(hint("\\timing on now"), "It is written \\timing [on|off].");
        assert_eq!(
            parse("\\x maybe").unwrap_err().message,
            "\"maybe\" is not one of on, off or auto"
        );
        assert!(parse("\\i").is_err());
        assert!(parse("\\i 'open").is_err());
    }
}
