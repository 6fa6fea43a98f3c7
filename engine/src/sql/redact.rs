//! The statement's text without its secrets, for logs, `system.queries` and error reports.

use datafusion::sql::sqlparser::tokenizer::{Token, TokenWithSpan};

/// Names whose string value is never shown again.
const SECRET_NAMES: &[&str] = &[
    "password",
    "secret",
    "token",
    "credential",
    "access_key",
    "account_key",
    "sas",
    "private_key",
];

/// True for option and setting names whose values must stay hidden.
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRET_NAMES.iter().any(|secret| name.contains(secret))
}

/// The text of the tokens, with every string that follows a secret's name replaced by `'***'`.
pub fn redacted(tokens: &[TokenWithSpan]) -> String {
    let mut text = String::new();
    let mut secret = false;
    for token in tokens {
        match &token.token {
            Token::SingleQuotedString(value) => {
                text += &if secret {
                    "'***'".to_string()
                } else {
                    format!("'{}'", without_user(value).replace('\'', "''"))
                };
                secret = false;
            }
            Token::Word(word) => {
                secret = is_secret(&word.value);
                text += &token.token.to_string();
            }
            Token::Comma | Token::RParen => {
                secret = false;
                text += &token.token.to_string();
            }
            Token::EOF => {}
            other => text += &other.to_string(),
        }
    }
    text.trim().to_string()
}

/// `https://user:pass@host/` → `https://***@host/`.
fn without_user(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else {
        return value.to_string();
    };
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::redacted;
    use crate::sql::split;

    #[test]
    fn secrets_are_hidden_and_the_rest_stays() {
        let sql = "CREATE TABLE t WITH (location = 's3://u:p@b/x', secret_access_key = 'abc', header = 'a''b')";
        let shown = redacted(&split(sql).unwrap()[0].tokens);
        assert_eq!(
            shown,
            "CREATE TABLE t WITH (location = 's3://***@b/x', secret_access_key = '***', header = 'a''b')"
        );
        let shown = redacted(&split("CREATE USER u PASSWORD 'x'").unwrap()[0].tokens);
        assert_eq!(shown, "CREATE USER u PASSWORD '***'");
    }
}
