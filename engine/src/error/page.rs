//! The page that is made from the kinds of errors: `docs/errors.md`.

use super::Kind;

/// The reference page of all errors, by SQLSTATE.
pub fn reference_page() -> String {
    let mut page = String::from(
        "# Errors\n\n\
         <!-- Made from engine/src/error.rs; a test says how to make it again. -->\n\n\
         Every error has a message, a SQLSTATE, often the place in the statement, and often a hint. The codes are\n\
         PostgreSQL's, so drivers and programs that know those know these.\n\n\
         | SQLSTATE | name | what it means, and what to do |\n|---|---|---|\n",
    );
    let mut kinds: Vec<_> = Kind::ALL.iter().collect();
    kinds.sort_by_key(|(_, code, _)| *code);
    for (kind, code, doc) in kinds {
        page += &format!("| `{code}` | {} | {} |\n", words(kind.name()), doc.trim());
    }
    page
}

/// `UndefinedTable` → `undefined table`.
fn words(name: &str) -> String {
    let mut text = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !text.is_empty() {
            text.push(' ');
        }
        text.extend(c.to_lowercase());
    }
    text
}
