//! Text without its secrets: statements, locations and messages, for logs, `system.queries`, the
//! listings of the catalog and error reports.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// Names whose value is never shown again.
const SECRET_NAMES: &[&str] = &[
    "password",
    "secret",
    "token",
    "credential",
    "access_key",
    "account_key",
    "customer_key",
    "master_key",
    "sas_key",
    "sas_token",
    "private_key",
];

/// Statements about these hide every text but a date: only passwords are texts in them.
const ROLES: &[&str] = &["user", "role", "group"];

/// Statements in which a bare word may be a value; in others it is a column.
const TAKE_WORDS: &[&str] = &["alter", "copy", "create", "export", "set"];

/// Among these are the words that say what a statement is about.
const LEADING_WORDS: usize = 8;

const HIDDEN: &str = "'***'";

/// True for option and setting names whose values must stay hidden.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase().replace(['.', '-'], "_");
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// What the next value is.
#[derive(Clone, Copy, PartialEq)]
enum Next {
    Plain,
    /// A text that may be shown.
    Shown,
    /// A secret's name was there, as a word.
    Named,
    /// A secret's name was there, as a string: `MAP['name', 'value']`.
    NamedByString,
    /// And then `=`, `=>` or TO.
    Secret,
    /// And then a word, which may be a function's name.
    Call,
}

/// The text of the tokens, with every value that follows a secret's name replaced by `'***'`.
pub fn redacted(tokens: &[TokenWithSpan]) -> String {
    redact(tokens).0
}

/// The same of a text, unchanged where nothing is secret; one that cannot be read is hidden whole.
pub fn redacted_text(sql: &str) -> String {
    let Ok(statements) = super::split(sql) else {
        return HIDDEN.to_string();
    };
    let shown: Vec<_> = statements.iter().map(|s| redact(&s.tokens)).collect();
    if without_secrets(sql) == sql && shown.iter().all(|(_, hidden)| hidden.is_empty()) {
        return sql.to_string();
    }
    let texts: Vec<_> = shown.into_iter().map(|(text, _)| text).collect();
    texts.join("; ")
}

/// The values that [`redacted`] hides, for texts that may repeat them: first as they are written.
pub fn secrets(tokens: &[TokenWithSpan]) -> Vec<String> {
    let mut values = redact(tokens).1;
    let is_secret = |token: &&TokenWithSpan| {
        string_of(&token.token).is_some_and(|value| values.iter().any(|hidden| hidden == value))
    };
    let written = tokens.iter().filter(is_secret);
    let written: Vec<_> = written.map(|token| token.token.to_string()).collect();
    values.retain(|secret| secret.len() >= SHORTEST_SECRET);
    written.into_iter().chain(values).collect()
}

/// What is shorter may be part of any word.
const SHORTEST_SECRET: usize = 4;

fn redact(tokens: &[TokenWithSpan]) -> (String, Vec<String>) {
    let words = tokens.iter().filter_map(|t| match &t.token {
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    });
    let words: Vec<String> = words.take(LEADING_WORDS).collect();
    let is_of = |word: &String, list: &[&str]| list.contains(&word.as_str());
    // Not only the first: somebody may try to EXPLAIN or to PREPARE it.
    let of_role = |two: &[String]| match two {
        [first, second] => is_of(first, &["create", "alter"]) && is_of(second, ROLES),
        _ => false,
    };
    let of_role = words.windows(2).any(of_role);
    let mut redaction = Redaction {
        of_role,
        takes_words: of_role || words.first().is_some_and(|w| is_of(w, TAKE_WORDS)),
        next: Next::Plain,
        text: String::new(),
        hidden: Vec::new(),
    };
    for token in tokens {
        redaction.add(&token.token);
    }
    (redaction.text.trim().to_string(), redaction.hidden)
}

/// A statement that is read token by token.
struct Redaction {
    takes_words: bool,
    of_role: bool,
    next: Next,
    text: String,
    hidden: Vec<String>,
}

impl Redaction {
    fn add(&mut self, token: &Token) {
        let is_value = self.next == Next::Secret && self.takes_words;
        match token {
            Token::EOF => {}
            Token::Whitespace(_) => self.keep(token),
            Token::Word(word) if is_value && word.value.eq_ignore_ascii_case("default") => {
                self.keep(token);
            }
            Token::Word(word)
                if is_value && self.of_role && word.value.eq_ignore_ascii_case("null") =>
            {
                self.next = Next::Plain;
                self.keep(token);
            }
            Token::Word(word) if is_value => self.hide(&word.value),
            Token::Number(..) | Token::Period | Token::Minus | Token::Plus | Token::Div
                if is_value =>
            {
                self.hide(&token.to_string());
            }
            Token::Word(word) => {
                self.next = self.after_word(&word.value);
                self.keep(token);
            }
            other => match string_of(other) {
                Some(value) => self.string(other, value),
                None => {
                    self.next = self.after_sign(other);
                    self.keep(other);
                }
            },
        }
    }

    fn keep(&mut self, token: &Token) {
        self.text += &token.to_string();
    }

    fn hide(&mut self, value: &str) {
        self.hidden.push(value.to_string());
        self.text += HIDDEN;
    }

    fn after_word(&self, word: &str) -> Next {
        match self.next {
            Next::Secret => Next::Call,
            Next::Named if word.eq_ignore_ascii_case("to") => Next::Secret,
            _ if self.of_role && word.eq_ignore_ascii_case("password") => Next::Secret,
            _ if self.of_role && word.eq_ignore_ascii_case("until") => Next::Shown,
            _ if is_secret(word) => Next::Named,
            _ => Next::Plain,
        }
    }

    fn after_sign(&self, token: &Token) -> Next {
        match (token, self.next) {
            (Token::Eq | Token::RArrow, Next::Named | Next::NamedByString)
            | (Token::LParen, Next::Call) => Next::Secret,
            (Token::Comma, Next::NamedByString) => Next::NamedByString,
            (Token::Comma | Token::RParen | Token::RBracket, _) => Next::Plain,
            (_, next) => next,
        }
    }

    fn string(&mut self, token: &Token, value: &str) {
        let plain = match self.of_role {
            true => self.next == Next::Shown,
            false => matches!(self.next, Next::Plain | Next::Shown | Next::Call),
        };
        if !plain {
            self.next = Next::Plain;
            return self.hide(value);
        }
        self.next = match is_name(value) && is_secret(value) {
            true => Next::NamedByString,
            false => Next::Plain,
        };
        self.text += &token_without_secrets(token, value);
    }
}

/// The value of any kind of string.
fn string_of(token: &Token) -> Option<&str> {
    match token {
        Token::SingleQuotedString(value)
        | Token::DoubleQuotedString(value)
        | Token::TripleSingleQuotedString(value)
        | Token::TripleDoubleQuotedString(value)
        | Token::NationalStringLiteral(value)
        | Token::EscapedStringLiteral(value)
        | Token::UnicodeStringLiteral(value)
        | Token::SingleQuotedByteStringLiteral(value)
        | Token::DoubleQuotedByteStringLiteral(value)
        | Token::SingleQuotedRawStringLiteral(value)
        | Token::DoubleQuotedRawStringLiteral(value)
        | Token::HexStringLiteral(value) => Some(value),
        Token::DollarQuotedString(quoted) => Some(&quoted.value),
        _ => None,
    }
}

fn is_name(value: &str) -> bool {
    !value.is_empty()
        && value
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c))
}

fn token_without_secrets(token: &Token, value: &str) -> String {
    let shown = without_secrets(value);
    match token {
        other if shown == value => match other {
            Token::SingleQuotedString(value) => format!("'{}'", value.replace('\'', "''")),
            other => other.to_string(),
        },
        _ => format!("'{}'", shown.replace('\'', "''")),
    }
}

/// The text with the URLs in it stripped of users, passwords and signatures:
/// `https://user:pass@host/x?sig=1` → `https://***@host/x?***`.
pub fn without_secrets(text: &str) -> String {
    let mut done = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        done.push_str(before);
        let end = after
            .find(|c: char| c.is_whitespace() || "'\"`<>()".contains(c))
            .unwrap_or(after.len());
        let (url, following) = after.split_at(end);
        done.push_str(&url_without_secrets(scheme_at_end(before), url));
        rest = following;
    }
    done.push_str(rest);
    done
}

/// `x https://` → `https`.
fn scheme_at_end(text: &str) -> &str {
    let text = text.trim_end_matches("://");
    let mut words = text.rsplit(|c: char| !c.is_ascii_alphanumeric());
    words.next().unwrap_or("")
}

fn url_without_secrets(scheme: &str, url: &str) -> String {
    let authority_end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (authority, path) = url.split_at(authority_end);
    // `abfss://container@account…` names no user.
    let is_container = scheme.to_ascii_lowercase().starts_with("abfs") && !authority.contains(':');
    let authority = match authority.rfind('@') {
        Some(at) if !is_container => format!("***{}", authority.get(at..).unwrap_or("")),
        _ => authority.to_string(),
    };
    let is_http = matches!(scheme.to_ascii_lowercase().as_str(), "http" | "https");
    match path.split_once('?') {
        Some((path, query)) if is_http || is_signature(query) => {
            format!("{authority}{path}?***")
        }
        // Elsewhere a `?` is a character of a pattern.
        _ => format!("{authority}{path}"),
    }
}

fn is_signature(query: &str) -> bool {
    let query = query.to_ascii_lowercase();
    ["sig=", "signature=", "token=", "key=", "credential="]
        .iter()
        .any(|name| query.contains(name))
}

#[cfg(test)]
mod tests {
    use super::{redacted, without_secrets};
    use crate::sql::split;

    fn shown(sql: &str) -> String {
        redacted(&split(sql).unwrap()[0].tokens)
    }

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        let sql = "CREATE TABLE t WITH (location = 's3://u:p@b/x', secret_access_key = 'abc', header = 'a''b')";
        assert_eq!(
            shown(sql),
            "CREATE TABLE t WITH (location = 's3://***@b/x', secret_access_key = '***', header = 'a''b')"
        );
        assert_eq!(
            shown("CREATE USER u PASSWORD 'x'"),
            "CREATE USER u PASSWORD '***'"
        );
    }

    #[test]
    fn no_form_of_a_value_shows_a_secret() {
        for sql in [
            "CREATE USER u PASSWORD 'hush'",
            "create role \"u\" with encrypted password E'hush' login",
            "ALTER USER u PASSWORD $$hush$$",
            "ALTER USER u PASSWORD hush",
            "ALTER USER u PASSWORD \"hush\"",
            "ALTER USER u PASSWORD 12hush",
            "ALTER ROLE u PASSWORD /* new */ = 'hush'",
            "ALTER USER u PASSWORD 'a' 'hush'",
            "ALTER USER u PASWORD 'hush'",
            "CREATE USER password PASSWORD 'hush'",
            "EXPLAIN CREATE USER u PASSWORD 'hush'",
            "PREPARE p AS ALTER USER u PASSWORD 'hush'",
            "SET aws_secret_access_key = 'hush'",
            "SET aws_secret_access_key TO hush",
            "SET quern.aws_secret_access_key = \"hush\"",
            "SET aws_secret_access_key = 12hush",
            "CREATE TABLE t WITH (aws_secret_access_key = hush, header = TRUE)",
            "CREATE TABLE t WITH (aws_session_token = E'hush')",
            "CREATE TABLE t WITH (aws_session_token = $$hush$$)",
            "CREATE TABLE t WITH ('azure_storage_account_key' = 'hush')",
            "CREATE TABLE t WITH (o = MAP['aws_secret_access_key', 'hush'])",
            "CREATE EXTERNAL TABLE t STORED AS csv OPTIONS ('aws.secret.key' 'hush') LOCATION 'x'",
            "SELECT * FROM read_csv('x', azure_storage_sas_key => 'hush')",
            "SELECT * FROM read_csv('x', azure_storage_sas_key => upper('hush'))",
            "SELECT * FROM 'https://h/f.csv?sv=1&sig=hush'",
            "SELECT * FROM 'https://u:hush@h/f.csv'",
            "SELECT * FROM 'az://c/f.csv?sv=1&sig=hush'",
        ] {
            let shown = shown(sql);
            assert!(!shown.contains("hush"), "{shown}");
            assert!(shown.contains("***"), "{shown}");
        }
    }

    #[test]
    fn what_is_no_secret_stays() {
        for sql in [
            "SELECT token FROM t WHERE a.token = b.token AND c = 'x'",
            "SELECT * FROM 's3://b/a?.csv'",
            "SELECT $$x$$, E'a', N'x'",
            "SET aws_session_token = DEFAULT",
            "SELECT 'password', 1",
            "ALTER USER u PASSWORD NULL LOGIN",
            "CREATE USER u VALID UNTIL 'infinity' NOSUPERUSER",
            "GRANT SELECT ON passwords TO u",
        ] {
            assert_eq!(shown(sql), sql);
        }
    }

    #[test]
    fn urls_lose_users_and_signatures() {
        for (text, expected) in [
            (
                "at https://u:p@h:1/x?a=b, twice https://t@h",
                "at https://***@h:1/x?*** twice https://***@h",
            ),
            (
                "abfss://c@a.dfs.core.windows.net/x",
                "abfss://c@a.dfs.core.windows.net/x",
            ),
            ("s3://b/a?b*.csv", "s3://b/a?b*.csv"),
            ("s3://b/é://u:p@x", "s3://b/é://u:p@x"),
            ("https://h/a#b@c", "https://h/a#b@c"),
            ("://", "://"),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }
}
