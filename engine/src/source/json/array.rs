//! Takes the brackets and commas of an array of objects away, so that a reader of objects one after
//! the other can read it, piece by piece.

/// Where in the array the next byte stands.
#[derive(Debug, Clone, Default)]
pub struct Unwrap {
    /// Open brackets and braces, the array's own included.
    depth: usize,
    in_text: bool,
    escaped: bool,
    closed: bool,
}

/// The bytes are not one array.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAnArray;

impl Unwrap {
    /// Blanks out what belongs to the array itself.
    pub fn piece(&mut self, bytes: &mut [u8]) -> Result<(), NotAnArray> {
        for byte in bytes {
            if self.in_text {
                match (self.escaped, *byte) {
                    (true, _) => self.escaped = false,
                    (false, b'\\') => self.escaped = true,
                    (false, b'"') => self.in_text = false,
                    _ => {}
                }
                continue;
            }
            match *byte {
                b' ' | b'\n' | b'\r' | b'\t' => {}
                _ if self.closed => return Err(NotAnArray),
                b'[' if self.depth == 0 => {
                    self.depth = 1;
                    *byte = b' ';
                }
                _ if self.depth == 0 => return Err(NotAnArray),
                b',' if self.depth == 1 => *byte = b' ',
                b']' if self.depth == 1 => {
                    self.closed = true;
                    *byte = b' ';
                }
                b'[' | b'{' => self.depth += 1,
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                b'"' => self.in_text = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether the array is whole.
    pub fn is_closed(&self) -> bool {
        self.closed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrapped(text: &str, step: usize) -> Result<String, NotAnArray> {
        let mut unwrap = Unwrap::default();
        let mut bytes = text.as_bytes().to_vec();
        for piece in bytes.chunks_mut(step) {
            unwrap.piece(piece)?;
        }
        Ok(String::from_utf8_lossy(&bytes)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" "))
    }

    #[test]
    fn objects_remain() {
        let text = r#" [{"a":[1,2],"b":"],[\""},
            {"a":[]}] "#;
        for step in 1..20 {
            let found = unwrapped(text, step);
            assert_eq!(found, Ok(r#"{"a":[1,2],"b":"],[\""} {"a":[]}"#.to_string()));
        }
    }

    #[test]
    fn other_text_is_refused() {
        assert!(unwrapped("{}", 9).is_err());
        assert!(unwrapped("[] x", 9).is_err());
    }
}
