//! Where a field's text is: in the input, or in the arena if quotes had to be taken out.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    start: u32,
    length: u32,
    in_arena: bool,
    pub quoted: bool,
}

impl Span {
    /// An empty field, which is NULL.
    pub const NULL: Self = Self {
        start: 0,
        length: 0,
        in_arena: false,
        quoted: false,
    };

    /// Text of the input.
    pub fn input(start: usize, end: usize, quoted: bool) -> Self {
        Self {
            start: narrow(start),
            length: narrow(end.saturating_sub(start)),
            in_arena: false,
            quoted,
        }
    }

    /// Text of the arena, which was in quotes.
    pub fn arena(start: usize, end: usize) -> Self {
        Self {
            in_arena: true,
            ..Self::input(start, end, true)
        }
    }

    /// Whether the place of the input is in the text.
    pub fn holds(&self, place: usize) -> bool {
        let start = self.start as usize;
        !self.in_arena && (start..start + self.length as usize).contains(&place)
    }

    pub fn of<'a>(&self, input: &'a str, arena: &'a str) -> Option<&'a str> {
        let from = if self.in_arena { arena } else { input };
        let start = self.start as usize;
        from.get(start..start + self.length as usize)
    }

    pub fn bytes<'a>(&self, input: &'a [u8], arena: &'a [u8]) -> Option<&'a [u8]> {
        let from = if self.in_arena { arena } else { input };
        let start = self.start as usize;
        from.get(start..start + self.length as usize)
    }
}

/// The input is at most a few records, whose length is limited: it fits 32 bits.
fn narrow(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
