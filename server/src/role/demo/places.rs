//! The states, counties, drugs and buyers of the shipments.

/// A state and how many of [`COUNTIES`] it has; the most populous come first.
pub struct State {
    pub code: &'static str,
    pub counties: usize,
}

pub const STATES: &[State] = &[
    state("CA", 58),
    state("TX", 80),
    state("FL", 67),
    state("NY", 62),
    state("PA", 67),
    state("IL", 80),
    state("OH", 80),
    state("GA", 80),
    state("NC", 80),
    state("MI", 80),
    state("NJ", 21),
    state("VA", 80),
    state("WA", 39),
    state("AZ", 15),
    state("TN", 80),
    state("MA", 14),
    state("IN", 80),
    state("MO", 80),
    state("MD", 24),
    state("WI", 72),
    state("CO", 64),
    state("MN", 80),
    state("SC", 46),
    state("AL", 67),
    state("LA", 64),
    state("KY", 80),
    state("OR", 36),
    state("OK", 77),
    state("CT", 8),
    state("UT", 29),
    state("IA", 80),
    state("NV", 17),
    state("AR", 75),
    state("MS", 80),
    state("KS", 80),
    state("NM", 33),
    state("NE", 80),
    state("ID", 44),
    state("WV", 55),
    state("HI", 5),
    state("NH", 10),
    state("ME", 16),
    state("RI", 5),
    state("MT", 56),
    state("DE", 3),
    state("SD", 66),
    state("ND", 53),
    state("AK", 30),
    state("VT", 14),
    state("WY", 23),
    state("DC", 1),
];

const fn state(code: &'static str, counties: usize) -> State {
    State { code, counties }
}

/// Names that many states have counties of.
pub const COUNTIES: &[&str] = &[
    "WASHINGTON",
    "JEFFERSON",
    "FRANKLIN",
    "JACKSON",
    "LINCOLN",
    "MADISON",
    "MONTGOMERY",
    "UNION",
    "CLAY",
    "MARION",
    "MONROE",
    "GREENE",
    "WAYNE",
    "GRANT",
    "WARREN",
    "CARROLL",
    "ADAMS",
    "DOUGLAS",
    "CLARK",
    "JOHNSON",
    "POLK",
    "LEE",
    "MARSHALL",
    "CALHOUN",
    "LAWRENCE",
    "SCOTT",
    "CRAWFORD",
    "MORGAN",
    "FAYETTE",
    "HENRY",
    "LAKE",
    "PERRY",
    "CUMBERLAND",
    "HAMILTON",
    "BENTON",
    "LOGAN",
    "BROWN",
    "CASS",
    "HANCOCK",
    "SHELBY",
    "ORANGE",
    "PIKE",
    "PUTNAM",
    "MERCER",
    "RANDOLPH",
    "LIVINGSTON",
    "DALLAS",
    "BUTLER",
    "CAMPBELL",
    "HARRISON",
    "HOWARD",
    "KNOX",
    "MITCHELL",
    "NELSON",
    "OSCEOLA",
    "RICHLAND",
    "ROCKINGHAM",
    "STEVENS",
    "SUMMIT",
    "TAYLOR",
    "VAN BUREN",
    "WALKER",
    "WEBSTER",
    "WHITE",
    "WILSON",
    "YORK",
    "ANDERSON",
    "BAKER",
    "BEDFORD",
    "BOONE",
    "CHEROKEE",
    "COOK",
    "DEKALB",
    "DOUGHERTY",
    "EL PASO",
    "ESSEX",
    "FULTON",
    "GARFIELD",
    "HARDIN",
    "IROQUOIS",
];

pub const DRUGS: &[&str] = &["HYDROCODONE", "OXYCODONE", "MORPHINE", "FENTANYL"];

pub const BUYERS: &[&str] = &[
    "RETAIL PHARMACY",
    "CHAIN PHARMACY",
    "HOSPITAL/CLINIC",
    "PRACTITIONER",
    "MAIL ORDER",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_county_has_a_name_of_its_own() {
        let most = STATES.iter().map(|s| s.counties).max();
        assert_eq!(most, Some(COUNTIES.len()));
        let mut names = COUNTIES.to_vec();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), COUNTIES.len());
    }
}
