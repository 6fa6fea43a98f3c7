//! The text of an array as PostgreSQL writes it: `{a,"b c",NULL}`.

/// The items of an array of one dimension; `None` when the text is none.
pub fn items(text: &str) -> Option<Vec<Option<String>>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    if inner.trim().is_empty() {
        return Some(items);
    }
    let mut letters = inner.chars().peekable();
    loop {
        let mut item = String::new();
        let mut quoted = false;
        while letters.next_if(|c| c.is_whitespace()).is_some() {}
        loop {
            match letters.peek().copied() {
                None | Some(',') => break,
                Some('"') => {
                    letters.next();
                    quoted = true;
                    loop {
                        match letters.next()? {
                            '"' => break,
                            '\\' => item.push(letters.next()?),
                            letter => item.push(letter),
                        }
                    }
                }
                Some('{' | '}') => return None,
                Some('\\') => {
                    letters.next();
                    item.push(letters.next()?);
                    quoted = true;
                }
                Some(letter) if quoted && letter.is_whitespace() => {
                    letters.next();
                }
                Some(letter) => {
                    letters.next();
                    item.push(letter);
                }
            }
        }
        let item = if quoted {
            item
        } else {
            item.trim_end().to_string()
        };
        if item.is_empty() && !quoted {
            return None;
        }
        let is_null = !quoted && item.eq_ignore_ascii_case("null");
        items.push((!is_null).then_some(item));
        if letters.next().is_none() {
            return Some(items);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::items;

    #[test]
    fn items_are_read_as_postgres_reads_them() {
        let read = |text: &str| {
            items(text).map(|items| {
                let shown = items.into_iter().map(|i| i.unwrap_or_else(|| "-".into()));
                shown.collect::<Vec<_>>().join("|")
            })
        };
        assert_eq!(read("{r,p,\"\"}"), Some("r|p|".to_string()));
        assert_eq!(
            read("{ a b , null, \"null\", \"x\\\"y\" }"),
            Some("a b|-|null|x\"y".to_string())
        );
        assert_eq!(read("{}"), Some(String::new()));
        assert_eq!(read("{a,}"), None);
        assert_eq!(read("{{1}}"), None);
        assert_eq!(read("a"), None);
    }
}
